"""Every night the tickets that changed, from Zendesk's incremental exports into `raw.zendesk_*`.

- **When**: 06:00 UTC. A run takes each launch's local dates that ended in its data interval: one date a night, in the launch's own zone.
- **What**: one mapped task a launch: tickets with their metric sets, ticket metric events, satisfaction ratings. Deleted tickets come too.
- **Again**: tickets are merged by id and the newest version wins, so running a day twice changes nothing.
- **Limit**: 10 calls a minute, counted in the warehouse for all tasks together.
  A task that would wait for more than 90 seconds is up for reschedule until its turn comes; no retry is used up.
- **Then**: `announce` emits the asset `raw_zendesk`, which starts `build_marts`; it is skipped where nothing changed.
- **A wrong launch file** fails its own task, with the reason, and no other's: fix it and clear the task.
- **When it fails**: the other launches and sources go on. A refused token fails at once: fix the connection that the launch file names
  (`zendesk.connection`, by default `postlaunch_zendesk`), then clear the task. Anything else is tried again three times.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.ingests import ingest_dag

dag: DAG = ingest_dag("zendesk", __doc__)
