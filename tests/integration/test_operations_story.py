"""The story through the simulated APIs, the landing zone and the loader: the marts against the story's own truth."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator

import psycopg
import pytest

from postlaunch.warehouse.db import connect
from sandbox.story.deployments import deployments
from sandbox.story.duties import LATE_DAY, LATE_HOUR
from sandbox.story.incidents import incidents
from sandbox.story.plan import NEW_YORK, Plan
from sandbox.story.troubles import BILLING, UNPAGED_DAY, main_trouble
from sandbox.story.truth import (
    categories,
    first_reply_attainment,
    incident_times,
    latency_quantile,
    mean_times,
    open_seconds,
    requests,
    samples,
    ticket_backlog,
    tickets,
    tickets_opened,
    tickets_solved,
)
from tests.integration.conftest import Story

PLAN = Plan(launch_date=dt.date(2026, 1, 12))
FIRST, LAST = dt.date(2026, 1, 3), dt.date(2026, 4, 12)
DATES = [FIRST + dt.timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
METRIC_FIRST, METRIC_LAST = dt.date(2026, 1, 23), dt.date(2026, 1, 27)  # an hour without scrapes on the 24th, a deployment on the 27th
ALERT_DATES = [PLAN.date_of(day) for day in (17, main_trouble(PLAN).day, UNPAGED_DAY)]
STEP = 300
DATA_END = dt.datetime(2026, 4, 13, 4, tzinfo=dt.UTC).timestamp()
NOW = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC).timestamp()


@pytest.fixture(scope="module")
def story(module_story: Story) -> Iterator[psycopg.Connection]:
    with connect() as session:
        yield session


def test_tickets_opened_solved_and_in_the_backlog_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        "select metric_date, sum(opened_count), sum(solved_count), sum(backlog_count) from build.ticket_daily group by metric_date"
    ).fetchall()
    # tickets that were deleted before the export are gone; what else came after the data end is not known
    expected = {
        date: (tickets_opened(PLAN, date, NOW), tickets_solved(PLAN, date, DATA_END), ticket_backlog(PLAN, date, NOW)) for date in DATES
    }
    assert {row[0]: row[1:] for row in rows} == expected


def test_first_replies_in_time_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        "select metric_date, numerator, denominator from build.kpi_daily where kpi_id = 'first_reply_attainment' and subject_id = ''"
    ).fetchall()
    assert {row[0]: row[1:] for row in rows} == {date: first_reply_attainment(PLAN, date, DATA_END) for date in DATES}


def test_tickets_of_each_category_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        "select metric_date, category_id, opened_count, backlog_count, all_opened_count from build.ticket_categories_daily"
    ).fetchall()
    expected = {
        (date, category): (*counts, tickets_opened(PLAN, date, NOW))
        for date in DATES
        for category, counts in categories(PLAN, date, NOW).items()
    }
    assert {row[:2]: row[2:] for row in rows} == expected
    totals = {name: sum(opened for (_, category), (opened, *_) in expected.items() if category == name) for _, name in expected}
    assert min(totals.values()) > 5, totals
    shares = story.execute(
        "select period_start, period_end, value from build.scorecard "
        "where kpi_id = 'category_share' and subject_id = 'account_access' and period_kind = 'month'"
    ).fetchall()
    for start, end, value in shares:
        dates = [date for date in DATES if start <= date <= end]
        counts = [expected[date, "account_access"] for date in dates]
        assert value == sum(opened for opened, _, _ in counts) / sum(every for _, _, every in counts)
    assert len(shares) == 4


def test_mean_times_to_the_first_reply_and_to_the_solution_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        """
        select metric_date, kpi_id, numerator, denominator from build.kpi_daily
        where kpi_id in ('mean_first_reply_time', 'mean_resolution_time') and subject_id = ''
        """
    ).fetchall()
    expected = {(date, kpi): times for date in DATES for kpi, times in mean_times(PLAN, date, DATA_END).items()}
    assert {row[:2]: row[2:] for row in rows} == expected
    assert (
        min(
            sum(times[1] for (_, kpi), times in expected.items() if kpi == each)
            for each in ("mean_first_reply_time", "mean_resolution_time")
        )
        > 300
    )


def test_business_time_of_every_answered_ticket_is_the_opening_time_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        "select ticket_id, elapsed_business_seconds from build.ticket_sla where metric = 'first_reply' and not is_running"
    ).fetchall()
    answered = {ticket.id: ticket for ticket in tickets(PLAN, NOW)}
    assert len(rows) > 400
    for ticket_id, seconds in rows:
        ticket = answered[int(ticket_id)]
        assert seconds == open_seconds(PLAN, ticket.created_at, ticket.replied_at or 0)


def test_incidents_and_their_times_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute("select metric_date, severity, acknowledge_seconds, resolve_seconds from build.incidents").fetchall()
    expected = [(date, *times) for date in DATES for times in incident_times(PLAN, date, NOW)]
    assert sorted(rows, key=str) == sorted(expected, key=str)
    assert any(acknowledged is None for *_, acknowledged, _ in expected)


def test_service_levels_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        """
        select metric_date, observed_seconds, up_seconds, request_count, error_count, latency_p95_seconds
        from build.service_level_daily where metric_date between %s and %s order by metric_date
        """,
        [METRIC_FIRST, METRIC_LAST],
    ).fetchall()
    assert [row[0] for row in rows] == [METRIC_FIRST + dt.timedelta(days=number) for number in range(5)]
    for date, observed, up, request_count, error_count, p95 in rows:
        instances = samples(PLAN, date, NOW, STEP, name="up", job="emr-api").values()
        grid = {moment for own in instances for moment, _ in own}
        assert observed == STEP * len(grid)
        assert up == STEP * len({moment for own in instances for moment, value in own if value == 1})
        assert (error_count, request_count) == requests(PLAN, date, NOW, STEP)
        assert p95 == pytest.approx(latency_quantile(PLAN, 0.95, date, NOW, STEP), rel=1e-12)
    assert rows[1][1] < 86400


def test_deployments_and_their_hotfixes_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = story.execute(
        "select deployed_at, version, is_hotfix, is_successful, is_in_window, live_seconds, is_live_in_time from build.deployments"
    ).fetchall()
    expected = {}
    for each in deployments(PLAN, 90):
        if each.service == BILLING:
            continue
        day, clock = PLAN.day_of(each.at), dt.datetime.fromtimestamp(each.at, NEW_YORK)
        is_in_window = None if day > 6 or day < 0 else day < 2 or clock.hour in (6, 10, 14, 18, 22)
        live = None if each.identified_at is None else each.at - each.identified_at
        expected[each.at] = (each.version, live is not None, each.result == "success", is_in_window, live, live and live <= 7200)
    assert {row[0].timestamp(): row[1:] for row in rows} == expected
    assert {row[-1] for row in rows} == {True, False, None}


def test_post_mortems_and_requirements_are_those_of_the_story(story: psycopg.Connection) -> None:
    ours = [each for each in incidents(PLAN, 90) if each.trouble.service != BILLING]
    hours = {"P0": 24, "P1": 24, "P2": 168}
    expected = {}
    for each in ours:
        written = min((change.at for change in each.changes if change.type == "annotate_log_entry"), default=None)
        due = each.trouble.ends_at + 3600 * hours.get(each.trouble.severity, 0)
        if each.trouble.severity not in hours:
            expected[each.number] = "no_target"
        elif written is not None and written <= NOW:
            expected[each.number] = "in_time" if written <= due else "late"
        else:
            expected[each.number] = "missed" if due <= DATA_END else "open"
    assert dict(story.execute("select incident_number, post_mortem_status from build.incidents").fetchall()) == expected
    assert set(expected.values()) == {"in_time", "late", "missed", "open", "no_target"}
    broken = {(requirement, each.number) for each in ours for requirement in each.trouble.requirements}
    assert set(story.execute("select requirement_id, incident_number from build.incident_requirements").fetchall()) == broken
    assert len({requirement for requirement, _ in broken}) < len(broken)


def test_action_items_are_those_of_the_file_beside_the_launch_file(story: psycopg.Connection) -> None:
    rows = story.execute("select incident_number, opened_date, done_date, severity, status from build.action_items").fetchall()
    severities = {each.number: each.trouble.severity for each in incidents(PLAN, 90)}
    for number, opened, done, severity, status in rows:
        days = ((done or LAST) - opened).days
        assert status == ("in_time" if days <= 7 else "late") if done else status == ("missed" if days >= 7 else "open")
        assert severity == severities[number]
    assert sorted(row[-1] for row in rows) == ["in_time", "in_time", "in_time", "late", "missed", "open"]
    whole = "select sum(numerator), sum(denominator) from build.kpi_daily where kpi_id = 'action_items_in_time' and subject_id = ''"
    assert story.execute(whole).fetchone() == (3, 5)


def test_on_call_coverage_and_loads_are_those_of_the_story(story: psycopg.Connection) -> None:
    rows = dict(story.execute("select metric_date, covered_seconds / promised_seconds from build.on_call_coverage_daily").fetchall())
    late = PLAN.date_of(LATE_DAY)
    assert set(rows) == {PLAN.date_of(day) for day in range(30)}
    assert {date for date, share in rows.items() if share != 1} == {late}
    assert rows[late] == 1 - LATE_HOUR / 24
    pages: dict[dt.date, Counter[str]] = defaultdict(Counter)
    asleep: Counter[dt.date] = Counter()
    for each in incidents(PLAN, 90):
        if each.trouble.service == BILLING:
            continue
        for person in {change.person for change in each.changes if change.type == "notify_log_entry"}:
            at = min(change.at for change in each.changes if change.type == "notify_log_entry" and change.person == person)
            local = dt.datetime.fromtimestamp(at, NEW_YORK)
            week = local.date() - dt.timedelta(days=local.weekday())
            pages[week][str(person)] += 1
            asleep[week] += local.hour < 8 or local.hour >= 22
    loads = story.execute(
        "select week_start, array_agg(interruptions_count), sum(sleep_interruptions_count) from build.responder_load_weekly group by 1"
    ).fetchall()
    for week, counts, broken in loads:
        assert sorted(count for count in counts if count) == sorted(pages[week].values())
        assert broken == asleep[week]
        assert len(counts) >= 2  # the first and the second level
    assert sum(asleep.values()) > 0
    levels = story.execute("select incident_number from build.incidents where reached_level_name = 'Secondary'").fetchall()
    assert {number for (number,) in levels} == {each.number for each in incidents(PLAN, 90) if each.trouble.escalate}


def fired(is_beyond: dict[int, bool]) -> set[dt.datetime]:
    """The second point of each run of points beyond the bound: five minutes after the first."""
    return {
        dt.datetime.fromtimestamp(moment, dt.UTC)
        for moment, beyond in is_beyond.items()
        if beyond and is_beyond.get(moment - STEP) and not is_beyond.get(moment - 2 * STEP)
    }


def failing(date: dt.date) -> dict[int, bool]:
    """Whether more than one in a hundred requests failed since the point before."""
    counted: dict[int, list[float]] = {}
    for series, own in samples(PLAN, date, NOW, STEP, name="http_requests_total", job="emr-api").items():
        for (before, last), (moment, value) in itertools.pairwise(own):
            if moment - before == STEP:
                grown = value - last if value >= last else value
                errors, requests = counted.setdefault(moment, [0.0, 0.0])
                counted[moment] = [errors + grown * dict(series)["code"].startswith("5"), requests + grown]
    return {moment: errors > 0.01 * requests for moment, (errors, requests) in counted.items()}


def test_alerts_fire_when_the_story_says_and_one_breach_was_paged_to_nobody(story: psycopg.Connection) -> None:
    rows = story.execute("select subject_id, fired_at, outcome from build.page_breaches where told_by = 'alert'").fetchall()
    vendor = {
        moment: value == 0
        for date in DATES
        for own in samples(PLAN, date, NOW, STEP, name="probe_success", job="blackbox").values()
        for moment, value in own
    }
    expected = {("emr_vendor", moment) for moment in fired(vendor)}
    expected |= {("error_rate", moment) for date in DATES for moment in fired(failing(date))}
    assert {(alert, moment) for alert, moment, _ in rows if alert in ("emr_vendor", "error_rate")} == expected
    outcomes = {(alert, moment.astimezone(NEW_YORK).date()): outcome for alert, moment, outcome in rows}
    assert [outcomes["emr_vendor", ALERT_DATES[0]], outcomes["error_rate", ALERT_DATES[1]]] == ["caught", "caught"]
    assert outcomes["emr_vendor", ALERT_DATES[2]] == "missed"
