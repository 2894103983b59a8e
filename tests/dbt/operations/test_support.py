"""What Zendesk tells oddly, and what it must read like: one launch a case, all in one build."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from postlaunch.config.load import load_launches
from postlaunch.warehouse.config_sync import sync_launches
from tests.conftest import Warehouses
from tests.dbt.event_rows import write_launch
from tests.dbt.operations.raw_rows import Entity, Place, put_entities
from tests.dbt.operations.support_build import build_support, date_the_change

FIRST, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 13)  # a Monday, the Friday of the next week
MONDAY = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)
CHANGED_AT = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
SLA = [
    {"priority": "urgent", "first_reply_minutes": 60, "resolution_minutes": 240},
    {"priority": "normal", "first_reply_minutes": 1440, "resolution_minutes": 4320},
]
OFFICE = [{"hours": {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}}]
CASES = ("raised", "loosened", "one-second", "closed", "other-clocks", "silent", "gone", "office", "odd", "branded", "misbranded")
BRANDS = {"branded": 5, "misbranded": 6}


class Export:
    """The records of one launch."""

    def __init__(self) -> None:
        self.tickets: list[Entity] = []
        self.metric_events: list[Entity] = []
        self.ticket_events: list[Entity] = []

    def ticket(self, number: int, status: str, at: dt.datetime = MONDAY, priority: str | None = "normal", **more: Any) -> None:
        self.tickets.append(Entity(str(number), at, {"id": number, "status": status, "priority": priority, "updated_at": iso(at), **more}))

    def metric(self, ticket: int, identifier: int, metric: str, kind: str, at: dt.datetime, instance: Any = 1) -> None:
        record = {"id": identifier, "ticket_id": ticket, "metric": metric, "instance_id": instance, "type": kind, "time": iso(at)}
        self.metric_events.append(Entity(str(identifier), at, record))

    def change(self, ticket: int, identifier: int, at: dt.datetime, **child: Any) -> None:
        children = [{"event_type": "Change", **child}]
        record = {"id": identifier, "ticket_id": ticket, "timestamp": int(at.timestamp()), "child_events": children}
        self.ticket_events.append(Entity(str(identifier), at, record))


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def exports() -> dict[str, Export]:
    found = {name: Export() for name in CASES}

    raised = found["raised"]
    raised.ticket(1, "open", priority="urgent")
    raised.metric(1, 1, "reply_time", "activate", MONDAY)
    raised.metric(1, 2, "reply_time", "fulfill", MONDAY + 30 * MINUTE * 3)
    raised.change(1, 1, MONDAY + DAY, priority="urgent", previous_value="normal")

    loosened = found["loosened"]  # 35 answers after two hours where one was promised, five that nobody gave, and one after the change
    for number in range(41):
        at = MONDAY + number * HOUR if number < 40 else CHANGED_AT + HOUR
        loosened.ticket(number, "open", at, "urgent")
        loosened.metric(number, 2 * number, "reply_time", "activate", at)
        if number < 35 or number == 40:
            loosened.metric(number, 2 * number + 1, "reply_time", "fulfill", at + 2 * HOUR)

    one_second = found["one-second"]  # ids from 95: as text, 100 comes before 99
    for number in range(200):
        one_second.ticket(number, "solved", metric_set={"solved_at": None})
        for offset, metric in enumerate(("reply_time", "agent_work_time", "resolution_time")):
            one_second.metric(number, 95 + 10 * number + offset, metric, "activate", MONDAY)
            one_second.metric(number, 95 + 10 * number + 5 + offset, metric, "fulfill", MONDAY)

    closed = found["closed"]
    closed.ticket(1, "closed", metric_set={"solved_at": None, "status_updated_at": iso(MONDAY + DAY)})
    closed.metric(1, 1, "resolution_time", "activate", MONDAY)

    for number, metric in enumerate(("resolution_time", "requester_wait_time", "agent_work_time")):
        found["other-clocks"].ticket(number, "open")
        found["other-clocks"].metric(number, 10 * number, "resolution_time", "activate", MONDAY)
        found["other-clocks"].metric(number, 10 * number + 1, metric, "fulfill", MONDAY + HOUR)

    silent = found["silent"]  # solved without a word, reopened after two days, answered and solved again after a third
    silent.ticket(1, "solved", updated_at=iso(MONDAY + 3 * DAY))
    silent.metric(1, 1, "reply_time", "activate", MONDAY)
    silent.metric(1, 2, "resolution_time", "activate", MONDAY)
    silent.metric(1, 3, "resolution_time", "fulfill", MONDAY + HOUR)
    silent.metric(1, 4, "resolution_time", "activate", MONDAY + 2 * DAY, 2)
    silent.metric(1, 5, "reply_time", "fulfill", MONDAY + 3 * DAY)
    silent.metric(1, 6, "resolution_time", "fulfill", MONDAY + 3 * DAY, 2)

    gone = found["gone"]
    gone.ticket(1, "deleted")
    gone.ticket(2, "closed", tags=["closed_by_merge"])
    gone.ticket(3, "closed", tags=["closed_by_merge"], via={"source": {"rel": "follow_up"}})  # inherits the tags of the merged one
    gone.ticket(4, "open", tags=["closed_by_merge_later"])
    for number in range(1, 5):
        gone.metric(number, number, "reply_time", "activate", MONDAY)

    found["office"].ticket(1, "open", MONDAY - HOUR, "urgent")
    found["office"].metric(1, 1, "reply_time", "activate", MONDAY - HOUR)
    found["office"].metric(1, 2, "reply_time", "fulfill", MONDAY + 3 * DAY)

    odd = found["odd"]
    odd.ticket(1, "open")
    odd.metric(1, 1, "reply_time", "activate", MONDAY + HOUR)
    odd.metric(1, 2, "reply_time", "fulfill", MONDAY)
    odd.ticket(2, "open", priority="Urgent ", tags="vip", metric_set=[])
    odd.metric(2, 3, "reply_time", "activate", MONDAY, instance="first")
    odd.ticket_events.append(Entity("x", MONDAY, {"id": "x", "ticket_id": 2, "child_events": {"event_type": "Change"}}))
    odd.metric(404, 5, "reply_time", "fulfill", MONDAY)

    for case in BRANDS:  # the same account: one of brand 5, two of brand 7
        for number, brand in enumerate((5, 7, 7)):
            found[case].ticket(number, "open", brand_id=brand)
            found[case].metric(number, number, "reply_time", "activate", MONDAY)
    return found


@pytest.fixture(scope="module")
def marts(warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    folder = tmp_path_factory.mktemp("launches")
    with (
        pytest.MonkeyPatch.context() as patch,
        warehouses.copied(template, patch) as uri,
        psycopg.connect(uri, autocommit=True) as session,
    ):
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        for first_reply in (60, 60_000):
            for case in CASES:
                sla = [{**SLA[0], "first_reply_minutes": first_reply}, SLA[1]] if case == "loosened" else SLA
                section = {"sla": sla, "support_hours": OFFICE if case == "office" else [], "brand_id": BRANDS.get(case)}
                write_launch(folder, case, date=FIRST, timezone="UTC", zendesk=section)
            sync_launches(load_launches(folder))
        date_the_change(session, CHANGED_AT)
        for case, export in exports().items():
            place = Place(case, ZoneInfo("UTC"))
            put_entities(session, place, "zendesk", "tickets", (FIRST, LAST), export.tickets)
            put_entities(session, place, "zendesk", "ticket_metric_events", (FIRST, LAST), export.metric_events)
            put_entities(session, place, "zendesk", "ticket_events", (FIRST, LAST), export.ticket_events)
        build_support()
        yield session


def clocks(marts: psycopg.Connection, launch_id: str, metric: str, columns: str) -> list[tuple[Any, ...]]:
    query = f"select {columns} from build.ticket_sla where launch_id = %s and metric = %s order by ticket_id::bigint, instance_number"
    return marts.execute(query, [launch_id, metric]).fetchall()


def backlog(marts: psycopg.Connection, launch_id: str) -> tuple[Any, ...] | None:
    return marts.execute(
        """
        select sum(opened_count), sum(solved_count), sum(reopened_count), sum(backlog_count) filter (where metric_date = %s)
        from build.ticket_daily where launch_id = %s
        """,
        [LAST, launch_id],
    ).fetchone()


def test_a_normal_ticket_answered_in_time_stays_attained_when_it_is_raised_to_urgent_the_next_day(marts: psycopg.Connection) -> None:
    columns = "priority, target_seconds, elapsed_business_seconds, is_breached"
    assert clocks(marts, "raised", "first_reply", columns) == [("normal", 86400, 5400, False)]
    assert clocks(marts, "raised", "resolution", "priority, target_seconds, is_breached") == [("urgent", 14400, True)]


def test_60_minutes_that_become_60000_leave_what_was_breached_breached(marts: psycopg.Connection) -> None:
    rows = clocks(marts, "loosened", "first_reply", "is_breached, target_seconds, is_running")
    assert rows[:35] == [(True, 3600, False)] * 35
    assert rows[35:40] == [(True, 3600, True)] * 5  # the promise of the day on which they were asked
    assert rows[40] == (False, 3_600_000, False)


def test_200_tickets_created_and_solved_in_one_second_are_solved(marts: psycopg.Connection) -> None:
    assert backlog(marts, "one-second") == (200, 200, 0, 0)
    for metric in ("first_reply", "resolution"):
        assert set(clocks(marts, "one-second", metric, "is_running, is_breached, elapsed_business_seconds")) == {(False, False, 0)}


def test_a_closed_ticket_is_closed_also_without_solved_at_or_fulfill(marts: psycopg.Connection) -> None:
    assert backlog(marts, "closed") == (1, 1, 0, 0)
    assert clocks(marts, "closed", "resolution", "ended_at") == [(MONDAY + DAY,)]


def test_the_fulfill_of_any_status_clock_tells_the_solution(marts: psycopg.Connection) -> None:
    assert clocks(marts, "other-clocks", "resolution", "ended_at") == [(MONDAY + HOUR,)] * 3
    assert backlog(marts, "other-clocks") == (3, 3, 0, 0)


def test_a_silent_solution_ends_the_first_reply_at_the_first_solution(marts: psycopg.Connection) -> None:
    assert clocks(marts, "silent", "first_reply", "ended_at, elapsed_business_seconds") == [(MONDAY + HOUR, 3600)]


def test_a_resolution_goes_on_where_it_stood_when_a_ticket_comes_back(marts: psycopg.Connection) -> None:
    assert clocks(marts, "silent", "resolution", "ended_at, elapsed_business_seconds") == [(MONDAY + 3 * DAY, 3600 + 86400)]
    assert backlog(marts, "silent") == (1, 2, 1, 0)


def test_deleted_and_merged_tickets_leave_and_a_follow_up_of_a_merged_one_stays(marts: psycopg.Connection) -> None:
    assert clocks(marts, "gone", "first_reply", "ticket_id") == [("3",), ("4",)]
    assert backlog(marts, "gone") == (2, 1, 0, 1)


def test_a_past_date_shows_the_clocks_of_that_date_in_support_days(marts: psycopg.Connection) -> None:
    rows = marts.execute(
        """
        select metric_date - %s, due_seconds_left, is_breached, support_day_seconds
        from build.ticket_clock_daily where launch_id = 'office' and metric = 'first_reply' order by metric_date
        """,
        [FIRST],
    ).fetchall()
    # created on Monday at nine, answered on Thursday at ten: nine hours and then ten a day, of which one was promised
    assert rows == [(0, 3600 - 32400, True, 36000), (1, 3600 - 68400, True, 36000), (2, 3600 - 104400, True, 36000)]
    read = marts.execute("select due_seconds_left from build.ticket_clock_daily where launch_id = 'loosened' and metric_date = %s", [FIRST])
    assert len(read.fetchall()) == 14 + 2  # resolutions, and replies that were open at midnight, whatever was promised later


def test_an_odd_ticket_costs_itself(marts: psycopg.Connection) -> None:
    columns = "ticket_id, priority, is_running, elapsed_business_seconds"
    running = (LAST + DAY - MONDAY.date()).total_seconds() - 10 * 3600
    assert clocks(marts, "odd", "first_reply", columns) == [("1", "normal", False, 0), ("2", "urgent", True, running)]


def test_a_brand_of_which_no_ticket_was_ever_seen_is_no_data_and_is_named(marts: psycopg.Connection) -> None:
    assert backlog(marts, "branded") == (1, 0, 0, 1), "tickets of other brands are another launch's"
    assert backlog(marts, "misbranded") == (None, None, None, None)
    values = "select count(opened_count) + count(solved_count) + count(backlog_count) from build.ticket_daily where launch_id = %s"
    assert marts.execute(values, ["misbranded"]).fetchall() == [(0,)], "at most nine of them is not met by none"
    assert marts.execute(values, ["branded"]).fetchall() == [(3 * 5 * 12,)]
    notices = marts.execute(
        "select launch_id, priority, notice, count(*) from build.ticket_daily where notice is not null group by 1, 2, 3"
    )
    assert notices.fetchall() == [("misbranded", "none", "no ticket of the brand 6 of zendesk.brand_id was ever seen", 12)]
