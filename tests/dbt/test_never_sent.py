"""Events that a launch file names and nobody ever sent: no data, with the key and the name, until somebody has sent them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt.event_rows import Event, days, load_dates, write_launch

MONDAY = dt.date(2026, 1, 12)
LAST = MONDAY + dt.timedelta(days=9)
FUNNEL = {"id": "activation", "name": "A", "window_hours": 24}
RULES: dict[str, dict[str, Any]] = {
    "sound": {"active_events": ["Task Created"], "registration_event": "Signed Up", "steps": ["Signed Up", "Task Created"]},
    "inactive": {"active_events": ["Tsak Created", "Report Raed"], "steps": ["Signed Up", "Task Created"]},
    "partly": {"active_events": ["Task Created", "Report Raed"], "steps": ["Signed Up", "Task Created"]},
    "unregistered": {"registration_event": "Singed Up", "steps": ["Signed Up", "Task Created"]},
    "halfway": {"steps": ["Signed Up", "Tsak Created"]},
    "nobody": {"active_events": ["Imported"], "steps": ["Signed Up", "Task Created"]},
    "late": {"active_events": ["Report Read"], "steps": ["Signed Up", "Report Read"]},
}
KPIS = ("daily_active_users", "weekly_active_users", "new_users", "activation", "retention")
USERS, BEGINNINGS = {"daily_active_users", "weekly_active_users"}, {"new_users", "retention"}


def events() -> list[Event]:
    """Twenty users sign up on the first two days, create a task at once, and half of them one on the next day too."""
    found = [Event(None, "Imported", noon(MONDAY))]
    for number in range(20):
        day, user = MONDAY + dt.timedelta(days=number % 2), f"user-{number}"
        found += [Event(user, "Signed Up", noon(day)), Event(user, "Task Created", noon(day) + dt.timedelta(hours=1))]
        if number < 10:
            found.append(Event(user, "Task Created", noon(day + dt.timedelta(days=1))))
    return found


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


def write(folder: Path, name: str, rules: dict[str, Any]) -> None:
    mixpanel = {"project_id": 1, **{key: value for key, value in rules.items() if key != "steps"}}
    mixpanel["funnels"] = [{**FUNNEL, "steps": rules["steps"]}]
    kpis = [{"kpi": kpi_id, "targets": [{"at_least": 0}]} for kpi_id in ("daily_active_users", "activation")]
    write_launch(folder, name, date=MONDAY, timezone="UTC", mixpanel=mixpanel, kpis=kpis, reviews={"minimum_sample": 1})


@pytest.fixture(scope="module")
def marts(module_warehouse: str, module_launch_files: Path) -> Iterator[psycopg.Connection]:
    with connect(autocommit=True) as session:
        for name, rules in RULES.items():
            write(module_launch_files, name, rules)
            load_dates(session, name, "UTC", days(MONDAY, LAST), events())
        build()
        yield session


def measured(marts: psycopg.Connection, launch_id: str) -> set[str]:
    """KPIs that have a value on any date."""
    rows = marts.execute(
        "select kpi_id from build.kpi_daily where launch_id = %s and kpi_id = any(%s) group by 1 having count(value) > 0",
        [launch_id, list(KPIS)],
    )
    return {kpi_id for (kpi_id,) in rows.fetchall()}


def notices(marts: psycopg.Connection, launch_id: str) -> set[str]:
    rows = marts.execute(
        """
        select notice from build.active_users_daily where launch_id = %(launch)s and notice is not null
        union select notice from build.funnel_daily where launch_id = %(launch)s and notice is not null
        """,
        {"launch": launch_id},
    )
    return {notice for (notice,) in rows.fetchall()}


def test_what_was_seen_once_is_a_true_zero_on_a_day_without_it(marts: psycopg.Connection) -> None:
    assert (measured(marts, "sound"), notices(marts, "sound")) == (set(KPIS), set())
    row = marts.execute(
        "select active_users_count, new_users_count from build.active_users_daily where launch_id = 'sound' and metric_date = %s", [LAST]
    ).fetchone()
    assert row == (0, 0)


def test_active_events_that_nobody_ever_sent_leave_no_users_no_beginnings_and_no_retention(marts: psycopg.Connection) -> None:
    assert measured(marts, "inactive") == {"activation"}
    assert notices(marts, "inactive") == {"no user ever sent the event Report Raed and 1 more of mixpanel.active_events"}
    statuses = marts.execute("select distinct status from build.scorecard where launch_id = 'inactive' and kpi_id = 'daily_active_users'")
    assert statuses.fetchall() == [("no_data",)], "at least 0 is not met by nobody"
    assert marts.execute("select count(*) from build.retention_cohorts where launch_id = 'inactive'").fetchone() == (0,)


def test_one_of_several_active_events_that_nobody_ever_sent_is_said_and_the_others_count(marts: psycopg.Connection) -> None:
    assert measured(marts, "partly") == set(KPIS)
    assert notices(marts, "partly") == {"no user ever sent the event Report Raed of mixpanel.active_events"}


def test_events_of_nobody_are_not_sent_by_a_user(marts: psycopg.Connection) -> None:
    assert measured(marts, "nobody") == {"activation"}
    assert notices(marts, "nobody") == {"no user ever sent the event Imported of mixpanel.active_events"}


def test_a_registration_event_that_nobody_ever_sent_leaves_no_new_users_and_no_retention(marts: psycopg.Connection) -> None:
    assert measured(marts, "unregistered") == set(KPIS) - BEGINNINGS
    assert notices(marts, "unregistered") == {"no user ever sent the event Singed Up of mixpanel.registration_event"}


def test_a_step_that_nobody_ever_did_leaves_no_activation_and_the_steps_before_it(marts: psycopg.Connection) -> None:
    assert measured(marts, "halfway") == set(KPIS) - {"activation"}
    assert notices(marts, "halfway") == {"no user ever sent the event Tsak Created of mixpanel.funnels, activation"}
    statuses = marts.execute("select distinct status from build.scorecard where launch_id = 'halfway' and kpi_id = 'activation'")
    assert statuses.fetchall() == [("no_data",)], "at least 0 % is not met by what nobody measured"
    steps = """
        select step_number, entered_count, reached_count, pending_count, reached_ratio
        from build.funnel_daily where launch_id = 'halfway' and entry_date = %s order by step_number
    """
    assert marts.execute(steps, [MONDAY]).fetchall() == [(1, 10, 10, 0, 1), (2, 10, None, None, None)]
    wholes = "select distinct reached_count is null from build.funnel_periods where launch_id = 'halfway' and step_number = 2"
    assert marts.execute(wholes).fetchall() == [(True,)]


def test_the_first_time_that_an_event_is_sent_makes_zeros_of_the_days_before(marts: psycopg.Connection) -> None:
    """The last of this module: it goes on in the warehouse of the others."""
    query = (
        "select kpi_id, value from build.kpi_daily "
        "where launch_id = 'late' and metric_date = %s and kpi_id in ('daily_active_users', 'activation') order by 1"
    )
    day = [MONDAY + dt.timedelta(days=1)]
    assert marts.execute(query, day).fetchall() == [("activation", None), ("daily_active_users", None)]
    load_dates(marts, "late", "UTC", [LAST], [Event("user-1", "Report Read", noon(LAST))])
    build()
    assert marts.execute(query, day).fetchall() == [("activation", 0), ("daily_active_users", 0)]
