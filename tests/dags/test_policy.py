"""What every DAG has to be. Each message says what fixes it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from postlaunch.orchestration.docs import docstring

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
NAMES = [file.stem for file in DAG_FILES]


@pytest.fixture(params=NAMES)
def dag(request: pytest.FixtureRequest, dags: dict[str, Any]) -> Any:
    assert request.param in dags, f"dags/{request.param}.py defines {sorted(dags)}: name the file as its dag_id"
    return dags[request.param]


def test_the_eight_dags_exist(dags: dict[str, Any]) -> None:
    ingests = {"ingest_mixpanel", "ingest_zendesk", "ingest_pagerduty", "ingest_prometheus"}
    assert set(dags) == ingests | {
        "build_marts",
        "daily_review",
        "weekly_business_review",
        "monthly_business_review",
        "verdict",
        "prune_storage",
    }


def test_a_dag_file_is_thin() -> None:
    for file in DAG_FILES:
        lines = len(file.read_text().splitlines())
        assert lines < 80, f"{file.name} has {lines} lines: move logic to plugins/postlaunch/orchestration/"


def test_airflow_reads_every_dag_file_although_its_safe_mode_skips_files_that_do_not_name_it() -> None:
    for file in DAG_FILES:
        text = file.read_text().lower()
        assert {"dag", "airflow"} <= set(re.findall(r"\w+", text)), (
            f"{file.name}: import DAG from airflow.sdk, or Airflow will not look at the file"
        )


def test_every_task_has_an_owner_retries_and_a_timeout(dag: Any) -> None:
    for task in dag.tasks:
        where = f"{dag.dag_id}.{task.task_id}"
        assert task.owner == "postlaunch", f"{where}: owner {task.owner!r}: pass default_args=RETRIES (orchestration/defaults.py)"
        assert task.retries >= 1, (
            f"{where}: never tries again: take retries from RETRIES; raise AirflowFailException where a retry cannot help"
        )
        assert task.execution_timeout is not None, f"{where}: may hang for ever: set execution_timeout"


def test_tags_come_from_the_closed_list(dag: Any) -> None:
    from postlaunch.orchestration.defaults import TAGS

    assert dag.tags, f"{dag.dag_id}: no tags: choose from {sorted(TAGS)}"
    assert dag.tags <= TAGS, (
        f"{dag.dag_id}: {sorted(dag.tags - TAGS)} are not in TAGS: choose from it, or extend it in orchestration/defaults.py"
    )


def test_no_dag_catches_up_and_all_are_capped(dag: Any) -> None:
    assert dag.catchup is False, f"{dag.dag_id}: set catchup=False: history is a backfill, which a person starts"
    assert 1 <= dag.max_active_runs <= 5, f"{dag.dag_id}: set max_active_runs: sixteen runs at once would flood the APIs"


def test_the_documentation_says_when_and_what_fixes_it(dag: Any) -> None:
    text = docstring(ROOT / "dags" / f"{dag.dag_id}.py")
    assert dag.doc_md.strip().startswith(text), f"{dag.dag_id}: set doc_md=__doc__"
    for heading in ("**When**", "**When it fails**"):
        assert heading in text, f"{dag.dag_id}: the docstring lacks {heading}: the person on call at 3 a.m. reads nothing else"


def test_ingests_have_a_real_data_interval_and_a_pool(dags: dict[str, Any]) -> None:
    from postlaunch.orchestration.defaults import NIGHTLY
    from postlaunch.orchestration.pools import pools

    for name, dag in dags.items():
        if name.startswith("ingest_"):
            assert dag.schedule is NIGHTLY, f"{name}: a plain cron string has no data interval: use NIGHTLY"
            ingest = dag.get_task("launch.ingest")
            assert ingest.pool == f"postlaunch_{name.removeprefix('ingest_')}"
            assert ingest.pool in pools(), f"{name}: its pool is not in orchestration/pools.py: the task would never start"


def test_build_marts_runs_on_any_source_and_never_twice_at_once(dags: dict[str, Any]) -> None:
    dag = dags["build_marts"]
    assert type(dag.schedule).__name__ == "AssetAny"
    assert {asset.name for asset in dag.schedule.objects} == {
        f"raw_{source}" for source in ("mixpanel", "zendesk", "pagerduty", "prometheus")
    }
    assert dag.max_active_runs == 1


def test_dbt_is_one_task_whatever_the_number_of_its_models(dags: dict[str, Any]) -> None:
    assert {task.task_id for task in dags["build_marts"].tasks} == {"settle", "build", "audit", "publish"}


def test_a_build_that_was_killed_is_back_within_a_minute(dags: dict[str, Any]) -> None:
    build = dags["build_marts"].get_task("build")
    assert build.retries >= 1
    assert 2 * build.retry_delay.total_seconds() <= 30, "Airflow may double the delay, and starting a task and dbt takes time too"


def test_nothing_is_published_before_it_is_built_and_audited(dags: dict[str, Any]) -> None:
    dag = dags["build_marts"]
    order = ["settle", "build", "audit", "publish"]
    for before, after in itertools.pairwise(order):
        assert after in {task.task_id for task in dag.get_task(before).get_flat_relatives(upstream=False)}, (
            f"{after} does not follow {before}"
        )
