"""What is stored, for `postlaunch storage`: bytes by area, source and launch, what a day adds, and what a year will take.

    files of the landing zone ──> bytes by date of their partition ───────┐
    tables of the warehouse ────> bytes by date, by share of the rows ────┴─> Stored(area, source, launch, bytes, bytes a day)

A table holds all launches. PostgreSQL knows the bytes of the table only (indexes, TOAST and dead rows included), so a launch has the share
of its rows. Rows are counted, not estimated: that reads every table once, seconds for a year of events.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from postlaunch.config.launch import DOMAIN_SOURCE, SOURCES
from postlaunch.config.settings import load_settings
from postlaunch.dates import Dates
from postlaunch.landing.zone import Landing
from postlaunch.warehouse.db import connect

ALL = "all"  # of no single source or launch
LANDING = "landing"
SCHEMAS = ("raw", "ops", "build", "marts")
RECENT_DAYS = 28  # four whole weeks, so that weekends weigh what they weigh
FEWEST_DAYS = 7  # less history than a week says nothing of a year
YEAR_DAYS = 365  # what a year will take is so many times a day
DATE_COLUMNS = ("metric_date", "event_date", "sample_date")  # the date that a row is of; tables without one grow by their average

_TABLES = """
select
    tables.relnamespace::regnamespace::text as schema_name,
    tables.relname as table_name,
    (
        select coalesce(sum(pg_total_relation_size(leaf.relid)), 0)::bigint
        from (
            select relid from pg_partition_tree(tables.oid) where isleaf
            union
            select tables.oid
        ) as leaf
    ) as bytes_count,
    exists (select from pg_attribute where attrelid = tables.oid and attname = 'launch_id' and not attisdropped) as has_launch,
    exists (select from pg_attribute where attrelid = tables.oid and attname = 'source' and not attisdropped) as has_source,
    (
        select attname from pg_attribute
        where attrelid = tables.oid and attname = any(%(date_columns)s) and not attisdropped
        order by array_position(%(date_columns)s, attname::text)
        limit 1
    ) as date_column
from pg_class as tables
where tables.relnamespace = any(%(schemas)s::regnamespace[]) and tables.relkind in ('r', 'p') and not tables.relispartition
order by 1, 2
"""

# Dates that were loaded, of each source and launch.
_HISTORY = """
select source, launch_id, min(window_start_at)::date, max(window_end_at - interval '1 microsecond')::date
from ops.partition_loads
group by source, launch_id
"""

Key = tuple[str, str, str]  # area, source, launch


@dataclass(frozen=True)
class Stored:
    """`daily_bytes`: what one more date adds, by the last four weeks; None where there is less than a week of history."""

    area: str
    source: str
    launch_id: str
    bytes: int
    daily_bytes: int | None

    @property
    def year_bytes(self) -> int | None:
        """What will be stored a year from now, if nothing is removed."""
        return None if self.daily_bytes is None else self.bytes + YEAR_DAYS * self.daily_bytes


@dataclass
class _Heap:
    """Bytes of one area, source and launch: by date, those of rows without a date, and those of tables without rows, which add nothing."""

    dated: dict[dt.date, float] = field(default_factory=lambda: defaultdict(float))
    undated: float = 0.0
    empty: int = 0

    def add(self, date: dt.date | None, size: float) -> None:
        if date is None:
            self.undated += size
        else:
            self.dated[date] += size

    def stored(self, key: Key, history: Dates | None) -> Stored:
        filled = sum(self.dated.values()) + self.undated
        daily = 0 if not filled else None if history is None else _daily(self, history)
        return Stored(*key, round(filled) + self.empty, daily)


def _daily(heap: _Heap, history: Dates) -> int | None:
    """Of dated bytes the average of the last weeks, of the others that of the whole history."""
    first, last = history.first, history.last
    days = (last - first).days + 1
    if days < FEWEST_DAYS:
        return None
    recent = min(days, RECENT_DAYS)
    begin = last - dt.timedelta(days=recent - 1)
    return round(sum(size for date, size in heap.dated.items() if begin <= date <= last) / recent + heap.undated / days)


def stored() -> list[Stored]:
    """Everything that is stored, by area, source and launch. Raises ConfigError, LandingError or WarehouseError."""
    with connect(autocommit=True) as session:
        return [*landed(Landing(load_settings().landing)), *in_warehouse(session)]


def total(parts: Iterable[Stored]) -> Stored:
    """The sum; its growth is unknown as soon as that of a part with bytes is."""
    counted = list(parts)
    growing = [part.daily_bytes for part in counted if part.bytes]
    known = [daily for daily in growing if daily is not None]
    return Stored(ALL, ALL, ALL, sum(part.bytes for part in counted), sum(known) if known and len(known) == len(growing) else None)


def landed(landing: Landing) -> list[Stored]:
    """The landing zone: every file, also of pulls that a newer one replaced."""
    heaps: dict[Key, _Heap] = defaultdict(_Heap)
    for source, launch_id, partition, size in _files(landing):
        dates = _dates(partition)
        heap = heaps[LANDING, source, launch_id]
        if not dates:
            heap.add(None, size)
        for date in dates:  # a window's bytes are spread over its dates
            heap.add(date, size / len(dates))
    return [heap.stored(key, _ends(heap.dated)) for key, heap in sorted(heaps.items())]


def _files(landing: Landing) -> Iterator[tuple[str, str, str, int]]:
    """Source, launch, partition and bytes of each file; other folders under the root are not ours to count."""
    root, files = landing.root, landing.root.fs
    prefix = str(root.path).rstrip("/") + "/"
    for path, entry in files.find(root.path, detail=True).items():
        parts = str(path).removeprefix(prefix).split("/")
        if len(parts) > 4 and parts[0] in SOURCES:
            yield parts[0], parts[1], parts[3], int(entry["size"])


def _dates(partition: str) -> list[dt.date]:
    first, _, last = partition.partition("_")
    try:
        begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last or first)
    except ValueError:
        return []
    return [begin + dt.timedelta(days=day) for day in range((end - begin).days + 1)]


def in_warehouse(session: psycopg.Connection[Any]) -> list[Stored]:
    """The tables of the warehouse. Raises WarehouseError."""
    history: dict[tuple[str, str], Dates] = {}
    for source, launch_id, first, last in session.execute(_HISTORY).fetchall():
        for key in ((source, launch_id), (source, ALL), (ALL, launch_id), (ALL, ALL)):
            known = history.get(key, Dates(first, last))
            history[key] = Dates(min(known.first, first), max(known.last, last))
    folders = _folders()
    heaps: dict[Key, _Heap] = defaultdict(_Heap)
    tables = session.execute(_TABLES, {"schemas": list(SCHEMAS), "date_columns": list(DATE_COLUMNS)}).fetchall()
    for schema, table, size, has_launch, has_source, date_column in tables:
        groups = session.execute(_counts(schema, table, has_launch, has_source, date_column)).fetchall()
        rows = sum(count for *_, count in groups)
        if not rows:
            heaps[schema, _source(table, folders), ALL].empty += size
        for launch_id, source, date, count in groups:
            heaps[schema, source or _source(table, folders), launch_id or ALL].add(date, size * count / rows)
    # what a launch has of a source that it never loaded (a row that says so) grows with the launch
    return [heap.stored(key, history.get(key[1:]) or history.get((ALL, key[2]))) for key, heap in sorted(heaps.items())]


def _counts(schema: str, table: str, has_launch: bool, has_source: bool, date_column: str | None) -> sql.Composed:
    """Rows by launch, source and date, each null where the table has no such column."""
    return sql.SQL("select {}, {}, {}, count(*) from {} group by 1, 2, 3").format(
        sql.SQL("launch_id" if has_launch else "null::text"),
        sql.SQL("source::text" if has_source else "null::text"),
        sql.Identifier(date_column) if date_column else sql.SQL("null::date"),
        sql.Identifier(schema, table),
    )


def _folders() -> dict[str, str]:
    """Model -> its folder, which is its domain."""
    return {file.stem: file.parent.name for file in (load_settings().dbt_project / "models").rglob("*.sql")}


def _source(table: str, folders: dict[str, str]) -> str:
    """A raw table is named after its source, a model lies in the folder of its domain."""
    if table == "event_property_days":
        return "mixpanel"
    prefix = table.split("_", maxsplit=1)[0]
    of_domain: dict[str, str] = {str(domain): str(source) for domain, source in DOMAIN_SOURCE.items()}
    return prefix if prefix in SOURCES else of_domain.get(folders.get(table, ""), ALL)


def _ends(dates: Iterable[dt.date]) -> Dates | None:
    known = sorted(dates)
    return Dates(known[0], known[-1]) if known else None
