"""What the other DAGs are doing right now, asked from inside a task."""

from __future__ import annotations

from typing import Literal

from airflow.sdk.types import RuntimeTaskInstanceProtocol

from postlaunch.config.launch import Source

BUILD_DAG = "build_marts"
Pace = Literal["works", "between tasks", "waits", "rests"]
_UNDER_WAY = ["queued", "running"]
_AT_WORK = ["scheduled", "queued", "running", "restarting"]
_WAITING = ["up_for_retry", "up_for_reschedule", "deferred"]


def ingest_dag_id(source: Source) -> str:
    """Id of the DAG that ingests a source."""
    return f"ingest_{source}"


def is_busy(task_instance: RuntimeTaskInstanceProtocol, dag_id: str) -> bool:
    """Whether a run of that DAG is queued or running (a backfill's runs are queued at once, all of them)."""
    return task_instance.get_dr_count(dag_id=dag_id, states=_UNDER_WAY) > 0


def ingest_pace(task_instance: RuntimeTaskInstanceProtocol, source: Source) -> Pace:
    """What the ingest of a source is doing, over all its runs: one task that works counts for more than any that waits.

    A task waits for its retry, or for an API's limit (up for reschedule). A run without a task in any of these states is between two.
    """
    dag_id = ingest_dag_id(source)
    if task_instance.get_ti_count(dag_id=dag_id, states=_AT_WORK):
        return "works"
    if not is_busy(task_instance, dag_id):
        return "rests"
    return "waits" if task_instance.get_ti_count(dag_id=dag_id, states=_WAITING) else "between tasks"
