"""Mixpanel events of one date: landing zone -> COPY straight into the month's partition -> repeated events removed.

An event is the same as another if name, distinct id, time and `$insert_id` are; the copy that Mixpanel processed last wins. An event
without `$insert_id` is never a duplicate. `properties` goes to jsonb as the text that Mixpanel sent: no number is rounded on the way.
"""

from __future__ import annotations

import datetime as dt
import re
from array import array

import orjson
import psycopg
from psycopg import sql

from postlaunch.sources.base import read_json, write_json
from postlaunch.sources.landing import Batch
from postlaunch.sources.mixpanel_time import ProjectClock, event_time
from postlaunch.warehouse.loader_rows import (
    HEADER,
    NULL,
    TRAILER,
    Counts,
    LoadKey,
    Quarantine,
    Refusals,
    RefusedLineError,
    bigint_field,
    check_text,
    date_field,
    has_repeats,
    json_field,
    moment_field,
    row_start,
    text_field,
)

_COLUMNS = "launch_id, event_date, event_name, distinct_id, insert_id, occurred_at, processed_at, properties, load_id"
_LEAD = re.compile(rb'\{\s*"event"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*"properties"\s*:\s*(?=\{)')
_LATEST_MILLISECONDS = 253_402_300_800_000  # the year 10000

_DEDUPLICATE = """
    with repeated as (
        select event_name, distinct_id, occurred_at, insert_id
        from {table}
        where launch_id = %(launch)s and event_date = %(date)s and insert_id is not null
        group by event_name, distinct_id, occurred_at, insert_id
        having count(*) > 1
    ),
    ranked as (
        select
            event.ctid as place,
            row_number() over (
                partition by event.event_name, event.distinct_id, event.occurred_at, event.insert_id
                order by event.processed_at desc nulls last, event.properties desc
            ) as rank
        from {table} as event
        inner join repeated using (event_name, distinct_id, occurred_at, insert_id)
        where event.launch_id = %(launch)s and event.event_date = %(date)s
    )
    delete from {table} as event using ranked where event.ctid = ranked.place and ranked.rank > 1
"""


def load_events(session: psycopg.Connection, key: LoadKey, table: sql.Identifier, quarantine: Quarantine, refusals: Refusals) -> Counts:
    """Make the date of the pull in `table` (its month's partition) equal to the pull."""
    values = {"launch": key.launch_id, "date": key.pull.manifest.partition_date}
    session.execute(sql.SQL("delete from {} where launch_id = %(launch)s and event_date = %(date)s").format(table), values)
    rows = _EventRows(key, quarantine, refusals)
    with session.cursor() as cursor, cursor.copy(sql.SQL(f"copy {{}} ({_COLUMNS}) from stdin (format binary)").format(table)) as copy:
        copy.write(HEADER)
        for batch in key.pull.batches():
            copy.write(b"".join(rows.of(batch)))
        copy.write(TRAILER)
    duplicates = 0
    if has_repeats(rows.hashes):
        duplicates = session.execute(sql.SQL(_DEDUPLICATE).format(table=table), values).rowcount
    return Counts(
        loaded=len(refusals.copied) - duplicates, duplicates=duplicates, quarantined=quarantine.count, lag_seconds=rows.lag_seconds
    )


class _EventRows:
    """Turns landed lines into COPY rows."""

    def __init__(self, key: LoadKey, quarantine: Quarantine, refusals: Refusals) -> None:
        manifest, date = key.pull.manifest, key.pull.manifest.partition_date
        self.hashes: array[int] = array("q")
        self._quarantine, self._refusals = quarantine, refusals
        self._clock = ProjectClock(str(manifest.request["timezone"]))
        self._start = row_start(9) + text_field(key.launch_id) + date_field(date)
        self._end = bigint_field(key.load_id)
        self._from, self._to = _seconds(manifest.window_start), _seconds(manifest.window_end)
        self._names: dict[str, bytes] = {}
        self._longest_lag: int | None = None
        self._ordinal = 0

    @property
    def lag_seconds(self) -> float | None:
        """The longest time from an event to its processing."""
        return None if self._longest_lag is None else self._longest_lag / 1e6

    def of(self, batch: Batch) -> list[bytes]:
        """The rows of a batch; refused lines go to quarantine."""
        rows: list[bytes] = []
        copied, ordinal = self._refusals.copied, self._ordinal
        for line in batch.lines:
            try:
                rows.append(self._row(ordinal, line))
                copied.append(ordinal)
            except RefusedLineError as refusal:
                self._quarantine.add(str(refusal), batch.path, batch.first_number + ordinal - self._ordinal, line)
            ordinal += 1
        self._ordinal = ordinal
        return rows

    def _row(self, ordinal: int, line: bytes) -> bytes:
        if self._refusals.reasons:
            self._refusals.check(ordinal, line)
        check_text(line)
        try:
            event = orjson.loads(line)
            name, properties = event["event"], event["properties"]
            distinct_id, insert_id = _identifier(properties["distinct_id"]), properties.get("$insert_id")
        except ValueError as error:
            raise RefusedLineError(f"bad JSON: {error}") from None
        except KeyError as error:
            raise RefusedLineError(f"missing key {error.args[0]!r}") from None
        except (TypeError, AttributeError):
            raise RefusedLineError("not an event: expected an object with `event` and an object `properties`") from None
        moment = self._moment(event)
        processed = self._processed(properties.get("mp_processing_time_ms"), moment)
        if insert_id is not None:
            insert_id = _identifier(insert_id)
            self.hashes.append(hash((name, distinct_id, moment, insert_id)))
        return b"".join(
            (
                self._start,
                self._names.get(name) or self._name(name),
                text_field(distinct_id),
                NULL if insert_id is None else text_field(insert_id),
                moment_field(moment),
                moment_field(processed),
                json_field(_properties(line, len(event))),
                self._end,
            )
        )

    def _name(self, name: object) -> bytes:
        if not isinstance(name, str):
            raise RefusedLineError("`event` is no text")
        if len(self._names) < 10_000:
            self._names[name] = text_field(name)
        return text_field(name)

    def _moment(self, event: object) -> int:
        time = event_time(event)
        if time is None:
            raise RefusedLineError("unreadable time: `properties.time` is missing or no whole number of seconds")
        moment = self._clock.moment(time)
        if not self._from <= moment < self._to:
            raise RefusedLineError(f"outside the partition: time {time} is not within this date")
        return moment * 1_000_000

    def _processed(self, milliseconds: object, moment: int) -> int | None:
        if milliseconds is None:
            return None
        if not isinstance(milliseconds, int) or not 0 <= milliseconds < _LATEST_MILLISECONDS:
            raise RefusedLineError("unreadable time: `mp_processing_time_ms` is no number of milliseconds")
        lag = milliseconds * 1000 - moment
        if self._longest_lag is None or lag > self._longest_lag:
            self._longest_lag = lag
        return milliseconds * 1000


def _identifier(value: object) -> str:
    """An id as text. A number that is no whole 64-bit number was rounded already when it was read."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RefusedLineError(f"an id is {type(value).__name__}, expected text or a whole number of at most 64 bits")


def _properties(line: bytes, keys: int) -> bytes:
    """The text of the object `properties`, cut out of the line; read and written again only where that could go wrong."""
    lead = _LEAD.match(line)
    if lead and keys == 2 and line.count(b'"properties"') == 1 and line.count(b'"event"') == 1 and line.endswith(b"}"):
        return line[lead.end() : -1]
    return write_json(read_json(line)["properties"])


def _seconds(moment: str) -> int:
    return int(dt.datetime.fromisoformat(moment).timestamp())
