"""Every night the events of the day before, from the Mixpanel raw export into `raw.mixpanel_events`.

- **When**: 06:00 UTC. A run takes each launch's local dates that ended in its data interval: one date a night, in the launch's own zone.
- **What**: one mapped task a launch. A nightly run pulls the launch's `lookback_days` again (late events); a backfill only its own days.
- **Again**: a date is replaced in one transaction, so running a day twice changes nothing.
- **Limit**: 60 calls an hour and 3 a second for the whole project, counted in the warehouse for all tasks together.
  A task that would wait for more than 90 seconds is up for reschedule until its turn comes; no retry is used up.
- **Then**: `announce` emits the asset `raw_mixpanel`, which starts `build_marts`; it is skipped where nothing changed.
- **A wrong launch file** fails its own task, with the reason, and no other's: fix it and clear the task.
- **When it fails**: the other launches and sources go on. A refused password fails at once: fix the connection that the launch file names
  (`mixpanel.connection`, by default `postlaunch_mixpanel`), then clear the task. Anything else is tried again three times.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.ingests import ingest_dag

dag: DAG = ingest_dag("mixpanel", __doc__)
