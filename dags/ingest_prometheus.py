"""Every night the samples of the day before, from the Prometheus HTTP API into `raw.prometheus_samples`.

- **When**: 06:00 UTC. A run takes each launch's local dates that ended in its data interval: one date a night, in the launch's own zone.
- **What**: one mapped task a launch: the selectors of its service levels and the queries of its resources, every `step_seconds`.
- **Again**: a date is replaced in one transaction, so running a day twice changes nothing. What Prometheus
  has dropped by its retention can no longer be pulled: `postlaunch load prometheus` reloads it from the landing zone.
- **Then**: `announce` emits the asset `raw_prometheus`, which starts `build_marts`; it is skipped where nothing changed.
- **A wrong launch file** fails its own task, with the reason, and no other's: fix it and clear the task.
- **When it fails**: the other launches and sources go on. Refused credentials fail at once: fix the connection that the launch file names
  (`prometheus.connection`, by default `postlaunch_prometheus`), then clear the task. Anything else is tried again three times.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.ingests import ingest_dag

dag: DAG = ingest_dag("prometheus", __doc__)
