"""Entities (tickets, incidents, ...): merged by id, the newest version wins, whatever the order of pulls.

Two records of one version that differ (a fixed file, a metric set that came late): the one that was pulled later wins.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import psycopg
from psycopg import sql

from postlaunch.dates import parse_time
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import Batch
from postlaunch.load.rows import (
    HEADER,
    TRAILER,
    Counts,
    LoadKey,
    Quarantine,
    Refusals,
    RefusedLineError,
    check_length,
    check_name,
    check_text,
    json_field,
    microseconds,
    moment_field,
    row_start,
    text_field,
)
from postlaunch.sources.registry import SPECS

_MOST_AHEAD = 86_400_000_000  # microseconds; clocks differ, but not by days
_MERGE = """
    with newest as (
        select distinct on (id) id, occurred_at, version_at, record
        from incoming
        order by id, version_at desc, record desc
    ),
    merged as (
        insert into {table} as kept (launch_id, id, occurred_at, version_at, record, load_id)
        select %(launch)s, id, occurred_at, version_at, record, %(load)s
        from newest
        on conflict (launch_id, id) do update
        set occurred_at = excluded.occurred_at, version_at = excluded.version_at, record = excluded.record, load_id = excluded.load_id
        where
            kept.record is distinct from excluded.record
            and (
                excluded.version_at > kept.version_at
                or (
                    excluded.version_at = kept.version_at
                    and %(pull)s >= (select load.pull_id from ops.partition_loads as load where load.load_id = kept.load_id) collate "C"
                )
            )
        returning (coalesce(occurred_at, version_at) at time zone %(timezone)s)::date as changed_date
    )
    select count(*), min(changed_date), max(changed_date) from merged
"""


def load_entities(session: psycopg.Connection, key: LoadKey, quarantine: Quarantine, refusals: Refusals) -> Counts:
    """Merge a pull into its table. Records that change nothing are counted as duplicates."""
    manifest = key.pull.manifest
    stream = SPECS[manifest.source].stream(manifest.stream)
    rows = _EntityRows(key, stream, quarantine, refusals)
    session.execute(
        "create temporary table incoming (id text, occurred_at timestamptz, version_at timestamptz, record jsonb) on commit drop"
    )
    with session.cursor() as cursor, cursor.copy("copy incoming from stdin (format binary)") as copy:
        copy.write(HEADER)
        for batch in key.pull.batches():
            copy.write(b"".join(rows.of(batch)))
        copy.write(TRAILER)
    values = {"launch": key.launch_id, "load": key.load_id, "pull": manifest.pull_id, "timezone": key.timezone}
    merged = session.execute(sql.SQL(_MERGE).format(table=sql.Identifier("raw", stream.table)), values).fetchone()
    session.execute("drop table incoming")
    changed, first, last = merged or (0, None, None)
    if not stream.marks_dates:
        first = last = None
    return Counts(
        loaded=changed,
        duplicates=refusals.copied - changed,
        quarantined=quarantine.count,
        first_changed=first,
        last_changed=last,
    )


class _EntityRows:
    """Turns landed records into COPY rows."""

    def __init__(self, key: LoadKey, stream: Stream, quarantine: Quarantine, refusals: Refusals) -> None:
        self._stream = stream
        self._pulled_at = microseconds(dt.datetime.fromisoformat(key.pull.manifest.pulled_at))
        self._quarantine, self._refusals = quarantine, refusals

    def of(self, batch: Batch) -> list[bytes]:
        """The rows of a batch; refused lines go to quarantine."""
        rows: list[bytes] = []
        for index, line in enumerate(batch.lines):
            try:
                self._refusals.check(self._refusals.seen, line)
                rows.append(self._row(line))
            except RefusedLineError as refusal:
                self._quarantine.add(str(refusal), batch, index)
                self._refusals.skipped.append(self._refusals.seen)
            self._refusals.seen += 1
        return rows

    def _row(self, line: bytes) -> bytes:
        check_length(line)
        check_text(line)
        try:
            record = orjson.loads(line)
        except ValueError as error:
            raise RefusedLineError(f"bad JSON: {error}") from None
        if not isinstance(record, dict):
            raise RefusedLineError("not a record: expected an object")
        occurred = _moment(record, self._stream.occurred)
        version = _moment(record, self._stream.version)
        if self._stream.is_snapshot:
            version = self._pulled_at if version is None else version
        elif occurred is None or version is None:
            raise RefusedLineError(f"missing key {(self._stream.version if version is None else self._stream.occurred)[0]!r}")
        if version > self._pulled_at + _MOST_AHEAD:
            raise RefusedLineError("in the future: its version is more than a day later than its pull, and would win for ever")
        return row_start(4) + text_field(_identifier(record)) + moment_field(occurred) + moment_field(version) + json_field(line)


def _identifier(record: dict[str, Any]) -> str:
    value = record.get("id")
    if value is None or value == "":
        raise RefusedLineError("missing key 'id'")
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        check_name("`id`", str(value))
        return str(value)
    raise RefusedLineError(f"`id` is {type(value).__name__}, expected text or a whole number of at most 64 bits")


def _moment(record: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """Microseconds since 1970 of the first key that is there: ISO 8601 with offset, or seconds since 1970. None if none is."""
    for name in names:
        value = record.get(name)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 253_402_300_800:
            return value * 1_000_000
        moment = parse_time(value)
        if moment is None:
            raise RefusedLineError(f"unreadable time: `{name}` is not ISO 8601 with offset")
        return microseconds(moment)
    return None
