"""build_marts: when it starts to build, and that it does not end green with models left out."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from postlaunch.errors import BuildError, ConfigError


def run(monkeypatch: pytest.MonkeyPatch, busy: tuple[str, ...], minutes_ago: int = 0) -> None:
    """Airflow's side of a task of build_marts: the run's start, and which DAGs have runs under way."""
    from postlaunch.orchestration import marts

    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
    context: dict[str, Any] = {
        "ti": SimpleNamespace(get_dr_count=lambda dag_id, states: int(dag_id in busy and "running" in states)),
        "dag_run": SimpleNamespace(start_date=start, run_after=start),
    }
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


def test_nothing_under_way_means_build_now(monkeypatch: pytest.MonkeyPatch) -> None:
    from postlaunch.orchestration.marts import ingests_have_settled

    run(monkeypatch, busy=())
    assert ingests_have_settled()


@pytest.mark.parametrize(("loaded_minutes_ago", "settled"), [(1, False), (30, True)])
def test_a_backfill_under_way_is_waited_for_as_long_as_it_brings_something(
    loaded_minutes_ago: int, settled: bool, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postlaunch.orchestration.marts import ingests_have_settled

    run(monkeypatch, busy=("ingest_mixpanel",), minutes_ago=60)
    loaded(warehouse, loaded_minutes_ago)
    assert ingests_have_settled() is settled


def test_a_source_in_trouble_is_not_waited_for_longer_than_ten_minutes(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from postlaunch.orchestration.marts import ingests_have_settled

    run(monkeypatch, busy=("ingest_zendesk",), minutes_ago=9)
    assert not ingests_have_settled()
    run(monkeypatch, busy=("ingest_zendesk",), minutes_ago=11)
    assert ingests_have_settled()


def results(folder: Path, **statuses: str) -> str:
    (folder / "target").mkdir()
    rows = [{"unique_id": f"model.postlaunch.{name}", "status": status} for name, status in statuses.items()]
    (folder / "target" / "run_results.json").write_text(json.dumps({"results": rows}))
    return str(folder)


def test_a_dbt_run_with_a_skipped_model_is_an_error_that_names_it(tmp_path: Path) -> None:
    from postlaunch.orchestration.marts import check_run_results

    with pytest.raises(BuildError, match=r"model\.postlaunch\.kpi_daily \(skipped\)"):
        check_run_results(results(tmp_path, launches="success", kpi_daily="skipped"))


def test_a_dbt_run_that_did_nothing_is_an_error(tmp_path: Path) -> None:
    from postlaunch.orchestration.marts import check_run_results

    with pytest.raises(BuildError, match="anything"):
        check_run_results(results(tmp_path))


def test_a_complete_dbt_run_passes(tmp_path: Path) -> None:
    from postlaunch.orchestration.marts import check_run_results

    check_run_results(results(tmp_path, launches="success", a_test="warn"), context={})


def test_a_model_task_that_did_not_succeed_is_named_and_the_skipped_retry_of_dbt_is_not() -> None:
    from postlaunch.orchestration.marts import unbuilt

    states = {"dbt.dbt_producer_watcher": "skipped", "dbt.a_run": "success", "dbt.b_run": "skipped", "dbt.c_run": None}
    assert unbuilt(states) == ["dbt.b_run", "dbt.c_run"]


def test_without_a_manifest_the_dag_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from postlaunch.orchestration.marts import dbt_group

    monkeypatch.setenv("POSTLAUNCH_DBT_PROJECT", str(tmp_path))
    with pytest.raises(ConfigError, match="run `make setup`"):
        dbt_group()
