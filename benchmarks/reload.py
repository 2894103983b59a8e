"""One changed day of Mixpanel events, loaded again into a table that holds a week and into one that holds a year, turn by turn.

Every day of both is landed and loaded by the loader itself, two events each, so that partitions, ops.partition_loads and whatever else
a load keeps are as large as they would be; the other events of the days are copied inside the warehouse. The day that is measured lies in
the last month of both.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

import psycopg
from psycopg import sql

from benchmarks.child import measured
from benchmarks.context import Context, environment
from benchmarks.events import bench_launch, event_lines
from benchmarks.figure import Figure, at_most
from postlaunch.config.settings import load_settings
from postlaunch.dates import Dates
from postlaunch.ingest import load
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, new_pull_id
from postlaunch.sources.mixpanel.spec import EVENTS
from postlaunch.warehouse.db import connect

LAUNCH = bench_launch(mixpanel={"project_id": 1})
LAST_DAY = dt.date(2026, 3, 31)
CHANGED_DAY = dt.date(2026, 3, 28)
FEW_DAYS, MANY_DAYS = 7, 365
REPETITIONS = 5
PROPERTIES = 10
GROWTH = 1.2

_COLUMNS = """
    select column_name from information_schema.columns
    where table_schema = 'raw' and table_name = 'mixpanel_events' order by ordinal_position
"""
_MOVED = {
    "event_date": sql.SQL("load.partition_date"),
    "occurred_at": sql.SQL("event.occurred_at + (load.partition_date - event.event_date) * interval '1 day'"),
    "processed_at": sql.SQL("event.processed_at + (load.partition_date - event.event_date) * interval '1 day'"),
    "load_id": sql.SQL("load.load_id"),
}
_COPY = """
    insert into raw.mixpanel_events ({columns})
    select {values}
    from raw.mixpanel_events as event
    cross join ops.partition_loads as load
    where event.event_date = %(day)s and load.partition_date <> %(day)s
"""


def run(context: Context) -> list[Figure]:
    """The medians of several reloads each, in one run."""
    rows = context.size(20_000, 5_000)
    with ExitStack() as stack:
        tables = {days: stack.enter_context(context.warehouse(f"reload_{days}")) for days in (FEW_DAYS, MANY_DAYS)}
        for days, env in tables.items():
            context.say(f"reload: filling {days} days of {rows:,} events")
            with environment(env):
                _fill(days, rows)
        seconds: dict[int, list[float]] = {days: [] for days in tables}
        for repetition in range(REPETITIONS + 1):
            for days in sorted(tables, reverse=bool(repetition % 2)):
                context.say(f"reload: turn {repetition} of {REPETITIONS} into {days} days")
                seconds[days].append(_reload(tables[days], rows, repetition))
    few, many = (statistics.median(seconds[days][1:]) for days in (FEW_DAYS, MANY_DAYS))  # the first turn warms the caches
    return [
        Figure(f"reload of a day of {rows:,} events into {FEW_DAYS} days", few, "s"),
        Figure(f"reload of a day of {rows:,} events into {MANY_DAYS} days", many, "s"),
        at_most(f"reload into {MANY_DAYS} days against {FEW_DAYS}", many / few, "ratio", GROWTH),
    ]


def _fill(days: int, rows: int) -> None:
    """Load every day with two events, the changed day with all, and copy its events to the others."""
    first = LAST_DAY - dt.timedelta(days=days - 1)
    for number in range(days):
        day = first + dt.timedelta(days=number)
        _land(day, event_lines(day, rows if day == CHANGED_DAY else 2, properties=PROPERTIES))
    load("mixpanel", LAUNCH, first, LAST_DAY)
    with connect("loader", autocommit=True) as session:
        _copy_events(session)
    with connect(autocommit=True) as session:
        session.execute("set role postlaunch_loader")
        session.execute("vacuum analyze raw.mixpanel_events")


def _copy_events(session: psycopg.Connection) -> None:
    names = [name for (name,) in session.execute(_COLUMNS)]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    values = sql.SQL(", ").join(_MOVED.get(name) or sql.Identifier("event", name) for name in names)
    session.execute(sql.SQL(_COPY).format(columns=columns, values=values), {"day": CHANGED_DAY})


def _reload(env: Mapping[str, str], rows: int, repetition: int) -> float:
    """Land the day with other users than before, and load it as `postlaunch load` does."""
    with environment(env):
        _land(CHANGED_DAY, event_lines(CHANGED_DAY, rows, first_number=(repetition + 1) * rows, properties=PROPERTIES))
    found = measured("mixpanel", LAUNCH, CHANGED_DAY, CHANGED_DAY, env, action="load")
    if found.loaded != rows:
        raise RuntimeError(f"{found.loaded:,} of {rows:,} events were loaded")
    return found.seconds


def _land(day: dt.date, lines: Iterable[bytes]) -> None:
    landing = Landing(load_settings().landing)
    writer = PartitionWriter(landing, EVENTS.source, LAUNCH.launch, EVENTS.name, day, new_pull_id(), LAUNCH.window(Dates.of(day)))
    writer.write_all(list(lines))
    writer.finalise({"url": "http://127.0.0.1/api/2.0/export", "project_id": 1, "timezone": "UTC"})
