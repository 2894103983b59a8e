"""Each suite notices the damage it is there for: one validation of one table at a time, on marts built by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from postlaunch.config.settings import load_settings
from postlaunch.quality.engine import Engine
from postlaunch.quality.result import Finding, Scope
from postlaunch.quality.suites import Suite, load_suites
from tests.quality.hand_built import FIRST, LAST, LAUNCH, MARTS, Warehouse

SUITES = {suite.table: suite for suite in load_suites(load_settings().expectations) if suite.schema_name == "build"}


@pytest.fixture(scope="module")
def hand(module_warehouse: str) -> Warehouse:
    hand = Warehouse()
    hand.configure()
    hand.run("insert into config.funnel_steps values (%s, 'activation', 'Activation', 1, 'Task Created', 60)", [LAUNCH], role=None)
    hand.load(1000, FIRST, LAST)
    hand.load(50, FIRST, LAST, stream="samples")
    hand.build()
    return hand


@pytest.fixture(scope="module")
def engine(hand: Warehouse) -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def damaged(hand: Warehouse) -> Iterator[Any]:
    """Damage one build table; it is as before when the test is over."""
    tables: list[str] = []

    def damage(table: str, statement: str) -> None:
        tables.append(table)
        hand.run(f"create table build.undamaged_{table} as table build.{table}")
        hand.run(statement)

    yield damage
    for table in tables:
        hand.run(f"truncate build.{table}")
        hand.run(f"insert into build.{table} select * from build.undamaged_{table}")
        hand.run(f"drop table build.undamaged_{table}")


def _domain(suite: Suite) -> str:
    return "product" if suite.domains[0] in ("scorecard", "reference") else suite.domains[0]


def _failures(engine: Engine, table: str) -> list[Finding]:
    suite = SUITES[table]
    scope = Scope(LAUNCH, _domain(suite), FIRST, LAST, is_built=True)
    return [finding for finding in engine.validate(suite, scope) if not finding.is_passed]


@pytest.mark.parametrize("table", sorted(MARTS))
def test_marts_that_obey_their_invariants_pass(engine: Engine, table: str) -> None:
    assert [finding.text for finding in _failures(engine, table)] == []


@pytest.mark.parametrize("table", sorted(MARTS))
def test_an_empty_mart_never_passes(engine: Engine, damaged: Any, table: str) -> None:
    damaged(table, f"delete from build.{table}")
    assert [finding for finding in _failures(engine, table) if finding.severity == "critical"]


@pytest.mark.parametrize("table", sorted(MARTS))
def test_a_row_that_is_there_twice_never_passes(engine: Engine, damaged: Any, table: str) -> None:
    damaged(table, f"insert into build.{table} select * from build.{table} limit 1")
    assert "one row each" in {finding.observed["expected"] for finding in _failures(engine, table)}


DAMAGES = [
    ("active_users_daily", "delete where metric_date = '2026-03-29'", "metric_date is 2026-03-28, expected at least 2026-03-29"),
    (
        "active_users_daily",
        "delete where metric_date = '2026-02-02'",
        "ingest it (active_users_daily: 1 row that must not be, for example missing_date 2026-02-02)",
    ),
    ("active_users_daily", "set active_users_count = 95 where metric_date = '2026-02-02'", "metric_date 2026-02-02, active_users_count 95"),
    ("active_users_daily", "set events_count = -1 where metric_date = '2026-02-02'", "events_count is not at least 0 in 1 of 86 rows"),
    ("active_users_daily", "set launch_day = launch_day + 1 where metric_date = '2026-02-02'", "counts its days from the launch date"),
    ("event_volumes_daily", "delete where metric_date = '2026-02-02'", "metric_date 2026-02-02, loaded_count 1,000"),
    ("funnel_daily", "set reached_count = 10 where step_number = 3 and launch_day = 5", "nobody reaches a step without the step before"),
    ("funnel_daily", "set reached_ratio = 1.2 where step_number = 2 and launch_day = 5", "reached_ratio is not between 0 and 1"),
    (
        "retention_cohorts",
        "set retained_count = 6 where period_number = 1 and cohort_date = '2026-02-02'",
        "more people cannot come back than there are",
    ),
    ("retention_cohorts", "set cohort_size_count = 7 where period_number = 1 and cohort_date = '2026-02-02'", "keeps its size"),
    ("ticket_daily", "set backlog_count = -3 where launch_day = 5", "backlog_count is not at least 0"),
    ("ticket_sla", "set is_breached = true where launch_day = 5", "a promise is broken exactly when its time is over"),
    ("ticket_sla", "set elapsed_business_seconds = 9000 where launch_day = 5", "there is no more business time than time"),
    ("ticket_sla_daily", "set attained_count = 3 where launch_day = 5", "only one of them"),
    ("ticket_sla_daily", "delete where launch_day = 5", "the days add up to the clocks"),
    ("incidents", "set acknowledge_seconds = -5 where launch_day = 7", "nobody acknowledges before the page"),
    ("incidents", "delete where launch_day = 7", "the days add up to the incidents"),
    ("incident_daily", "set never_acknowledged_count = 1 where launch_day = 7", "an incident is acknowledged or not"),
    ("service_level_daily", "set uptime_ratio = 1.01 where launch_day = 5", "uptime_ratio is not between 0 and 1"),
    ("service_level_daily", "set no_data_seconds = 60 where launch_day = 5", "make up the day of 23 or 24 or 25 hours"),
    ("service_level_daily", "set latency_p50_seconds = 0.25 where launch_day = 5", "percentiles rise"),
    ("service_level_daily", "delete where launch_day = 5", "every service has a row for every day"),
    ("latency_buckets_daily", "delete where launch_day = 5", "a percentile has buckets behind it"),
    ("capacity_daily", "set average_value = 0.9 where launch_day = 5", "lies above the maximum"),
    ("capacity_forecast", "set slope_low_per_day = 0.5 where launch_day = 5", "the slope lies inside its interval"),
    ("kpi_daily", "set value = 0.6 where launch_day = 5", "a ratio is its numerator by its denominator"),
    ("kpi_daily", "set kpi_id = 'guess' where launch_day = 5", "every KPI is in the catalogue"),
    ("scorecard", "set status = 'missed' where launch_day = 5", "met and missed say what value and target say"),
    ("scorecard", "set status = 'fine' where launch_day = 5", "status is not one of met, missed, undecided, no_target"),
]


@pytest.mark.parametrize(("table", "damage", "text"), DAMAGES, ids=[f"{table}: {damage}" for table, damage, _ in DAMAGES])
def test_damage_is_held_with_the_reason_in_words(engine: Engine, damaged: Any, table: str, damage: str, text: str) -> None:
    verb, rest = damage.split(" ", 1)
    damaged(table, f"delete from build.{table} {rest}" if verb == "delete" else f"update build.{table} {damage}")
    failures = _failures(engine, table)
    assert any(text in finding.text and finding.severity == "critical" for finding in failures), [finding.text for finding in failures]


def test_damage_outside_the_slice_is_left_to_the_audit_that_built_it(engine: Engine, damaged: Any) -> None:
    damaged("active_users_daily", "update build.active_users_daily set events_count = -1 where metric_date = '2026-01-03'")
    scope = Scope(LAUNCH, "product", FIRST.replace(day=5), LAST, is_built=True)
    assert all(finding.is_passed for finding in engine.validate(SUITES["active_users_daily"], scope))


def test_a_column_that_is_gone_holds_instead_of_crashing(engine: Engine, hand: Warehouse) -> None:
    hand.run("alter table build.ticket_daily rename column backlog_count to backlog")
    try:
        failures = _failures(engine, "ticket_daily")
    finally:
        hand.run("alter table build.ticket_daily rename column backlog to backlog_count")
    assert [finding.text for finding in failures] == [
        'ticket_daily: cannot be evaluated: Error: The column "backlog_count" in BatchData does not exist.'
    ]
    assert failures[0].severity == "critical"


def test_a_day_that_was_hardly_watched_is_told_and_holds_nothing(engine: Engine, damaged: Any) -> None:
    damaged(
        "service_level_daily",
        "update build.service_level_daily set no_data_seconds = 20000, observed_seconds = 66400, up_seconds = 0 where launch_day = 5",
    )
    assert [finding.severity for finding in _failures(engine, "service_level_daily")] == ["warning"]


def test_the_auditor_cannot_write(engine: Engine) -> None:
    import sqlalchemy

    with engine._source.get_engine().connect() as session, pytest.raises(sqlalchemy.exc.SQLAlchemyError, match="read-only transaction"):
        session.execute(sqlalchemy.text("delete from build.kpis"))


def test_names_and_values_in_the_slice_are_quoted() -> None:
    from postlaunch.quality.engine import slice_query

    scope = Scope("it's", "product", FIRST, LAST, is_built=True)
    conditions = """"launch_id" = 'it''s' and "metric_date" between date '2026-01-03' and date '2026-03-29'"""
    assert slice_query(SUITES["active_users_daily"], scope) == f'select * from "build"."active_users_daily" where {conditions}'
