"""The sources. Each package pulls the records of a window into the landing zone, complete or not at all.

registry.py            which sources there are
<name>/spec.py         what the pipeline has to know of one: streams, limits, pool
<name>/extract.py      its one public function
"""
