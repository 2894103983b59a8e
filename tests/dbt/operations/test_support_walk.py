"""4,000 random tickets of ten desks, pulled in two nights, against a plain walk through their lives."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from postlaunch.config.load import load_launches
from postlaunch.warehouse.config_sync import sync_launches
from tests.conftest import Warehouses
from tests.dbt.event_rows import write_launch
from tests.dbt.operations.raw_rows import Entity, put_entities
from tests.dbt.operations.support_build import build_support, contents, date_the_change
from tests.dbt.operations.support_desks import CHANGED_AT, DESKS, FIRST, LAST, PRIORITIES, Desk
from tests.dbt.operations.support_exports import (
    metric_event_entities,
    moment,
    tags,
    ticket_entity,
    ticket_event_entities,
)
from tests.dbt.operations.support_tickets import Clock, Ticket, clocks, priority_at, random_tickets

pytestmark = pytest.mark.slow

TICKETS_PER_DESK = 400
FIRST_NIGHT = dt.date(2026, 3, 25)
PULLED_AFTER = 6 * 3600  # a pull sees some hours of the next date, which no mart may show yet
READ_ON = [FIRST + dt.timedelta(days=number) for number in range(1, (LAST - FIRST).days + 1, 5)]
COLUMNS = """
    started_at, ended_at, is_paused, priority, target_seconds, elapsed_business_seconds, elapsed_calendar_seconds, is_breached,
    due_seconds_left
"""
Rows = dict[tuple[object, ...], tuple[object, ...]]


def pull(session: psycopg.Connection, desk: Desk, tickets: list[Ticket], first: dt.date, last: dt.date) -> None:
    """What a pull of the dates brings some hours after the last of them."""
    seen = [ticket.until(desk.day_end(last) + PULLED_AFTER) for ticket in tickets]
    seen = [ticket for ticket in seen if ticket.steps]
    for stream, entities in (
        ("tickets", [ticket_entity(ticket) for ticket in seen]),
        ("ticket_metric_events", [entity for ticket in seen for entity in metric_event_entities(desk, ticket)]),
        ("ticket_events", [entity for ticket in seen for entity in ticket_event_entities(ticket)]),
    ):
        put_entities(session, desk.place, "zendesk", stream, (first, last), entities)


def write_files(folder: Path, *, is_later: bool) -> None:
    for desk in DESKS:
        write_launch(folder, desk.name, date=desk.launch_date, timezone=desk.zone, zendesk=desk.section(is_later))
    sync_launches(load_launches(folder))


LIVES = {desk.name: random_tickets(desk, number, TICKETS_PER_DESK) for number, desk in enumerate(DESKS)}


@pytest.fixture(scope="module")
def night(
    warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[dt.date, dt.date], psycopg.Connection]]:
    """Pulls a stretch of dates and builds it; launch files changed at CHANGED_AT."""
    folder = tmp_path_factory.mktemp("launches")
    with (
        pytest.MonkeyPatch.context() as patch,
        warehouses.copied(template, patch) as uri,
        psycopg.connect(uri, autocommit=True) as session,
    ):
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        session.execute("set timezone to 'UTC'")
        for is_later in (False, True):
            write_files(folder, is_later=is_later)
        date_the_change(session, CHANGED_AT)

        def run(first: dt.date, last: dt.date) -> psycopg.Connection:
            for desk in DESKS:
                with session.transaction():
                    pull(session, desk, LIVES[desk.name], first, last)
            build_support()
            return session

        run.session = session  # type: ignore[attr-defined]
        yield run


def kept(desk: Desk, last: dt.date) -> list[Ticket]:
    """Tickets that a pull after a date knows, and that are neither deleted nor merged."""
    seen = [ticket.until(desk.day_end(last) + PULLED_AFTER) for ticket in LIVES[desk.name]]
    return [ticket for ticket in seen if ticket.steps and not ticket.is_gone]


def judged(desk: Desk, ticket: Ticket, clock: Clock, end: int) -> tuple[object, ...]:
    """The columns of ticket_sla: the priority of the end, the promise of the start."""
    is_open = clock.ended_at is None
    priority = priority_at(ticket, end if clock.ended_at is None else clock.ended_at, includes=not is_open)
    target = desk.promise(clock.metric, priority, clock.started_at)
    return (
        moment(clock.started_at),
        None if clock.ended_at is None else moment(clock.ended_at),
        clock.is_paused,
        priority,
        target,
        clock.business_seconds,
        clock.calendar_seconds,
        target is not None and clock.business_seconds > target,
        target - clock.business_seconds if target is not None and is_open else None,
    )


def walked(desk: Desk, tickets: list[Ticket], end: int) -> Rows:
    """Every clock at a moment."""
    return {
        (str(ticket.id), clock.metric, clock.instance): judged(desk, ticket, clock, end)
        for ticket in tickets
        for clock in clocks(desk, ticket, end)
    }


def found(session: psycopg.Connection, query: str, desk: Desk, *values: object) -> Rows:
    """Rows of a launch by their first three columns."""
    return {row[:3]: row[3:] for row in session.execute(query, [desk.name, *values]).fetchall()}


def assert_same(desk: Desk, expected: Rows, rows: Rows) -> None:
    wrong = {key: (expected.get(key), rows.get(key)) for key in expected.keys() | rows.keys() if expected.get(key) != rows.get(key)}
    assert not wrong, f"{desk.name}: {len(wrong)} wrong of {len(expected)}: {list(wrong.items())[:3]}"


def compare_clocks(session: psycopg.Connection, last: dt.date) -> Counter[str]:
    """ticket_sla against the walk; returns how many clocks of each kind there were."""
    seen: Counter[str] = Counter()
    for desk in DESKS:
        rows = found(session, f"select ticket_id, metric, instance_number, {COLUMNS} from build.ticket_sla where launch_id = %s", desk)
        assert_same(desk, walked(desk, kept(desk, last), desk.day_end(last)), rows)
        seen.update(f"{'open' if row[1] is None else 'ended'}, {'breached' if row[7] else 'kept'}" for row in rows.values())
        seen["clocks"] += len(rows)
    return seen


def compare_days(session: psycopg.Connection, last: dt.date) -> int:
    """ticket_clock_daily against the walk up to the ends of past dates; returns how many clocks were read."""
    query = f"""
        select ticket_id, metric, instance_number, {COLUMNS.replace("ended_at", "null::timestamptz")}
        from build.ticket_clock_daily where launch_id = %s and metric_date = %s
    """
    count = 0
    for desk in DESKS:
        tickets = kept(desk, last)
        for date in (date for date in READ_ON if date <= last):
            expected = {key: row for key, row in walked(desk, tickets, desk.day_end(date)).items() if row[1] is None and row[4] is not None}
            assert_same(desk, expected, found(session, query, desk, date))
            count += len(expected)
    return count


def compare_backlogs(session: psycopg.Connection, last: dt.date) -> None:
    """ticket_daily against the statuses at the ends of dates and the changes within them."""
    query = """
        select metric_date, priority, launch_id, opened_count, solved_count, reopened_count, backlog_count
        from build.ticket_daily where launch_id = %s and metric_date = any(%s)
    """
    done = ("solved", "closed")
    for desk in DESKS:
        expected: dict[tuple[object, ...], list[int]] = {}
        for date in (date for date in READ_ON if date <= last):
            end, start = desk.day_end(date), desk.day_end(date - dt.timedelta(days=1))
            expected |= {(date, priority, desk.name): [0, 0, 0, 0] for priority in (*PRIORITIES, "none")}
            for ticket in kept(desk, last):
                steps = ticket.until(end).steps
                for before, step in zip((None, *steps), steps, strict=False):
                    was_done = before is not None and before.status in done
                    counts = expected[date, priority_at(ticket, step.at, includes=True), desk.name]
                    if step.at >= start:
                        counts[0] += before is None
                        counts[1] += step.status in done and not was_done
                        counts[2] += was_done and step.status not in done
                if steps and steps[-1].status not in done:
                    expected[date, priority_at(ticket, end, includes=False), desk.name][3] += 1
        assert_same(
            desk, {key: tuple(counts) for key, counts in expected.items()}, found(session, query, desk, [key[0] for key in expected])
        )


def compare_categories(session: psycopg.Connection, last: dt.date) -> None:
    """ticket_categories_daily against the tags of the tickets that were opened, solved and reopened on dates, and open at their ends."""
    query = """
        select metric_date, category_id, launch_id, opened_count, solved_count, reopened_count, backlog_count, all_opened_count
        from build.ticket_categories_daily where launch_id = %s and metric_date = any(%s)
    """
    done = ("solved", "closed")
    for desk in DESKS:
        wanted = {str(category["id"]): [tag.lower() for tag in category["tags"]] for category in desk.categories(is_later=True)}
        expected: dict[tuple[object, ...], list[int]] = {}
        for date in (date for date in READ_ON if date <= last):
            end, start = desk.day_end(date), desk.day_end(date - dt.timedelta(days=1))
            expected |= {(date, category, desk.name): [0] * 5 for category in (*wanted, "none")}
            for ticket in kept(desk, last):
                steps = ticket.until(end).steps
                of = [category for category, known in wanted.items() if set(known) & set(tags(ticket))] or ["none"]
                for category in (*wanted, "none"):
                    expected[date, category, desk.name][4] += bool(steps) and steps[0].at >= start
                for counts in (expected[date, category, desk.name] for category in of):
                    for before, step in zip((None, *steps), steps, strict=False):
                        was_done = before is not None and before.status in done
                        if step.at >= start:
                            counts[0] += before is None
                            counts[1] += step.status in done and not was_done
                            counts[2] += was_done and step.status not in done
                    counts[3] += bool(steps) and steps[-1].status not in done
        assert_same(
            desk, {key: tuple(counts) for key, counts in expected.items()}, found(session, query, desk, [key[0] for key in expected])
        )


def compare_times(session: psycopg.Connection, last: dt.date) -> int:
    """Means of first replies and resolutions by the local date of their end; returns how many clocks are in them."""
    query = "select metric_date, metric, priority, ended_count, business_seconds from build.int_ticket_times_daily where launch_id = %s"
    count = 0
    for desk in DESKS:
        expected: dict[tuple[object, ...], tuple[float, float]] = {
            (FIRST + dt.timedelta(days=number), metric, priority): (0, 0.0)
            for number in range((last - FIRST).days + 1)
            for metric in ("first_reply", "resolution")
            for priority in (*PRIORITIES, "none")
        }
        for ticket in kept(desk, last):
            for clock in clocks(desk, ticket, desk.day_end(last)):
                if clock.metric in ("first_reply", "resolution") and clock.ended_at is not None:
                    date = moment(clock.ended_at).astimezone(desk.place.zone).date()
                    key = (date, clock.metric, priority_at(ticket, clock.ended_at, includes=True))
                    expected[key] = (expected[key][0] + 1, expected[key][1] + clock.business_seconds)
                    count += 1
        assert_same(desk, dict(expected), found(session, query, desk))
    return count


def test_4000_tickets_read_as_a_walk_through_their_lives_says(night: Callable[..., psycopg.Connection]) -> None:
    session = night(FIRST, FIRST_NIGHT)
    compare_clocks(session, FIRST_NIGHT)
    night(FIRST_NIGHT + dt.timedelta(days=1), LAST)
    seen = compare_clocks(session, LAST)
    assert sum(map(len, LIVES.values())) == 4000
    assert seen["clocks"] > 10_000
    assert min(seen[kind] for kind in ("open, kept", "open, breached", "ended, kept", "ended, breached")) > 500
    compare_backlogs(session, LAST)
    assert compare_days(session, LAST) > 10_000
    compare_categories(session, LAST)
    assert compare_times(session, LAST) > 3000


def test_nights_and_late_events_give_what_one_full_refresh_gives(night: Callable[..., psycopg.Connection]) -> None:
    session = night.session  # type: ignore[attr-defined]
    desk, late = DESKS[0], [ticket for ticket in LIVES[DESKS[0].name] if not ticket.is_gone and ticket.has_events][:5]
    for ticket in late:  # the priority was another one than was thought, from a second after the creation
        at = ticket.steps[0].at + 1
        children = [{"event_type": "Change", "priority": "urgent", "previous_value": ticket.steps[0].priority}]
        record = {"id": 1000 * ticket.id + 999, "ticket_id": ticket.id, "timestamp": at, "child_events": children}
        put_entities(session, desk.place, "zendesk", "ticket_events", (LAST, LAST), [Entity(str(record["id"]), moment(at), record)])
    merged = late[0].steps[-1]._replace(status="merged")
    put_entities(session, desk.place, "zendesk", "tickets", (LAST, LAST), [ticket_entity(replace(late[0], steps=(*late[0].steps, merged)))])
    before = contents(session)
    build_support()
    assert session.execute("select count(*) from build.int_ticket_changed").fetchone() == (5,)
    after = contents(session)
    assert {mart for mart in after if after[mart] != before[mart]} == set(after)
    build_support(full_refresh=True)
    assert contents(session) == after
