"""Rebuild, audit and publish the marts whenever raw data changed.

- **When**: an asset `raw_<source>`, whichever ingest emits it. Never two runs at once: what changes during
  a run is collected into the next one, and a run that finds nothing changed ends at once.
- **settle**: waits while ingests work (up to ten minutes after their last load, and four hours at most), so that ninety backfilled days
  cost one build. What waits itself, for a retry or for the limit of an API, is not waited for.
- **build**: the dates whose raw partitions changed since the last build (`ops.partition_loads`), by one dbt into the schema `build`, which
  nobody but the pipeline reads. Each model with its seconds is a line of the task's log, and all of them are its XCom. Models that fail
  are tried once more, with those that wait for them; a dbt that is killed is begun again; a task that is killed takes its dbt along and
  is tried again.
- **audit**: Great Expectations. A critical failure holds its domain and is not an error: the last good marts stay, and the reviews say so.
- **publish**: everything that passed, in one transaction with one publication number; also what a run before this one built and could not
  publish.
- **When it fails**: nothing is published and the changed dates stay marked. Read the log of `build`, which names the model, fix it, and
  clear the failed task or trigger this DAG again; a trigger by hand is always safe.
"""

import datetime as dt

from airflow.sdk import DAG, AssetAny, task

from postlaunch.orchestration import marts
from postlaunch.orchestration.assets import RAW
from postlaunch.orchestration.defaults import RETRIES, START

with DAG(
    dag_id="build_marts",
    doc_md=__doc__,
    schedule=AssetAny(*RAW),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["build"],
    default_args={**RETRIES, "retries": 1, "retry_delay": dt.timedelta(seconds=30)},
) as dag:
    settle = task(task_id="settle", execution_timeout=dt.timedelta(minutes=5))(marts.wait_for_ingests)()
    build = task.short_circuit(task_id="build", execution_timeout=marts.LONGEST_BUILD, retries=3, retry_delay=dt.timedelta(seconds=10))(
        marts.build_dirty_dates
    )()
    audit = task(task_id="audit")(marts.run_audit)()
    publish = task(task_id="publish")(marts.run_publish)()

    settle >> build >> audit >> publish
