"""Pulls from one hostile server in a fresh process, and prints what each pull ended in and the most memory that it ever held.

stdin: {"source", "launch", "pulls": how many, "connection", "day"}; the number of a pull stands behind the password.
stdout: {"ends": [[error or "", rows, warnings]], "peak_mib", "libraries_mib": the most before the first pull}
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import sys
import tempfile

from benchmarks.child import peak_mib
from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import SourceError
from postlaunch.landing.zone import Landing
from postlaunch.sources import base
from postlaunch.sources.registry import SPECS


def main() -> None:
    task = json.load(sys.stdin)
    base.PATIENCE.attempts, base.PATIENCE.first_wait, base.PATIENCE.longest_wait = 1, 0.0, 0.0
    extract, ends = SPECS[task["source"]].extract, []
    day = dt.date.fromisoformat(task["day"])
    launch = Launch.model_validate(task["launch"])
    libraries_mib = peak_mib()
    for number in range(task["pulls"]):
        gc.collect()  # what the pull before left in circles (errors and their frames) is not this one's
        with tempfile.TemporaryDirectory() as folder:
            connection = Connection(**{**task["connection"], "password": f"secret-{number}"})
            try:
                pulls = extract(launch, connection, Dates.of(day), Landing(folder), lambda *_: None)
                manifests = [pull.manifest for pull in pulls]
                ends.append(["", sum(each.rows for each in manifests), [text for each in manifests for text in each.warnings]])
            except SourceError as error:
                ends.append([str(error), 0, []])
    print(json.dumps({"ends": ends, "peak_mib": peak_mib(), "libraries_mib": libraries_mib}))  # noqa: T201


if __name__ == "__main__":
    main()
