"""build_marts: when it starts to build, and what its log says."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest


class Metadata:
    """What Airflow answers about runs and tasks: `runs` are (dag, state of the run, states of its tasks)."""

    def __init__(self, *runs: tuple[str, str, tuple[str | None, ...]]) -> None:
        self.runs = runs

    def get_dr_count(self, dag_id: str, states: list[str]) -> int:
        return sum(dag == dag_id and state in states for dag, state, _ in self.runs)

    def get_ti_count(self, dag_id: str, states: list[str]) -> int:
        return sum(task in states for dag, _, tasks in self.runs if dag == dag_id for task in tasks)


def run(monkeypatch: pytest.MonkeyPatch, *runs: tuple[str, str, tuple[str | None, ...]], minutes_ago: float = 0) -> None:
    """Airflow's side of a task of build_marts: its run's start, and the runs of other DAGs."""
    from postlaunch.orchestration import marts

    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
    context: dict[str, Any] = {"ti": Metadata(*runs), "dag_run": SimpleNamespace(start_date=start, run_after=start)}
    monkeypatch.setattr(marts, "get_current_context", lambda: context)


def loaded(warehouse: str, minutes_ago: int) -> None:
    with psycopg.connect(warehouse) as session:
        session.execute(
            """
            insert into ops.partition_loads (
                launch_id, source, stream, window_start_at, window_end_at, pull_id, landing_path, bytes_count, landed_count, loaded_count,
                duplicate_count, quarantined_count, content_hash, is_changed, request, duration_seconds, loaded_at
            )
            values ('x', 'mixpanel', 'events', now(), now(), 'p', 'l', 0, 0, 0, 0, 0, 'h', true, '{}', 1, now() - %s * interval '1 minute')
            """,
            (minutes_ago,),
        )


DONE = ("ingest_prometheus", "success", ("success", "success", "success"))
WORKS = ("ingest_mixpanel", "running", ("success", "running", None))
RETRY = ("ingest_zendesk", "running", ("success", "up_for_retry", "success", "success", None))
LIMIT = ("ingest_mixpanel", "running", ("success", "up_for_reschedule", None))
BETWEEN = ("ingest_mixpanel", "running", ("success", "success", None))
QUEUED = ("ingest_mixpanel", "queued", ())


@pytest.mark.parametrize(
    ("runs", "loaded_minutes_ago", "settled"),
    [
        ([DONE], 0, True),
        ([DONE, WORKS], 9, False),
        ([DONE, WORKS], 11, True),
        ([DONE, RETRY], 0, True),
        ([DONE, LIMIT], 0, True),
        ([RETRY, LIMIT, QUEUED, QUEUED], 0, True),
        ([RETRY, WORKS], 0, False),
        ([BETWEEN, QUEUED], 0, False),
        ([BETWEEN, QUEUED], 2, True),
        ([RETRY, QUEUED], 0, False),
    ],
    ids=[
        "all is there",
        "an ingest works",
        "an ingest works and has brought nothing for long",
        "a launch waits for its retry",
        "a launch waits for the limit of its API",
        "a backfill waits for the limit, its other runs behind it",
        "a launch waits for its retry and another works",
        "a backfill is between two runs",
        "runs of a DAG that somebody paused",
        "a launch waits for its retry and a backfill of another source begins",
    ],
)
def test_a_build_waits_for_what_works_and_for_nothing_that_waits_itself(
    runs: list[Any], loaded_minutes_ago: int, settled: bool, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postlaunch.orchestration.marts import ingests_have_settled

    run(monkeypatch, *runs, minutes_ago=60)
    loaded(warehouse, loaded_minutes_ago)
    assert ingests_have_settled() is settled


def test_a_run_that_has_just_begun_gives_the_other_sources_their_time(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from postlaunch.orchestration.marts import ingests_have_settled

    run(monkeypatch, WORKS, minutes_ago=9)
    loaded(warehouse, 60)
    assert not ingests_have_settled()


def test_a_backfill_that_goes_on_for_hours_has_marts_of_what_it_has_brought_by_then(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postlaunch.orchestration.marts import ingests_have_settled

    loaded(warehouse, 1)
    run(monkeypatch, WORKS, minutes_ago=239)
    assert not ingests_have_settled()
    run(monkeypatch, WORKS, minutes_ago=241)
    assert ingests_have_settled()


def test_settle_gives_its_place_back_and_comes_again_in_ten_seconds(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException  # noqa: TID251

    from postlaunch.orchestration.marts import wait_for_ingests

    run(monkeypatch, WORKS)
    with pytest.raises(AirflowRescheduleException) as caught:
        wait_for_ingests()
    assert 0 < (caught.value.reschedule_date - dt.datetime.now(dt.UTC)).total_seconds() <= 10
    run(monkeypatch, DONE)
    wait_for_ingests()


def test_each_model_is_a_line_of_the_log_with_its_seconds(caplog: pytest.LogCaptureFixture) -> None:
    from postlaunch.marts.dbt_run import Node
    from postlaunch.orchestration.marts import _log_node

    with caplog.at_level("INFO"):
        _log_node(Node("kpi_daily", "model", "success", 1.234, 7, 71))
        _log_node(Node("scorecard", "model", "error", 0.1, 8, 71))
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", " 7 of 71  success    1.23 s  kpi_daily"),
        ("WARNING", " 8 of 71  error      0.10 s  scorecard"),
    ]
