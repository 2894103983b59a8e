"""Every night the incidents that opened or moved, from the PagerDuty REST API into `raw.pagerduty_*`.

- **When**: 06:00 UTC. A run takes each launch's local dates that ended in its data interval: one date a night, in the launch's own zone.
- **What**: one mapped task a launch: incidents, log entries (the feed of changes), services.
- **Again**: incidents are merged by id and the newest version wins, so running a day twice changes nothing.
- **Limit**: 960 calls a minute, counted in the warehouse for all tasks together.
  A task that would wait for more than 90 seconds is up for reschedule until its turn comes; no retry is used up.
- **Then**: `announce` emits the asset `raw_pagerduty`, which starts `build_marts`; it is skipped where nothing changed.
- **A wrong launch file** fails its own task, with the reason, and no other's: fix it and clear the task.
- **When it fails**: the other launches and sources go on. A refused token fails at once: fix the connection that the launch file names
  (`pagerduty.connection`, by default `postlaunch_pagerduty`), then clear the task. Anything else is tried again three times.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.ingests import ingest_dag

dag: DAG = ingest_dag("pagerduty", __doc__)
