"""The story's first month through the simulated export, the landing zone and the loader: product marts against the story's own truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest
from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from sandbox.story import truth
from sandbox.story.plan import Plan
from tests.dbt.event_rows import days, rows_by
from tests.dbt_forks import only

PLAN = Plan(launch_date=dt.date(2026, 1, 12))
FIRST, LAST = dt.date(2026, 1, 3), dt.date(2026, 2, 2)
NOW = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC).timestamp()


@pytest.fixture(scope="module")
def marts(
    module_warehouse: str, module_apis: str, sandbox_launches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection]:
    with pytest.MonkeyPatch.context() as patch, connect() as session:
        patch.setenv("POSTLAUNCH_LANDING", str(tmp_path_factory.mktemp("landing")))
        patch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
        ingest("mixpanel", load_launch(sandbox_launches, "emr-platform"), FIRST, LAST)
        only(patch, "product")
        build()
        yield session


@pytest.fixture(scope="module")
def told() -> list[truth.Event]:
    return [event for event in truth.events(PLAN, NOW) if event.date <= LAST]


def test_every_event_is_counted_once(marts: psycopg.Connection, told: list[truth.Event]) -> None:
    row = marts.execute("select sum(events_count) from build.event_volumes_daily").fetchone()
    assert row == (len(told),)


def test_daily_and_new_users_are_those_of_the_story(marts: psycopg.Connection, told: list[truth.Event]) -> None:
    active, firsts = truth.active_users(told), list(truth.first_dates(told).values())
    found = rows_by(marts, "select metric_date, active_users_count, new_users_count from build.active_users_daily", keys=1)
    assert found == {date: (len(active.get(date, set())), firsts.count(date)) for date in days(FIRST, LAST)}


def test_activation_of_every_entry_date_is_that_of_the_story(marts: psycopg.Connection, told: list[truth.Event]) -> None:
    query = "select entry_date, step_number, reached_count from build.funnel_daily where funnel_id = 'activation'"
    expected = {(date, step): reached for date in days(FIRST, LAST) for step, reached in enumerate(truth.funnel(told, date), start=1)}
    assert sum(reached for (_, step), reached in expected.items() if step == 3) > 50
    assert rows_by(marts, query, keys=2) == expected


@pytest.mark.parametrize("number", [1, 7])
def test_retention_of_every_cohort_is_that_of_the_story(marts: psycopg.Connection, told: list[truth.Event], number: int) -> None:
    query = f"""
        select cohort_date, retained_count, cohort_size_count
        from build.retention_cohorts where period_kind = 'day' and period_number = {number}
        """
    found = rows_by(marts, query, keys=1)
    assert len(found) > 15
    assert found == {cohort: truth.day_retention(told, cohort, number) for cohort in found}
