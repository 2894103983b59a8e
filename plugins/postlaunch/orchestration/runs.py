"""What the other DAGs are doing right now, asked from inside a task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.sdk.types import RuntimeTaskInstanceProtocol

from postlaunch.config.launch import SOURCES, Source

BUILD_DAG = "build_marts"
_UNDER_WAY = ["queued", "running"]


def ingest_dag_id(source: Source) -> str:
    """Id of the DAG that ingests a source."""
    return f"ingest_{source}"


def is_busy(task_instance: RuntimeTaskInstanceProtocol, dag_id: str) -> bool:
    """Whether a run of that DAG is queued or running (a backfill's runs are queued at once, all of them)."""
    return task_instance.get_dr_count(dag_id=dag_id, states=_UNDER_WAY) > 0


def busy_ingests(task_instance: RuntimeTaskInstanceProtocol, sources: Iterable[Source] = SOURCES) -> list[Source]:
    """The sources that are being ingested, or wait for it."""
    return [source for source in sources if is_busy(task_instance, ingest_dag_id(source))]


def states_in_group(task_instance: Any, group_id: str) -> dict[str, str | None]:
    """State of every task of a task group in this run, by task id."""
    states = task_instance.get_task_states(dag_id=task_instance.dag_id, task_group_id=group_id, run_ids=[task_instance.run_id])
    found: dict[str, str | None] = states[task_instance.run_id]
    return found
