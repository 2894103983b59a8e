"""The gate notices the damage it is there for: one damaged mart at a time, on marts built by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from postlaunch.config.settings import load_settings
from postlaunch.marts.tables import mart_tables
from postlaunch.quality.facts import read_facts
from postlaunch.quality.gate import judge_all
from postlaunch.quality.invariants import load_models
from postlaunch.quality.result import Finding, Scope
from postlaunch.quality.suites import load_suites
from tests.quality.hand_built import FIRST, LAST, LAUNCH, MARTS, Warehouse

pytestmark = pytest.mark.slow

# Nothing grows, fires or is promised; no account, requirement, duty or action item is named.
MAY_BE_EMPTY = {
    "account_days",
    "account_health",
    "action_items",
    "alert_episodes",
    "capacity_forecast",
    "error_budget_daily",
    "incident_impacts",
    "incident_requirements",
    "on_call_coverage_daily",
    "page_breaches",
    "plan_months",
    "responder_load_weekly",
    "ticket_releases",
    "verdict_gates",
}
DOMAINS = ("product", "support", "incidents", "reliability", "capacity")


@pytest.fixture(scope="module")
def hand(module_warehouse: str) -> Warehouse:
    hand = Warehouse()
    hand.configure()
    hand.run("insert into config.funnel_steps values (%s, 'activation', 'Activation', 1, 'Task Created', 60)", [LAUNCH], role=None)
    hand.load(1000, FIRST, LAST)
    hand.load(50, FIRST, LAST, stream="samples")
    hand.build()
    return hand


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


def _failures(*domains: str) -> list[Finding]:
    settings = load_settings()
    scopes = [Scope(LAUNCH, domain, FIRST, LAST, is_built=True) for domain in domains or DOMAINS]
    audits = judge_all(load_suites(settings.expectations), load_models(settings.dbt_project), scopes, {})
    return [finding for audit in audits for finding in audit.findings if not finding.is_passed]


def test_marts_that_obey_their_invariants_pass(hand: Warehouse) -> None:
    assert [finding.text for finding in _failures()] == []


@pytest.mark.parametrize("table", sorted(set(MARTS) - MAY_BE_EMPTY))
def test_an_empty_mart_never_passes(hand: Warehouse, damaged: Any, table: str) -> None:
    damaged(table, f"delete from build.{table}")
    assert [finding for finding in _failures() if finding.severity == "critical"]


@pytest.mark.parametrize("table", sorted(MARTS))
def test_a_row_that_is_there_twice_never_passes(hand: Warehouse, damaged: Any, table: str) -> None:
    damaged(table, f"insert into build.{table} select * from build.{table} limit 1")
    assert any(finding.suite == table and finding.expectation.startswith("one_row_a") for finding in _failures())


DAMAGES = [
    ("active_users_daily", "delete where metric_date = '2026-03-29'", "newest_date 2026-03-28, last_date 2026-03-29, days_behind 1"),
    ("active_users_daily", "set active_users_count = 95 where metric_date = '2026-02-02'", "metric_date 2026-02-02, active_users_count 95"),
    ("active_users_daily", "set events_count = -1 where metric_date = '2026-02-02'", "every active user has an event"),
    ("active_users_daily", "set launch_day = launch_day + 1 where metric_date = '2026-02-02'", "counts days from the launch date"),
    ("event_volumes_daily", "delete where metric_date = '2026-02-02'", "events of 2026-02-02, loaded_count 1,000"),
    ("funnel_daily", "set reached_count = 10 where step_number = 3 and launch_day = 5", "nobody reaches a step without the step before"),
    ("funnel_daily", "set reached_ratio = 1.2 where step_number = 2 and launch_day = 5", "a reached ratio is a part of a whole"),
    (
        "retention_cohorts",
        "set retained_count = 6 where period_number = 1 and cohort_date = '2026-02-02'",
        "nobody is retained who is not in the cohort",
    ),
    ("retention_cohorts", "set cohort_size_count = 7 where period_number = 1 and cohort_date = '2026-02-02'", "keeps its size"),
    ("funnel_periods", "delete where period_kind = 'week'", "counted both ways by each kind of period"),
    (
        "funnel_periods",
        "delete where period_kind = 'day' and period_start = '2026-02-02'",
        "the days of a funnel are those of funnel daily",
    ),
    (
        "funnel_periods",
        "set reached_count = 3 where step_number = 3 and period_kind = 'day'",
        "the days of a funnel are those of funnel daily",
    ),
    ("ticket_clock_daily", "delete where metric_date = '2026-03-29'", "the last day knows every open clock"),
    ("ticket_daily", "set backlog_count = -3 where launch_day = 5", "nothing is counted below zero"),
    ("ticket_sla", "set is_breached = true where launch_day = 5", "a promise is broken exactly when its time is over"),
    ("ticket_sla", "set elapsed_business_seconds = 9000 where launch_day = 5", "business time is part of calendar time"),
    ("ticket_sla", "set ended_at = started_at - interval '1 second' where launch_day = 5", "a clock ends after it started"),
    ("ticket_sla_daily", "set attained_count = 3 where launch_day = 5", "no clock is counted twice"),
    ("ticket_sla_daily", "delete where launch_day = 5", "the days add up to the clocks"),
    ("incidents", "set acknowledge_seconds = -1 where launch_day = 7", "nobody answers before the trigger"),
    ("incidents", "delete where launch_day = 7", "the days add up to the incidents"),
    ("incident_daily", "set never_acknowledged_count = 1 where launch_day = 7", "every incident is acknowledged or not"),
    ("service_level_daily", "set uptime_ratio = 1.01 where launch_day = 5", "a ratio is a part of a whole"),
    ("service_level_daily", "set no_data_seconds = 60 where launch_day = 5", "the day is observed or without data"),
    ("service_level_daily", "set latency_p50_seconds = 0.25 where launch_day = 5", "percentiles do not fall"),
    ("alert_daily", "set firing_seconds = 700 where launch_day = 7", "an alert fires while its condition holds"),
    ("alert_daily", "set firing_seconds = null where launch_day = 5", "a date without a value says nothing"),
    ("alert_episodes", "set worst_value = 0.01 where launch_day = 7", "the worst value is beyond the bound"),
    ("alert_episodes", "set ended_at = null where launch_day = 7", "an end is known or said not to be"),
    ("ticket_categories_daily", "delete where launch_day = 5", "a category has a row for every covered date"),
    ("alert_daily", "delete where launch_day = 5", "an alert has a row for every covered date"),
    ("dependency_daily", "set down_seconds = null where launch_day = 5", "a dependency that nobody saw is neither up nor down"),
    ("dependency_daily", "delete where launch_day = 5", "a dependency has a row for every covered date"),
    ("response_class_daily", "set class_request_count = 10001 where launch_day = 5", "a class is a part of the requests"),
    ("response_class_daily", "delete where launch_day = 5", "a class of response times has a row for every covered date"),
    ("leak_daily", "delete where launch_day = 5", "an alert on a leak has a row for every covered date"),
    ("leak_daily", "set leaking_since_date = null where launch_day = 5", "a leak has begun"),
    ("error_budget_daily", "set month_spent = -1 where launch_day = 5", "a budget is spent and never earned"),
    ("page_breaches", "set incident_id = null where launch_day = 7", "what was answered names the incident"),
    ("page_breaches", "set outcome = 'false' where launch_day = 7", "an outcome is of a breach or of a page"),
    ("account_health", "set reasons = null", "a colour that is not green has reasons"),
    ("account_health", "set health = 'blue'", "health is a colour or unknown"),
    ("account_health", "set last_active_date = date '2026-04-29'", "an account was active before it was not"),
    ("incident_impacts", "set lost_events_count = null where launch_day = 28", "only what was measured is lost"),
    ("incident_impacts", "set lost_events_low_count = 151 where launch_day = 28", "what was lost lies within its bounds"),
    ("incident_impacts", "set events_count = 20 where launch_day = 28", "what was lost is what was expected and did not come"),
    ("incident_impacts", "set weeks_count = 1 where launch_day = 28", "two to four weeks are compared"),
    ("ticket_releases", "set solved_at = null where launch_day = 7", "what is late was due and what is in time is solved"),
    ("ticket_releases", "set created_at = due_at where launch_day = 7", "what is due follows the first release"),
    ("service_level_daily", "delete where launch_day = 5", "a service has a row for every covered date"),
    ("latency_buckets_daily", "delete where launch_day = 5", "a percentile has buckets behind it"),
    ("capacity_daily", "set average_value = 0.9 where launch_day = 5", "neither average nor percentile exceeds the maximum"),
    ("capacity_daily", "delete", "resource memory"),
    ("capacity_forecast", "set slope_low_per_day = 0.5 where launch_day = 5", "the slope lies in its interval"),
    ("kpi_daily", "set value = 0.6 where kpi_id = 'uptime' and launch_day = 5", "a ratio travels with its numerator"),
    ("kpi_daily", "set kpi_id = 'guess' where launch_day = 5", "a KPI that the catalogue does not name"),
    ("scorecard", "set status = 'missed' where launch_day = 5", "met and missed say what value and target say"),
    ("scorecard", "set status = 'fine' where launch_day = 5", "reviews know the status"),
]


@pytest.mark.parametrize(("table", "damage", "text"), DAMAGES, ids=[f"{table}: {damage}" for table, damage, _ in DAMAGES])
def test_damage_is_held_with_the_reason_in_words(hand: Warehouse, damaged: Any, table: str, damage: str, text: str) -> None:
    verb, _, rest = damage.partition(" ")
    damaged(table, f"delete from build.{table} {rest}" if verb == "delete" else f"update build.{table} {damage}")
    folder = mart_tables()[table]
    failures = _failures(*([folder] if folder in DOMAINS else []))
    assert any(text in finding.text and finding.severity == "critical" for finding in failures), [finding.text for finding in failures]


def test_a_column_that_is_gone_holds_its_domain_instead_of_crashing(hand: Warehouse) -> None:
    hand.run("alter table build.ticket_daily rename column backlog_count to backlog")
    try:
        failures = _failures("support", "incidents")
    finally:
        hand.run("alter table build.ticket_daily rename column backlog to backlog_count")
    assert [finding.text for finding in failures] == [
        f'ticket_daily of {LAUNCH}: nothing_is_counted_below_zero cannot be evaluated: column "backlog_count" does not exist'
    ]
    assert failures[0].severity == "critical"


def test_a_day_that_was_hardly_watched_is_told_and_holds_nothing(hand: Warehouse, damaged: Any) -> None:
    damaged(
        "service_level_daily",
        "update build.service_level_daily set no_data_seconds = 20000, observed_seconds = 66400, up_seconds = 0 where launch_day = 5",
    )
    assert [finding.severity for finding in _failures("reliability")] == ["warning"]


def test_requests_that_do_not_tell_how_they_ended_are_told_and_hold_nothing(hand: Warehouse, damaged: Any) -> None:
    notice = "no series of its requests has the label code, errors are not known"
    damaged(
        "service_level_daily",
        f"update build.service_level_daily set notice = '{notice}', error_count = null, error_ratio = null, "
        "classified_request_count = null where launch_day = 5",
    )
    failures = _failures("reliability")
    assert [finding.severity for finding in failures] == ["warning"]
    assert notice in failures[0].text


def test_facts_are_read_by_a_role_that_cannot_write(hand: Warehouse) -> None:
    from postlaunch.warehouse.db import connect

    suite = load_suites(load_settings().expectations)[0].model_copy(update={"facts": "delete from build.kpis using scopes returning *"})
    with connect("auditor", autocommit=True) as session:
        facts = read_facts(session, suite, [Scope(LAUNCH, "product", FIRST, LAST, is_built=True)])
        assert "permission denied" in (facts.error or "")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("delete from build.kpis")


def test_what_nobody_ever_sent_is_told_and_holds_nothing(hand: Warehouse, damaged: Any) -> None:
    notice = "no user ever sent the event Tsak of mixpanel.active_events"
    damaged(
        "active_users_daily",
        f"update build.active_users_daily set notice = '{notice}', events_count = null, active_users_count = null, "
        "active_users_7d_count = null, active_users_30d_count = null, new_users_count = null, repeat_users_count = null, "
        "first_repeat_users_count = null",
    )
    damaged("retention_cohorts", "delete from build.retention_cohorts")
    damaged(
        "funnel_daily",
        "update build.funnel_daily set reached_count = null, pending_count = null, reached_ratio = null where step_number = 3",
    )
    damaged("funnel_periods", "update build.funnel_periods set reached_count = null, pending_count = null where step_number = 3")
    failures = _failures("product")
    assert {finding.severity for finding in failures} == {"warning"}
    assert notice in failures[0].text


def test_a_brand_without_tickets_is_told_and_holds_nothing(hand: Warehouse, damaged: Any) -> None:
    notice = "no ticket of the brand 7 of zendesk.brand_id was ever seen"
    for table in ("ticket_sla", "ticket_sla_daily", "ticket_clock_daily"):
        damaged(table, f"delete from build.{table}")
    damaged(
        "ticket_daily",
        f"update build.ticket_daily set notice = '{notice}', opened_count = null, solved_count = null, reopened_count = null, "
        "backlog_count = null",
    )
    failures = _failures("support")
    assert {finding.severity for finding in failures} == {"warning"}
    assert notice in failures[0].text


def test_a_priority_that_maps_to_no_severity_is_told_with_its_count_and_the_key_to_fix(hand: Warehouse, damaged: Any) -> None:
    notice = "2 incidents have a priority such as SEV1, which pagerduty.severities does not name"
    damaged("incident_daily", f"update build.incident_daily set notice = '{notice}' where launch_day = 5")
    failures = _failures("incidents")
    assert [finding.severity for finding in failures] == ["warning"]
    assert notice in failures[0].text
