"""What the planner is told of tables that nights add to."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt.event_rows import Event, days, load_dates, rows_read, write_launch
from tests.dbt_forks import only

FIRST = dt.date(2024, 1, 1)
SECONDS = 8  # of a model, on a busy machine
LAST = FIRST + dt.timedelta(days=599)  # with ten measures a date more rows than a table has that each build analyses


def test_a_table_that_a_launch_made_longer_is_analysed_by_the_build_and_knows_the_launch(warehouse: str, launch_files: Path) -> None:
    events = [opened("ada", day) for day in days(FIRST, LAST)]
    with connect(autocommit=True) as session:
        for launch_id in ("known", "added"):
            write_launch(launch_files, launch_id, date=FIRST, timezone="UTC", mixpanel={"project_id": 1})
            load_dates(session, launch_id, "UTC", days(FIRST, LAST), events)
            build()
            rows = session.execute("select count(*) from build.measures_daily where launch_id = %s", [launch_id]).fetchone()
            assert rows is not None
            assert rows[0] > 5_000
            # what it knows comes from the build, and not from autovacuum in the background
            session.execute("alter table build.measures_daily set (autovacuum_enabled = false)")
        assert known_launches(session) == {"known", "added"}


def known_launches(session: psycopg.Connection) -> set[str]:
    """The launches that the planner knows to be common in the table."""
    row = session.execute(
        "select most_common_vals::text::text[] from pg_stats "
        "where schemaname = 'build' and tablename = 'measures_daily' and attname = 'launch_id'"
    ).fetchone()
    return set(row[0]) if row else set()


def test_a_night_after_a_first_build_of_many_dates_reads_its_own_dates_alone_and_joins_a_crowd_without_looping(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner takes the dates of a build to be as many as builds have on the average, and their events to be few."""
    only(monkeypatch, "product")
    funnel = {"id": "activation", "name": "A", "steps": ["Opened", "Saved"], "window_hours": 24}
    write_launch(launch_files, "known", date=FIRST, timezone="UTC", mixpanel={"project_id": 1, "funnels": [funnel]})
    events = [opened("ada", day) for day in days(FIRST, LAST)]
    with connect(autocommit=True) as session:
        load_dates(session, "known", "UTC", days(FIRST, LAST), events)
        build()
        tables = ("int_user_event_days", "int_funnel_events")
        before = {table: rows_read(session, table) for table in tables}
        load_dates(session, "known", "UTC", [LAST], [*events, opened("bob", LAST)])
        build()
        by_index = {table: rows_read(session, table)[0] - before[table][0] for table in tables}
        assert {table: count for table, count in by_index.items() if count >= 50} == {}
        assert session.execute("select count(*) from build.int_user_event_days").fetchone() == (601,)
        crowd = [opened(f"user-{number}", LAST) for number in range(12_000)]
        # what a machine does under one name: with each event compared with all of its later ones, minutes
        machine = [opened("machine", LAST, second, name) for second in range(0, 40_000, 2) for name in ("Opened", "Saved")]
        load_dates(session, "known", "UTC", [LAST], [*crowd, *machine])
        nodes = build().nodes
        slow = {node.name: node.seconds for node in nodes if node.seconds > SECONDS}
        assert slow == {}
        entered = "select step_number, reached_count from build.funnel_daily where entry_date = %s order by 1"
        assert session.execute(entered, [LAST]).fetchall() == [(1, 12_001), (2, 1)]


def opened(user: str, day: dt.date, second: int = 0, name: str = "Opened") -> Event:
    return Event(user, name, dt.datetime.combine(day, dt.time(12), dt.UTC) + dt.timedelta(seconds=second))
