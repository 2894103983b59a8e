"""The only part of the package that imports Airflow: schedules, assets, pools, and the tasks that the files in dags/ wire up.

dags/*.py  ->  orchestration/{ingests,marts,reviews}.py  ->  postlaunch.{ingest,warehouse,quality,reviews}
"""
