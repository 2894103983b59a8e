"""Once a week remove what is kept no longer: raw months, and pulls that newer ones have replaced.

- **When**: Sundays, 14:00 UTC. Without `POSTLAUNCH_RETENTION_RAW_MONTHS` and `POSTLAUNCH_RETENTION_LANDING_MONTHS` everything is kept,
  and the task only says so. With them: the running month stays, and as many before it as they say.
- **prune**: a month of raw events or samples goes if each of its dates is built, published, and whole in the landing zone; all months in
  one transaction. Marts and everything else that was built stay. A build that needs a date again (a backfill, a merge of ids, a changed
  launch file, a full refresh) loads it from the landing zone first, and the next Sunday drops it again.
- **Run again**: as often as one likes; what is gone is gone, and nothing else goes.
- **When it fails**: no month has gone. A build was at work, or somebody read raw: the task tries again by itself. A month that stays is no
  failure: the log says which date keeps it and why. By hand: `postlaunch prune --dry-run`, `postlaunch prune`.
"""

import datetime as dt

from airflow.sdk import DAG, task

from postlaunch.orchestration import upkeep
from postlaunch.orchestration.defaults import RETRIES, START, UPKEEP

with DAG(
    dag_id="prune_storage",
    doc_md=__doc__,
    schedule=UPKEEP,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["upkeep"],
    default_args=RETRIES,
) as dag:
    task(task_id="prune", execution_timeout=dt.timedelta(hours=4))(upkeep.run_prune)()
