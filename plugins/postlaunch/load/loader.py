"""Landing zone -> raw tables: one transaction a pull, holding its rows, its quarantine and its row in ops.partition_loads.

    replace (events, samples)   the partition (launch, date) becomes what the pull says; the same content again changes nothing
    merge   (entities)          by id, the newest version wins; only what changed makes dates dirty

Accounting always closes: landed = loaded + duplicates + quarantined. A file that is not what its manifest says loads nothing.
A bad line never fails its batch: it goes to quarantine with the reason, its file and its line number. A pull of a date that holds far
fewer rows than are loaded is refused until a person accepts the loss.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from postlaunch.config.launch import Launch
from postlaunch.errors import WarehouseError
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import Manifest, Pull
from postlaunch.load.entities import load_entities
from postlaunch.load.events import load_events
from postlaunch.load.loss import rows_lost, shrunk
from postlaunch.load.rows import Counts, LoadKey, Quarantine, Refusals, attempt
from postlaunch.load.samples import load_samples
from postlaunch.sources.registry import SPECS
from postlaunch.warehouse.db import Role, connect
from postlaunch.warehouse.locks import take
from postlaunch.warehouse.refusals import refusal
from postlaunch.warehouse.zones import begin_zone, keep_zone

LOADERS = {"events": load_events, "samples": load_samples}
LOAD_SECONDS = 900.0  # how long a load waits for another of the same rows: a large day takes minutes
_SAME_STREAM = "launch_id = %(launch)s and source = %(source)s and stream = %(stream)s"

_UNCOVERED = f"""
    with earlier as (
        select
            coalesce(range_agg(tstzrange(window_start_at, window_end_at)), '{{}}'::tstzmultirange) as windows,
            max(window_end_at) as covered_until
        from ops.partition_loads
        where {_SAME_STREAM} and load_id <> %(load)s
    )
    select
        lower(tstzmultirange(tstzrange(%(start)s, %(end)s)) - windows),
        upper(tstzmultirange(tstzrange(%(start)s, %(end)s)) - windows),
        greatest(covered_until, %(end)s)
    from earlier
"""  # noqa: S608  no input, only our own constant

_FINISH = """
    update ops.partition_loads
    set
        landed_count = %(landed)s, loaded_count = %(loaded)s, duplicate_count = %(duplicates)s, quarantined_count = %(quarantined)s,
        is_changed = %(is_changed)s, first_dirty_date = %(first_dirty)s, last_dirty_date = %(last_dirty)s,
        lag_seconds = %(lag)s, duration_seconds = %(duration)s, accepted_loss_count = %(loss)s
    where load_id = %(load)s
"""


@dataclass(frozen=True)
class LoadResult:
    """What one load did. Counts are rows (samples for Prometheus)."""

    stream: str
    partition: str
    landed: int
    loaded: int
    duplicates: int
    quarantined: int
    is_changed: bool
    is_superseded: bool = False  # a newer pull of the partition is loaded already: nothing was done
    lag_seconds: float | None = None  # the longest time from an event to its arrival at the source


@dataclass(frozen=True)
class _Loaded:
    counts: Counts
    is_changed: bool
    dirty: tuple[dt.date | None, dt.date | None]


class Loader:
    """Two sessions of the role `loader`: one for the transaction of each load, one for what must not wait for it (DDL, series names)."""

    def __init__(self, launch: Launch, role: Role | None = "loader") -> None:
        """Open both. `role`: of the loads; None is the owner, who also rewrites what loads have left. Raises WarehouseError."""
        self._launch = launch
        self._session = connect(role)
        try:
            self._registry = connect("loader", autocommit=True)
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> Loader:
        """The open sessions."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both."""
        self._registry.close()
        self._session.close()

    @contextmanager
    def together(self, pulls: Sequence[Pull]) -> Iterator[None]:
        """Loads that only make sense with one another are one transaction: tickets and their events, incidents and their log entries.

        Dates of events and samples stand alone; each stays a transaction of its own.
        """
        if any(pull.manifest.partition_date for pull in pulls):
            yield
            return
        with self._session.transaction():
            yield

    @contextmanager
    def at_once(self) -> Iterator[psycopg.Connection]:
        """All loads within, and what is done with the session, are one transaction."""
        with self._session.transaction():
            yield self._session

    def load(self, pull: Pull, *, force: bool = False, accept_shrunk: bool = False) -> LoadResult:
        """Load one pull; `force`: even if its content is what was loaded last; `accept_shrunk`: even if it lost rows against that.

        Raises LandingError, ShrunkError or another WarehouseError; then nothing changed.
        """
        manifest = pull.manifest
        date = manifest.partition_date
        table = partition_table(self._registry, _stream_of(manifest), date) if date else None
        try:
            begin_zone(self._registry, self._launch)
            with self._session.transaction():
                return self._load(pull, table, force, accept_shrunk)
        except psycopg.Error as error:
            raise WarehouseError(
                f"{manifest.source} {manifest.stream} {manifest.partition} of {manifest.launch} was not loaded, "
                f"its partition is as it was: {refusal(error)}"
            ) from error

    def _load(self, pull: Pull, table: sql.Identifier | None, force: bool, accept_shrunk: bool) -> LoadResult:
        manifest, began = pull.manifest, time.monotonic()
        keep_zone(self._session, self._launch)
        take(self._session, load_lock(_stream_of(manifest), manifest.launch, manifest.partition_date), LOAD_SECONDS)
        last = self._last_load(manifest) if table else None
        if last and last["pull_id"] > manifest.pull_id:
            return _result(manifest, Counts(), is_changed=False, is_superseded=True)
        key = LoadKey(self._begin(pull), manifest.launch, pull, self._launch.timezone)
        if table and last and last["content_hash"] == manifest.content_hash and not force and self._holds(table, manifest, last):
            outcome = _unchanged(pull, last)
        else:
            outcome = self._replace(key, table) if table else self._merge(key)
        if outcome.counts.landed != manifest.rows:
            raise pull.changed(f"it holds {outcome.counts.landed} rows but the manifest says {manifest.rows}")
        loss = rows_lost(last["loaded_count"], outcome.counts) if last else None
        if last and loss and not accept_shrunk:
            raise shrunk(manifest, last["loaded_count"], outcome.counts)
        self._finish(key, outcome, loss, time.monotonic() - began)
        return _result(manifest, outcome.counts, is_changed=outcome.is_changed)

    def _replace(self, key: LoadKey, table: sql.Identifier) -> _Loaded:
        manifest = key.pull.manifest
        for table_of_date in ("quarantine.records", "ops.dropped_dates"):
            self._session.execute(
                f"delete from {table_of_date} where {_SAME_STREAM} and partition_date = %(date)s",  # noqa: S608
                {**_stream(manifest), "date": manifest.partition_date},
            )

        def load(refusals: Refusals) -> Counts:
            quarantine = Quarantine(key)
            counts = LOADERS[_stream_of(manifest).shape](self._session, self._registry, key, table, quarantine, refusals)
            quarantine.store(self._session)
            return counts

        return _Loaded(attempt(self._session, load), True, (manifest.partition_date, manifest.partition_date))

    def _merge(self, key: LoadKey) -> _Loaded:
        def load(refusals: Refusals) -> Counts:
            quarantine = Quarantine(key)
            counts = load_entities(self._session, key, quarantine, refusals)
            quarantine.store(self._session)
            return counts

        counts = attempt(self._session, load)
        self._forget_refused_before(key)
        dirty = self._dirty_dates(key, counts)
        return _Loaded(counts, dirty[0] is not None, dirty)

    def _forget_refused_before(self, key: LoadKey) -> None:
        """Windows overlap, so a bad record comes again with every pull: quarantine keeps its latest appearance.

        A pull that is loaded again is judged anew: what an earlier load of it refused is forgotten too.
        """
        self._session.execute(
            """
            delete from quarantine.records as before
            where before.launch_id = %(launch)s and before.source = %(source)s and before.stream = %(stream)s
              and before.load_id < %(load)s
              and (
                exists (select from quarantine.records as now where now.load_id = %(load)s and now.raw_line = before.raw_line)
                or exists (select from ops.partition_loads as same where same.load_id = before.load_id and same.pull_id = %(pull)s)
              )
            """,
            {**_stream(key.pull.manifest), "load": key.load_id, "pull": key.pull.manifest.pull_id},
        )

    def _dirty_dates(self, key: LoadKey, counts: Counts) -> tuple[dt.date | None, dt.date | None]:
        """First and last local date to build again, None if none is.

        A date that no earlier window covered is dirty even if it brought nothing: it was quiet, and that is a fact too. A changed record
        touches every date from the one it began on to the last that is covered: a ticket was in the backlog of each.
        """
        manifest = key.pull.manifest
        start, end = (dt.datetime.fromisoformat(edge) for edge in (manifest.window_start, manifest.window_end))
        values = {**_stream(manifest), "load": key.load_id, "start": start, "end": end}
        new_from, new_until, covered_until = self._session.execute(_UNCOVERED, values).fetchone() or (start, end, end)
        first = [date for date in (counts.first_changed, self._date(new_from)) if date]
        last = [date for date in (counts.last_changed, self._date(new_until, is_end=True)) if date]
        if counts.first_changed:
            last.append(self._date(covered_until, is_end=True) or counts.first_changed)
        return (min(first), max(last)) if first and last else (None, None)

    def _date(self, moment: dt.datetime | None, *, is_end: bool = False) -> dt.date | None:
        """Local date of a moment; of the moment just before it, if it ends a window."""
        if moment is None:
            return None
        return (moment - dt.timedelta(microseconds=1 if is_end else 0)).astimezone(self._launch.zone).date()

    def _last_load(self, manifest: Manifest) -> dict[str, Any] | None:
        columns = ("pull_id", "content_hash", "loaded_count", "duplicate_count", "quarantined_count", "lag_seconds")
        row = self._session.execute(
            f"select {', '.join(columns)} from ops.partition_loads where {_SAME_STREAM} and partition_date = %(date)s "  # noqa: S608
            "order by load_id desc limit 1",
            {**_stream(manifest), "date": manifest.partition_date},
        ).fetchone()
        return dict(zip(columns, row, strict=True)) if row else None

    def _holds(self, table: sql.Identifier, manifest: Manifest, last: dict[str, Any]) -> bool:
        """Whether the rows of the last load are still there; a person may have deleted some."""
        date = _stream_of(manifest).date_column or ""
        statement = sql.SQL("select count(*) from {} where launch_id = %s and {} = %s").format(table, sql.Identifier(date))
        found = self._session.execute(statement, [manifest.launch, manifest.partition_date]).fetchone()
        return found == (last["loaded_count"],)

    def _begin(self, pull: Pull) -> int:
        """Insert the row of ops.partition_loads with counts of zero, to learn its id."""
        manifest = pull.manifest
        fields: dict[str, Any] = {
            "launch_id": manifest.launch,
            "source": manifest.source,
            "stream": manifest.stream,
            "partition_date": manifest.partition_date,
            "window_start_at": dt.datetime.fromisoformat(manifest.window_start),
            "window_end_at": dt.datetime.fromisoformat(manifest.window_end),
            "pull_id": manifest.pull_id,
            "landing_path": str(pull.path),
            "bytes_count": manifest.bytes,
            **dict.fromkeys(("landed_count", "loaded_count", "duplicate_count", "quarantined_count", "duration_seconds"), 0),
            "content_hash": manifest.content_hash,
            "is_changed": False,
            "request": Jsonb(manifest.request),
            "warnings": manifest.warnings,
        }
        statement = sql.SQL("insert into ops.partition_loads ({}) values ({}) returning load_id").format(
            sql.SQL(", ").join(map(sql.Identifier, fields)), sql.SQL(", ").join(map(sql.Placeholder, fields))
        )
        row = self._session.execute(statement, fields).fetchone()
        return int(row[0]) if row else 0

    def _finish(self, key: LoadKey, outcome: _Loaded, loss: int | None, seconds: float) -> None:
        counts = outcome.counts
        values = {
            "load": key.load_id,
            "landed": counts.landed,
            "loaded": counts.loaded,
            "duplicates": counts.duplicates,
            "quarantined": counts.quarantined,
            "is_changed": outcome.is_changed,
            "first_dirty": outcome.dirty[0],
            "last_dirty": outcome.dirty[1],
            "lag": counts.lag_seconds,
            "loss": loss,
            "duration": seconds,
        }
        self._session.execute(_FINISH, values)


def partition_table(session: psycopg.Connection, stream: Stream, date: dt.date) -> sql.Identifier:
    """The month's partition of a replaced stream, made if it is not there. Raises WarehouseError.

    `session` is in autocommit: made in a transaction of its own, because a load may take minutes.
    """
    name = month_table(stream, date)
    first = date.replace(day=1)
    following = (first + dt.timedelta(days=31)).replace(day=1)
    try:
        with session.transaction():
            if (session.execute("select to_regclass(%s)", [f"raw.{name}"]).fetchone() or (None,))[0] is None:
                take(session, f"partitions of {stream.table}")
                _make_partition(session, name, stream.table, first, following)
    except psycopg.Error as error:
        raise WarehouseError(f"cannot make the partition raw.{name}: {error}") from error
    return sql.Identifier("raw", name)


def month_table(stream: Stream, date: dt.date) -> str:
    """What the partition of a month is called, in schema `raw`."""
    return f"{stream.table}_y{date:%Ym%m}"


def load_lock(stream: Stream, launch_id: str, date: dt.date | None = None) -> str:
    """What a load of these rows takes (warehouse/locks.py)."""
    place = f"load of {stream.source} {stream.name} of {launch_id}"
    return f"{place} on {date}" if date else place


def _make_partition(session: psycopg.Connection, name: str, parent: str, first: dt.date, following: dt.date) -> None:
    """Made beside the parent and attached: that waits for no reader of it, and none waits behind it, as `partition of` would have them."""
    if session.execute("select to_regclass(%s)", [f"raw.{name}"]).fetchone() != (None,):
        return
    table, of = sql.Identifier("raw", name), sql.Identifier("raw", parent)
    session.execute(sql.SQL("create table {} (like {} including all)").format(table, of))
    session.execute(
        sql.SQL("alter table {} attach partition {} for values from ({}) to ({})").format(
            of, table, sql.Literal(str(first)), sql.Literal(str(following))
        )
    )


def _stream_of(manifest: Manifest) -> Stream:
    return SPECS[manifest.source].stream(manifest.stream)


def _stream(manifest: Manifest) -> dict[str, str]:
    return {"launch": manifest.launch, "source": manifest.source, "stream": manifest.stream}


def _unchanged(pull: Pull, last: dict[str, Any]) -> _Loaded:
    """The same content as last time: read it all the same, so that a file that was tampered with does not pass."""
    for _ in pull.batches():
        pass
    counts = Counts(last["loaded_count"], last["duplicate_count"], last["quarantined_count"], last["lag_seconds"])
    return _Loaded(counts, False, (None, None))


def _result(manifest: Manifest, counts: Counts, *, is_changed: bool, is_superseded: bool = False) -> LoadResult:
    return LoadResult(
        *(manifest.stream, manifest.partition, counts.landed, counts.loaded, counts.duplicates, counts.quarantined),
        *(is_changed, is_superseded, counts.lag_seconds),
    )
