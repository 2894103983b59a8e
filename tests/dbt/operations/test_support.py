"""Ticket clocks, backlog and attainment against business time counted on wall clocks."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from tests.dbt.operations.support_cases import CASES, NEW_YORK, TARGETS, SupportCase, Ticket

Clock = tuple[str, str]  # ticket id, metric


@pytest.fixture(params=CASES, ids=lambda case: case.place.launch_id)
def case(request: pytest.FixtureRequest) -> SupportCase:
    return request.param


def living(case: SupportCase) -> list[Ticket]:
    return [ticket for ticket in case.tickets if not ticket.is_deleted]


def expected_clocks(case: SupportCase) -> Iterator[tuple[Clock, Ticket, dt.datetime | None]]:
    """Every clock with the moment at which it ended within the data."""
    for ticket in living(case):
        solved = ticket.solved_at(case.data_end, case.data_end)
        replied = ticket.replied_at if ticket.replied_at and ticket.replied_at < case.data_end else None
        yield (ticket.id, "first_reply"), ticket, replied or solved
        yield (ticket.id, "resolution"), ticket, solved


def clocks(built: psycopg.Connection, case: SupportCase, columns: str) -> dict[Clock, tuple]:
    rows = built.execute(
        f"select ticket_id, metric, {columns} from build.ticket_sla where launch_id = %s", [case.place.launch_id]
    ).fetchall()
    return {row[:2]: row[2:] for row in rows}


def test_business_time_equals_the_minutes_counted_on_the_wall_clock(built: psycopg.Connection, case: SupportCase) -> None:
    expected = {
        clock: (
            case.business_seconds(ticket.created_at, ended or case.data_end),
            ((ended or case.data_end) - ticket.created_at).total_seconds(),
        )
        for clock, ticket, ended in expected_clocks(case)
    }
    assert clocks(built, case, "elapsed_business_seconds, elapsed_calendar_seconds") == expected
    assert sum(seconds for seconds, _ in expected.values()) > 1_000_000


def test_running_clocks_have_rows_with_the_time_that_is_left(built: psycopg.Connection, case: SupportCase) -> None:
    expected = {}
    for clock, ticket, ended in expected_clocks(case):
        target = TARGETS[ticket.priority][clock[1] == "resolution"] if ticket.priority else None
        elapsed = case.business_seconds(ticket.created_at, ended or case.data_end)
        left = target - elapsed if target and not ended else None
        expected[clock] = (ended is None, ended, target, target is not None and elapsed > target, left, ticket.priority or "none")
    assert clocks(built, case, "is_running, ended_at, target_seconds, is_breached, due_seconds_left, priority") == expected
    kinds = {(is_running, is_breached) for is_running, _, _, is_breached, _, _ in expected.values()}
    assert len(kinds) == 4


def test_a_clock_is_dated_by_its_start_in_the_zone_of_the_launch(built: psycopg.Connection, case: SupportCase) -> None:
    found = clocks(built, case, "metric_date, launch_day")
    for clock, ticket, _ in expected_clocks(case):
        date = ticket.created_at.astimezone(case.place.zone).date()
        assert found[clock] == (date, (date - case.launch_date).days)


def test_the_backlog_is_what_was_created_and_not_solved_at_the_end_of_the_day(built: psycopg.Connection, case: SupportCase) -> None:
    rows = built.execute(
        "select metric_date, priority, opened_count, solved_count, backlog_count from build.ticket_daily where launch_id = %s",
        [case.place.launch_id],
    ).fetchall()
    assert len(rows) == 5 * ((case.last - case.first).days + 1)
    for date, priority, opened, solved, backlog in rows:
        start, end = case.place.midnight(date), case.place.midnight(date + dt.timedelta(days=1))
        tickets = [ticket for ticket in living(case) if (ticket.priority or "none") == priority]
        changes = [change for ticket in tickets for change in ticket.known_changes(case.data_end)]
        assert opened == sum(start <= ticket.created_at < end for ticket in tickets)
        assert solved == sum(is_solution and start <= moment < end for moment, is_solution in changes)
        assert backlog == sum(ticket.created_at < end and ticket.solved_at(end, case.data_end) is None for ticket in tickets)


def test_daily_clocks_add_up_to_the_clocks_and_running_ones_are_not_decided(built: psycopg.Connection) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    for clock, (is_running, target, is_breached) in clocks(built, NEW_YORK, "is_running, target_seconds, is_breached").items():
        outcome = "breached" if is_breached else "running" if is_running else "attained" if target else "without target"
        outcomes[clock[1], outcome] += 1
    rows = built.execute(
        """
        select metric, sum(attained_count), sum(breached_count), sum(running_count), sum(started_count)
        from build.ticket_sla_daily where launch_id = 'new-york' group by metric
        """
    ).fetchall()
    for metric, attained, breached, running, started in rows:
        assert (attained, breached, running) == tuple(outcomes[metric, outcome] for outcome in ("attained", "breached", "running"))
        assert started == len(living(NEW_YORK))


def test_attainment_is_attained_by_decided_clocks_for_every_covered_date(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select kpi_id, count(*), sum(numerator), sum(denominator), bool_and(value is not distinct from numerator / nullif(denominator, 0))
        from build.int_kpi_support where launch_id = 'new-york' and kpi_id like '%attainment' group by kpi_id
        """
    ).fetchall()
    totals = built.execute(
        """
        select metric, sum(attained_count), sum(attained_count + breached_count)
        from build.ticket_sla_daily where launch_id = 'new-york' group by metric
        """
    ).fetchall()
    days = (NEW_YORK.last - NEW_YORK.first).days + 1
    assert {row[0]: row[1:] for row in rows} == {
        f"{metric}_attainment": (days, attained, decided, True) for metric, attained, decided in totals
    }
