"""Events put into raw as the loader would leave them, and launch files to go with them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import yaml

JSON_TYPES: Mapping[type, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}


SESSIONS_END_SECONDS = 10.0


class Event(NamedTuple):
    """One event: whose (None: nobody's), which, when (zone-aware), and the properties that tell more of who it was."""

    distinct_id: str | None
    name: str
    occurred_at: dt.datetime
    properties: Mapping[str, Any] = {}


def write_launch(folder: Path, launch_id: str, **fields: Any) -> None:
    """A launch file with what every one needs and the sections given."""
    spec = {"launch": launch_id, "name": launch_id, "owner": {"name": "Ada", "email": "ada@example.com"}, **fields}
    (folder / f"{launch_id}.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))


def load_dates(session: psycopg.Connection, launch_id: str, timezone: str, dates: Iterable[dt.date], events: Sequence[Event]) -> None:
    """Replace the raw partitions of `dates` by the events that fall on them in the launch's zone; each date is one dirty load.

    The order of `events` is the source's own.
    """
    session.execute("create table if not exists raw.mixpanel_events_of_tests partition of raw.mixpanel_events default")
    zone = ZoneInfo(timezone)
    by_date: dict[dt.date, list[Event]] = {}
    for event in events:
        by_date.setdefault(event.occurred_at.astimezone(zone).date(), []).append(event)
    for date in dates:
        load_id = _record_load(session, launch_id, zone, date, by_date.get(date, []))
        session.execute("delete from raw.mixpanel_events where launch_id = %s and event_date = %s", [launch_id, date])
        columns = "launch_id, event_date, event_name, distinct_id, occurred_at, properties, source_order, load_id"
        with session.cursor().copy(f"copy raw.mixpanel_events ({columns}) from stdin") as copy:
            for order, event in enumerate(by_date.get(date, []), start=1):
                properties = json.dumps(event.properties)
                copy.write_row((launch_id, date, event.name, event.distinct_id, event.occurred_at, properties, order, load_id))
        _record_properties(session, launch_id, date, by_date.get(date, []))
    session.commit()


def _record_properties(session: psycopg.Connection, launch_id: str, date: dt.date, events: Sequence[Event]) -> None:
    session.execute("delete from raw.event_property_days where launch_id = %s and event_date = %s", [launch_id, date])
    counts = Counter((event.name, name, JSON_TYPES[type(value)]) for event in events for name, value in event.properties.items())
    with session.cursor().copy("copy raw.event_property_days from stdin") as copy:
        for (event_name, name, value_type), count in counts.items():
            copy.write_row((launch_id, date, event_name, name, value_type, count))


def _record_load(session: psycopg.Connection, launch_id: str, zone: ZoneInfo, date: dt.date, events: list[Event]) -> int:
    row = session.execute(
        """
        insert into ops.partition_loads (
            launch_id, source, stream, partition_date, window_start_at, window_end_at, pull_id, landing_path, bytes_count, landed_count,
            loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, request, duration_seconds
        )
        values (%(launch)s, 'mixpanel', 'events', %(date)s, %(start)s, %(end)s, 'p', 'here', 0, %(n)s, %(n)s, 0, 0, %(hash)s, true, '{}', 0)
        returning load_id
        """,
        {
            "launch": launch_id,
            "date": date,
            "start": dt.datetime.combine(date, dt.time(), zone),
            "end": dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), zone),
            "n": len(events),
            "hash": hashlib.sha256(repr(events).encode()).hexdigest(),
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def days(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every date from first to last, both included."""
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def rows_by(session: psycopg.Connection, query: str, keys: int) -> Mapping[Any, Any]:
    """Rows of a query as {first `keys` columns: the others}; single values without their tuple."""

    def short(values: tuple[Any, ...]) -> Any:
        return values[0] if len(values) == 1 else values

    return {short(row[:keys]): short(row[keys:]) for row in session.execute(query).fetchall()}


def hashes_of_build(session: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Table of schema build -> number of rows and a hash of all of them, whatever their order; without what a single night changed."""
    tables = session.execute(
        "select table_name from information_schema.tables "
        "where table_schema = 'build' and table_type = 'BASE TABLE' and table_name not like 'int_changed_%'"
    )
    hashes = {}
    for (table,) in tables.fetchall():
        row = session.execute(
            f"""
            select count(*), md5(coalesce(string_agg(row_text, chr(10) order by row_text), ''))
            from (select relation::text as row_text from build.{table} as relation) as rows
            """
        ).fetchone()
        assert row is not None
        hashes[table] = (row[0], row[1])
    return hashes


def rows_read(session: psycopg.Connection, table: str) -> tuple[int, int]:
    """Rows of a table that sessions which have ended read of it so far: by index, and one after the other.

    A session tells what it read as it ends, and a client does not wait for that; `session` tells its own at times of its own choice.
    """
    others = (
        "select from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
    )
    deadline = time.monotonic() + SESSIONS_END_SECONDS
    while session.execute(f"select not exists ({others}), pg_stat_clear_snapshot()").fetchone() != (True, ""):
        assert time.monotonic() < deadline, "other sessions are still in this database"
        time.sleep(0.05)
    row = session.execute(
        "select coalesce(idx_tup_fetch, 0), coalesce(seq_tup_read, 0) from pg_stat_user_tables where relname = %s", [table]
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
