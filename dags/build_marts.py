"""Rebuild, audit and publish the marts whenever raw data changed.

- **When**: any of the assets `raw_mixpanel`, `raw_zendesk`, `raw_pagerduty`, `raw_prometheus`. Never two runs at once: what changes during
  a run is collected into the next one, and a run that finds nothing changed ends at once.
- **settle**: waits while ingests are under way (up to ten minutes after their last load), so that ninety backfilled days cost one build.
- **start_build**: the dates whose raw partitions changed since the last build, from `ops.partition_loads`.
- **dbt**: one `dbt build` into the schema `build`, every model a task; no test runs here. Nobody but the pipeline reads this schema.
- **check_models**: every model was really built; a run with skipped models must not end green.
- **audit**: Great Expectations. A critical failure holds its domain and is no error: the last good marts stay, and the reviews say so.
- **publish**: everything that passed, in one transaction with one publication number.
- **When it fails**: nothing is published and the changed dates stay marked. Read the log of the red model, mend it, and clear the failed
  tasks or trigger this DAG again; a trigger by hand is always safe.
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
    settle = task.sensor(poke_interval=10, timeout=4 * 3600, mode="reschedule", task_id="settle")(marts.ingests_have_settled)()
    start = task.short_circuit(task_id="start_build")(marts.take_dirty_dates)()
    dbt = marts.dbt_group()
    check = task(task_id="check_models")(marts.check_models)()
    finish = task(task_id="finish_build")(marts.close_build)()
    audit = task(task_id="audit")(marts.run_audit)()
    publish = task(task_id="publish")(marts.run_publish)()

    settle >> start >> dbt >> check >> finish >> audit >> publish
