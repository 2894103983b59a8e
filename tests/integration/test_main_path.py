"""From four APIs to published marts, held against a count in plain Python over what the story's generator made."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pytest

from postlaunch.warehouse.db import connect
from sandbox.story import truth
from sandbox.story.plan import Plan
from tests.conftest import CLOCK, LAUNCH_DATE
from tests.integration.conftest import STORY_FIRST, STORY_LAST, Story

DATES = [STORY_FIRST + dt.timedelta(days=number) for number in range((STORY_LAST - STORY_FIRST).days + 1)]
MONTH = DATES[:31]
SOME = DATES[::9]  # where the plain count goes over every event again for each date
NOW = CLOCK.timestamp()


def by_date(table: str, expression: str, date_column: str = "metric_date", where: str = "true") -> dict[dt.date, object]:
    with connect("analyst") as session:
        rows = session.execute(
            f"select {date_column}, {expression} from marts.{table} where launch_id = 'emr-platform' and {where} group by 1 order by 1"
        )
        return dict(rows.fetchall())


@cache
def plan() -> Plan:
    return Plan(LAUNCH_DATE)


@cache
def told() -> list[truth.Event]:
    return truth.events(plan(), NOW)


def test_the_gate_lets_the_whole_story_through(module_story: Story) -> None:
    with connect("reporter") as session:
        held = session.execute("select launch_id, domain, held_reason from ops.domain_status where held_since is not null").fetchall()
        published = session.execute("select count(*), count(publication_id), min(covered_through) from ops.domain_status").fetchone()
    assert held == []
    assert published == (6, 6, dt.date(1998, 6, 30))


def test_every_event_is_counted_once(module_story: Story) -> None:
    counted = by_date("event_volumes_daily", "sum(events_count)::int")
    assert sum(counted.values()) == len([event for event in told() if event.date <= STORY_LAST])


def test_active_and_new_users_of_every_date(module_story: Story) -> None:
    active = truth.active_users(told())
    first = list(truth.first_dates(told()).values())
    assert by_date("active_users_daily", "sum(active_users_count)::int") == {date: len(active.get(date, ())) for date in DATES}
    assert by_date("active_users_daily", "sum(new_users_count)::int") == {date: first.count(date) for date in DATES}


def test_the_funnel_of_every_entry_date_of_the_first_month_and_some_of_all_waves(module_story: Story) -> None:
    found = by_date("funnel_daily", "array_agg(reached_count::int order by step_number)", "entry_date", "funnel_id = 'activation'")
    closed = MONTH[-1] + dt.timedelta(days=8)  # the windows of the month, which are a week long, are over then
    early = [event for event in told() if event.date <= closed]
    expected = {date: truth.funnel(early, date) for date in MONTH} | {date: truth.funnel(told(), date) for date in SOME}
    assert {date: found.get(date, [0, 0, 0]) for date in expected} == expected
    assert sum(reached for _, _, reached in expected.values()) > 50


@pytest.mark.parametrize("days", [1, 7, 30])
def test_day_retention_of_every_cohort(module_story: Story, days: int) -> None:
    found = by_date(
        "retention_cohorts",
        "max(array[retained_count, cohort_size_count]::int[])",
        "cohort_date",
        f"period_kind = 'day' and period_number = {days} and is_complete",
    )
    active, first = truth.active_users(told()), truth.first_dates(told())
    cohorts = {date: {user for user, began in first.items() if began == date} for date in DATES}
    expected = {
        date: [len(users & active.get(date + dt.timedelta(days=days), set())), len(users)]
        for date, users in cohorts.items()
        if users and date + dt.timedelta(days=days) <= STORY_LAST
    }
    assert found == expected


def test_tickets_opened_and_the_backlog_of_every_date(module_story: Story) -> None:
    settled = DATES[:-3]
    opened = by_date("ticket_daily", "sum(opened_count)::int")
    backlog = by_date("ticket_daily", "sum(backlog_count)::int")
    assert {date: opened[date] for date in DATES} == {date: truth.tickets_opened(plan(), date, NOW) for date in DATES}
    reopened = {date for date in settled if backlog[date] != truth.ticket_backlog(plan(), date, NOW)}
    assert reopened == set()


def test_first_replies_in_time_by_opening_hours(module_story: Story) -> None:
    found = by_date(
        "ticket_sla_daily", "array[sum(attained_count), sum(attained_count) + sum(breached_count)]::int[]", where="metric = 'first_reply'"
    )
    settled = [date for date in DATES[:-7] if truth.first_reply_attainment(plan(), date, NOW)[1]]
    assert {date: tuple(found[date]) for date in settled} == {date: truth.first_reply_attainment(plan(), date, NOW) for date in settled}


def test_every_incident_with_its_times(module_story: Story) -> None:
    with connect("analyst") as session:
        rows = session.execute(
            """
            select metric_date, severity, acknowledge_seconds::int, resolve_seconds::int
            from marts.incidents where launch_id = 'emr-platform'
            """
        ).fetchall()
    expected = [(date, *times) for date in DATES for times in truth.incident_times(plan(), date, NOW)]
    assert sorted(rows, key=str) == sorted(expected, key=str)
    assert len(rows) > 10


def test_requests_errors_and_quantiles_through_gap_and_incident(module_story: Story) -> None:
    dates = [*SOME, LAUNCH_DATE + dt.timedelta(days=12), LAUNCH_DATE + dt.timedelta(days=37)]  # with the gap and the incident
    errors = by_date("service_level_daily", "sum(error_count)")
    total = by_date("service_level_daily", "sum(request_count)")
    quantile = by_date("service_level_daily", "max(latency_p95_seconds)")
    for date in dates:
        failed, all_requests = truth.requests(plan(), date, NOW, 300)
        assert errors[date] == pytest.approx(failed), date
        assert total[date] == pytest.approx(all_requests), date
        assert quantile[date] == pytest.approx(truth.latency_quantile(plan(), 0.95, date, NOW, 300)), date


def test_an_analyst_sees_marts_and_no_personal_data(module_story: Story) -> None:
    with connect("analyst") as session:
        columns = {
            row[0]
            for row in session.execute(
                "select distinct column_name from information_schema.columns where table_schema = 'marts' and data_type = 'text'"
            )
        }
    assert not columns & {"distinct_id", "email", "requester", "user_name", "description", "subject"}
