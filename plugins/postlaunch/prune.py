"""What is kept no longer than the settings say: `postlaunch prune`, and the DAG of that name.

    months of raw events and samples    every date built, published, and whole in the landing zone ──> the partition is dropped
    pulls of the landing zone           a newer pull of the same date is the one that is loaded    ──> the files are removed

Raw is no loss, because the landing zone gives every date back: a build that needs one loads it first (load/restore.py). So the pull that
a date came from stays for ever, and so does what is no day of its own: tickets, incidents, profiles. What was built stays too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql
from rich.filesize import decimal
from upath import UPath

from postlaunch.config.settings import Retention, load_retention, load_settings
from postlaunch.errors import LandingError, LockedError, WarehouseError
from postlaunch.landing.resume import remove_pull
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import Landing, Pull
from postlaunch.load.loader import month_table
from postlaunch.load.restore import pull_of
from postlaunch.sources.registry import REPLACED
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import BUILD_LOCK, seize, take
from postlaunch.warehouse.refusals import refusal

_PARTITIONS = """
    select child.relname, pg_total_relation_size(child.oid)
    from pg_inherits
    inner join pg_class as child on pg_inherits.inhrelid = child.oid
    where pg_inherits.inhparent = to_regclass(%s)
    order by child.relname
"""

# A load that found the same content as the one before it brought no rows.
_LOADED = """
    select distinct on (loads.launch_id, loads.partition_date)
        loads.launch_id,
        loads.partition_date,
        loads.load_id,
        loads.pull_id,
        loads.content_hash,
        loads.loaded_count,
        exists (
            select from ops.partition_loads as waiting
            where
                waiting.launch_id = loads.launch_id and waiting.source = loads.source and waiting.stream = loads.stream
                and waiting.partition_date = loads.partition_date and waiting.is_changed and waiting.build_id is null
        ) as is_waiting
    from ops.partition_loads as loads
    where
        loads.source = %(source)s and loads.stream = %(stream)s and loads.is_changed
        and loads.partition_date between %(first)s and %(last)s
    order by loads.launch_id, loads.partition_date, loads.load_id desc
"""

_UNPUBLISHED = """
    select launch_id, partition_date, min(domain)
    from ops.partition_audit
    where source = %(source)s and stream = %(stream)s and partition_date between %(first)s and %(last)s and not is_settled
    group by launch_id, partition_date
"""

_REMEMBER = """
    insert into ops.dropped_dates (launch_id, source, stream, partition_date, load_id)
    values (%(launch)s, %(source)s, %(stream)s, %(date)s, %(load)s)
"""

LaunchDate = tuple[str, dt.date]


@dataclass(frozen=True)
class _Load:
    """The load whose rows a date holds."""

    load_id: int
    pull_id: str
    content_hash: str
    loaded_count: int
    is_waiting: bool


@dataclass(frozen=True)
class Month:
    """One partition of raw that is older than the settings keep; `kept` says why it stays all the same."""

    stream: Stream
    first: dt.date
    bytes: int
    rows: int
    loads: dict[LaunchDate, int]
    kept: str | None = None

    @property
    def table(self) -> str:
        """Its name in schema `raw`."""
        return month_table(self.stream, self.first)

    @property
    def last(self) -> dt.date:
        """Its last date."""
        return _month_after(self.first, 1) - dt.timedelta(days=1)

    @property
    def summary(self) -> str:
        """One line for a person."""
        size = f"raw.{self.table}: {self.rows:,} rows of {len(self.loads):,} dates, {decimal(self.bytes)}"
        return f"{size}, stays: {self.kept}" if self.kept else size


@dataclass(frozen=True)
class Superseded:
    """A pull that a newer one has replaced."""

    folder: UPath
    bytes: int


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be."""

    retention: Retention
    months: tuple[Month, ...]
    pulls: tuple[Superseded, ...]
    is_dry_run: bool = True

    @property
    def raw_bytes(self) -> int:
        """Of the warehouse, indexes included."""
        return sum(month.bytes for month in self.months if not month.kept)

    @property
    def landing_bytes(self) -> int:
        """Of the landing zone."""
        return sum(pull.bytes for pull in self.pulls)

    @property
    def summary(self) -> str:
        """What a person needs to know, a line each."""
        raw, landing = self.retention.raw_months, self.retention.landing_months
        if raw is None and landing is None:
            return "everything is kept: neither POSTLAUNCH_RETENTION_RAW_MONTHS nor POSTLAUNCH_RETENTION_LANDING_MONTHS is set"
        done = "would be" if self.is_dry_run else "are"
        gone = [month for month in self.months if not month.kept]
        lines = []
        if raw is not None:
            lines.append(f"{len(gone)} months of raw {done} dropped, {decimal(self.raw_bytes)} (POSTLAUNCH_RETENTION_RAW_MONTHS={raw})")
            lines += [f"  {month.summary}" for month in self.months]
        if landing is not None:
            lines.append(
                f"{len(self.pulls):,} pulls that newer ones have replaced {done} removed from the landing zone, "
                f"{decimal(self.landing_bytes)} (POSTLAUNCH_RETENTION_LANDING_MONTHS={landing})"
            )
        return "\n".join(lines)


def prune(*, dry_run: bool = False, today: dt.date | None = None) -> Pruned:
    """Remove what the settings keep no longer. Months go together, in one transaction; then the pulls go, one by one.

    Raises ConfigError for settings that are no months, LockedError while a build is at work or somebody uses a month that is to go,
    LandingError or another WarehouseError; then no month has gone.
    """
    retention = load_retention()
    landing = Landing(load_settings().landing)
    begin = today or dt.datetime.now(dt.UTC).date()
    with connect("loader") as session:
        found = planned(session, landing, retention, begin, is_thorough=not dry_run)
        session.rollback()  # nothing was changed; what is read under the locks is read anew
        if dry_run:
            return found
        try:
            _drop(session, [month for month in found.months if not month.kept])
        except psycopg.Error as error:
            raise WarehouseError(f"no month was dropped, everything is as it was: {refusal(error)}") from error
    for pull in found.pulls:
        remove_pull(pull.folder)
    return replace(found, is_dry_run=False)


def planned(
    session: psycopg.Connection[Any], landing: Landing, retention: Retention, today: dt.date, *, is_thorough: bool = False
) -> Pruned:
    """What would go. `is_thorough`: the files of the landing zone are read to their end, not only looked for."""
    months: tuple[Month, ...] = ()
    pulls: tuple[Superseded, ...] = ()
    if retention.raw_months is not None:
        limit = _month_after(today, -retention.raw_months)
        months = tuple(month for stream in REPLACED for month in _months(session, landing, stream, limit, is_thorough))
    if retention.landing_months is not None:
        limit = _month_after(today, -retention.landing_months)
        pulls = tuple(pull for stream in REPLACED for pull in _superseded(session, landing, stream, limit))
    return Pruned(retention, months, pulls)


def _month_after(date: dt.date, months: int) -> dt.date:
    """The first of the month so many months later; of an earlier one, if `months` is negative."""
    number = date.year * 12 + date.month - 1 + months
    return dt.date(number // 12, number % 12 + 1, 1)


# --- raw -------------------------------------------------------------------------------------------------------------------


def _months(session: psycopg.Connection[Any], landing: Landing, stream: Stream, limit: dt.date, is_thorough: bool) -> Iterator[Month]:
    """The partitions of dates before `limit`."""
    for name, size in session.execute(_PARTITIONS, [f"raw.{stream.table}"]).fetchall():
        year, _, month = name.removeprefix(f"{stream.table}_y").partition("m")
        if not (year.isdecimal() and month.isdecimal()) or (first := dt.date(int(year), int(month), 1)) >= limit:
            continue
        found = Month(stream, first, size, 0, {})
        groups = session.execute(
            sql.SQL("select launch_id, {}, load_id, count(*) from {} group by 1, 2, 3").format(
                sql.Identifier(stream.date_column or ""), sql.Identifier("raw", name)
            )
        ).fetchall()
        loads = {(launch, date): load for launch, date, load, _ in groups}
        found = replace(found, rows=sum(rows for *_, rows in groups), loads=loads)
        yield replace(found, kept=_why_kept(session, landing, found, groups, is_thorough))


def _why_kept(
    session: psycopg.Connection[Any], landing: Landing, month: Month, groups: Sequence[tuple[str, dt.date, int, int]], is_thorough: bool
) -> str | None:
    """The first reason why a month may not go; None if it may."""
    loads, unpublished = _loads(session, month), _unpublished(session, month)
    for launch, date, load_id, rows in groups:
        load, place = loads.get((launch, date)), f"{date} of {launch}"
        if load is None or (load.load_id, load.loaded_count) != (load_id, rows):
            return f"{place} holds {rows:,} rows that no load tells of; load it again with `postlaunch load`"
        if load.is_waiting:
            return f"{place} is not built as it is loaded"
        if domain := unpublished.get((launch, date)):
            return f"{place} is not published as it is loaded ({domain}); see `postlaunch status`"
        if fault := _not_landed(landing, month.stream, launch, date, load, is_thorough):
            return f"{place} would not come back: {fault}"
    return None


def _loads(session: psycopg.Connection[Any], month: Month) -> dict[LaunchDate, _Load]:
    rows = session.execute(_LOADED, _dates(month.stream, month.first, month.last)).fetchall()
    return {(launch, date): _Load(*load) for launch, date, *load in rows}


def _unpublished(session: psycopg.Connection[Any], month: Month) -> dict[LaunchDate, str]:
    """A domain of each date that readers do not see as it is loaded."""
    rows = session.execute(_UNPUBLISHED, _dates(month.stream, month.first, month.last)).fetchall()
    return {(launch, date): domain for launch, date, domain in rows}


def _dates(stream: Stream, first: dt.date, last: dt.date) -> dict[str, Any]:
    return {"source": stream.source, "stream": stream.name, "first": first, "last": last}


def _not_landed(landing: Landing, stream: Stream, launch: str, date: dt.date, load: _Load, is_thorough: bool) -> str | None:
    """What is wrong with the pull of a load; None if it is whole."""
    try:
        pull = pull_of(landing, stream.source, launch, stream.name, date, load.pull_id, load.content_hash)
        if is_thorough:
            for _ in pull.batches():
                pass
        elif not _is_there(pull):
            return f"{pull.path}: files are missing"
    except (LandingError, OSError) as error:
        return str(error)
    return None


def _is_there(pull: Pull) -> bool:
    try:
        return all((pull.path / file.name).stat().st_size == file.bytes for file in pull.manifest.files)
    except FileNotFoundError:
        return False


def _drop(session: psycopg.Connection[Any], months: Sequence[Month]) -> None:
    """All months or none. Under the lock of builds, and with nobody at their rows: what was planned is true until they have gone."""
    if not months:
        return
    with session.transaction():
        session.execute("select set_config('application_name', 'postlaunch prune', true)")
        try:
            take(session, BUILD_LOCK, 1.0)
        except LockedError as error:
            raise LockedError(f"a build is at work, and may read what is to go: try again when it has ended ({error})") from None
        parents = {month.stream.table for month in months}
        seize(session, [sql.Identifier("raw", name) for name in (*sorted(parents), *(month.table for month in months))])
        for month in months:
            loads = _loads(session, month)
            if any((load := loads.get(key)) is None or load.is_waiting or load.load_id != own for key, own in month.loads.items()):
                raise LockedError(f"raw.{month.table} was loaded while it was looked at: nothing was dropped, try again")
            keys = {"source": month.stream.source, "stream": month.stream.name}
            values = [{**keys, "launch": launch, "date": date, "load": load} for (launch, date), load in month.loads.items()]
            session.cursor().executemany(_REMEMBER, values)
            session.execute(sql.SQL("drop table {}").format(sql.Identifier("raw", month.table)))


# --- the landing zone ------------------------------------------------------------------------------------------------------


def _superseded(session: psycopg.Connection[Any], landing: Landing, stream: Stream, limit: dt.date) -> Iterator[Superseded]:
    """Pulls of dates before `limit` that are older than the one that the date came from, if that one is whole.

    Newer ones stay: a refused pull waits for a person.
    """
    for launch, date, *columns in session.execute(_LOADED, _dates(stream, dt.date.min, limit - dt.timedelta(days=1))).fetchall():
        load = _Load(*columns)
        older = [folder for folder in landing.pulls(stream.source, launch, stream.name, date) if folder.name < load.pull_id]
        if older and _not_landed(landing, stream, launch, date, load, is_thorough=False) is None:
            for folder in older:
                yield Superseded(folder, sum(file.stat().st_size for file in folder.iterdir()))
