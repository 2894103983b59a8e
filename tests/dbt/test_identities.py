"""Who a user is, on launches of a few people: two nights, the second with logins and merges of what the first told anonymously."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.marts.build import build, open_build
from postlaunch.marts.identities import components
from postlaunch.warehouse.db import connect
from tests.dbt.event_rows import Event, load_dates, rows_by, rows_read, write_launch
from tests.dbt_forks import only

MONDAY = dt.date(2026, 1, 12)
LATER = MONDAY + dt.timedelta(days=40)  # far behind every look-back
UUID = "8d1b4a4e-1f0a-4b8e-9a55-0d6c1f2a7b3c"


def event(distinct_id: str | None, name: str, day: int, second: int = 0, **properties: Any) -> Event:
    """An event at noon of a day after MONDAY; `device_id` stands for `$device_id`, and so on."""
    moment = dt.datetime.combine(MONDAY + dt.timedelta(days=day), dt.time(12), dt.UTC) + dt.timedelta(seconds=second)
    return Event(distinct_id, name, moment, {key if key == "alias" else f"${key}": value for key, value in properties.items()})


@dataclass(frozen=True)
class Case:
    """Two nights of a launch; `dirty` are the days of the second build."""

    first: list[Event]
    second: list[Event]
    dirty: set[int]
    users: int
    mixpanel: Mapping[str, Any] = field(default_factory=dict)


def stranger(day: int) -> Event:
    """Somebody else's event, on a date that a merge must leave alone."""
    return event("stranger", "Opened", day)


ANONYMOUS = [event("$device:d1", "Opened", 0, device_id="d1"), stranger(1), event("$device:d1", "Opened", 2, device_id="d1"), stranger(3)]
BARE = [event(UUID, "Opened", 0), stranger(1), event(UUID, "Opened", 2), stranger(3)]
CASES = {
    "device-logs-in": Case(ANONYMOUS, [event("u1", "Opened", 40, device_id="d1", user_id="u1")], {0, 2, 40}, users=2),
    "bare-device-id": Case(
        [event("d1", "Opened", 0, device_id="d1"), stranger(1)], [event("u1", "Opened", 40, device_id="d1", user_id="u1")], {0, 40}, users=2
    ),
    "identify": Case(
        BARE, [event("u1", "$identify", 40, identified_id="u1", anon_id=UUID), event("u1", "Opened", 40)], {0, 2, 40}, users=2
    ),
    "identify-of-the-browser-library": Case(
        ANONYMOUS, [event("u1", "$identify", 40, anon_distinct_id="$device:d1"), event("u1", "Opened", 40)], {0, 2, 40}, users=2
    ),
    "alias": Case(
        BARE, [event(UUID, "$create_alias", 40, alias="mail@example.com"), event("mail@example.com", "Opened", 40)], {40}, users=2
    ),
    # which of the two gives its name is chance, so both have events on the same dates
    "merge": Case(
        [*BARE, event("u9", "Opened", 0), event("u9", "Opened", 2)],
        [event(None, "$merge", 40, distinct_ids=[UUID, "u9"])],
        {0, 2, 40},
        users=2,
    ),
    # nurses of a ward share its browser: it belongs to the first who logs in, and they stay two
    "shared-device": Case(
        [*ANONYMOUS, event("u1", "Opened", 4, device_id="d1", user_id="u1")],
        [event("u2", "Opened", 40, device_id="d1", user_id="u2")],
        {40},
        users=3,
    ),
    "nothing-new": Case(
        [event("u1", "Opened", 0, device_id="d1", user_id="u1")], [event("u1", "Opened", 40, device_id="d1", user_id="u1")], {40}, users=1
    ),
    # the login that told of the link leaves its date: they are two again
    "link-is-gone": Case(
        [event("$device:d1", "Opened", 0), event("u1", "Opened", 2, device_id="d1", user_id="u1")],
        [event("u1", "Opened", 2)],
        {0, 2},
        users=2,
    ),
    "ten-people": Case(
        [
            told
            for number in range(10)
            for told in (event(f"$device:{number}", "Landed", 0, device_id=str(number)), event(f"user{number}", "$identify", 0))
        ],
        [event(f"user{number}", "Signed Up", 1, device_id=str(number), user_id=f"user{number}") for number in range(10)],
        {0, 1},
        users=10,
        mixpanel={"funnels": [{"id": "activation", "name": "A", "steps": ["Landed", "Signed Up"], "window_hours": 48}]},
    ),
    "nobody": Case(
        [
            event(None, "Opened", 0),
            event("", "Opened", 0),
            event("u1", "Opened", 0),
            event("u1", "$mp_click", 1),
            event("u2", "$ae_session", 1),
        ],
        [],
        set(),
        users=1,
    ),
}


@pytest.fixture(scope="module")
def session(module_warehouse: str, module_launch_files: Path) -> Iterator[psycopg.Connection]:
    with connect(autocommit=True) as session:
        yield session


@pytest.fixture(scope="module")
def dirty(session: psycopg.Connection, module_launch_files: Path, module_patch: pytest.MonkeyPatch) -> Mapping[str, set[int]]:
    """Launch -> days after MONDAY that the second build took, which dies once before it is built."""
    for name, case in CASES.items():
        write_launch(module_launch_files, name, date=MONDAY, timezone="UTC", mixpanel={"project_id": 1, **case.mixpanel})
        load_dates(session, name, "UTC", sorted({told.occurred_at.date() for told in case.first}), case.first)
    only(module_patch, "product")
    build()
    for name, case in CASES.items():
        load_dates(session, name, "UTC", sorted({told.occurred_at.date() for told in case.second}), case.second)
    with pytest.raises(RuntimeError), open_build():
        raise RuntimeError("the build dies before dbt begins")
    build_id = build().build_id
    rows = session.execute("select launch_id, metric_date from ops.build_dates where build_id = %s", [build_id]).fetchall()
    return {name: {(date - MONDAY).days for launch_id, date in rows if launch_id == name} for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_a_merge_makes_dirty_exactly_the_dates_of_who_is_known_by_another_id_now(dirty: Mapping[str, set[int]], name: str) -> None:
    assert dirty[name] == CASES[name].dirty


@pytest.mark.parametrize("name", CASES)
def test_a_person_with_several_ids_is_one_user(dirty: Mapping[str, set[int]], session: psycopg.Connection, name: str) -> None:
    row = session.execute("select sum(new_users_count)::integer from build.active_users_daily where launch_id = %s", [name]).fetchone()
    assert row == (CASES[name].users,)


def test_ten_people_who_land_and_sign_up_are_ten_users_who_all_come_back(
    dirty: Mapping[str, set[int]], session: psycopg.Connection
) -> None:
    retention = session.execute(
        "select cohort_size_count, retained_count from build.retention_cohorts where launch_id = 'ten-people' and period_name = 'on day 1'"
    ).fetchall()
    funnel = session.execute(
        "select entered_count, reached_count from build.funnel_daily "
        "where launch_id = 'ten-people' and step_number = 2 and entered_count > 0"
    ).fetchall()
    assert (retention, funnel) == ([(10, 10)], [(10, 10)])


def test_an_event_of_nobody_and_mixpanels_own_count_in_volumes_and_are_no_activity(
    dirty: Mapping[str, set[int]], session: psycopg.Connection
) -> None:
    volumes = rows_by(
        session,
        "select metric_date - date '2026-01-12', event_name, events_count, users_count from build.event_volumes_daily "
        "where launch_id = 'nobody' and events_count > 0",
        keys=2,
    )
    active = rows_by(
        session,
        "select metric_date - date '2026-01-12', active_users_count from build.active_users_daily where launch_id = 'nobody'",
        keys=1,
    )
    assert volumes == {(0, "Opened"): (3, 1), (1, "$mp_click"): (1, 1), (1, "$ae_session"): (1, 1)}
    assert active == {0: 1, 1: 0}


def test_no_id_leaves_raw(dirty: Mapping[str, set[int]], session: psycopg.Connection) -> None:
    keys = session.execute(
        "select child_key from ops.identity_links union select parent_key from ops.identity_links "
        "union select id_key from ops.identities union select user_key from ops.identities"
    ).fetchall()
    assert len(keys) > 20
    assert all(len(key) == 32 and set(key) <= set("0123456789abcdef") for (key,) in keys)


def test_a_user_is_known_by_the_id_that_belongs_to_no_other() -> None:
    assert components([("a", "u", True), ("b", "u", True)]) == {"a": "u", "b": "u", "u": "u"}
    assert components([("a", "c", True), ("c", "u", True), ("u", "b", False)]) == dict.fromkeys("acub", "b")
    assert components([("b", "a", True), ("a", "b", True)]) == {"a": "a", "b": "a"}
    assert components([]) == {}


def test_a_launch_that_comes_with_a_history_of_logins_does_not_wait_for_statistics_of_it(warehouse: str, launch_files: Path) -> None:
    logins = [event(f"u{number}", "Opened", 0, device_id=f"d{number}", user_id=f"u{number}") for number in range(30_000)]
    with connect(autocommit=True) as session:
        session.execute("do $$ begin execute format('alter database %I set statement_timeout = %L', current_database(), '20s'); end $$")
        for name in ("known", "added"):
            write_launch(launch_files, name, date=MONDAY, timezone="UTC", mixpanel={"project_id": 1})
            load_dates(session, name, "UTC", [MONDAY], logins)
            with open_build():
                session.execute("analyze ops.identity_links")
        assert rows_by(session, "select launch_id, count(*) from ops.identities group by launch_id", keys=1) == {
            "known": 30_000,
            "added": 30_000,
        }


def test_a_night_looks_up_the_links_that_are_new_and_does_not_read_those_of_other_dates(warehouse: str, launch_files: Path) -> None:
    def logins(numbers: range, day: int) -> list[Event]:
        return [event(f"u{number}", "Opened", day, device_id=f"d{number}", user_id=f"u{number}") for number in numbers]

    write_launch(launch_files, "known", date=MONDAY, timezone="UTC", mixpanel={"project_id": 1})
    dates = [MONDAY + dt.timedelta(days=day) for day in range(11)]
    with connect(autocommit=True) as session:
        load_dates(session, "known", "UTC", dates[:10], [login for day in range(10) for login in logins(range(3_000), day)])
        with open_build():
            session.execute("analyze ops.identity_links")
        before = sum(rows_read(session, "identity_links"))
        load_dates(session, "known", "UTC", dates[9:], logins(range(3_000), 9) + logins(range(2_990, 3_010), 10))
        with open_build():
            pass
        assert sum(rows_read(session, "identity_links")) - before < 5_000
        assert session.execute("select count(*) from ops.identity_links").fetchone() == (30_020,)
