"""Mixpanel events of one date: landing zone -> COPY straight into the month's partition -> repeated events removed.

An event is the same as another if name, distinct id, time and `$insert_id` are; the copy that Mixpanel processed last wins. An event
without `$insert_id` is never a duplicate. `properties` goes to jsonb as the text that Mixpanel sent: no number is rounded on the way.
An event that names nobody (Mixpanel's own documented example has no `distinct_id`) is a row without a user. `source_order` keeps the place
of the line in the pull, because `time` is in whole seconds and a funnel asks which of two events came first.
A line that nests deeper than 1,024 levels is refused where it is read; PostgreSQL's stack of 2 MiB would bear ten times as many.
"""

from __future__ import annotations

import datetime as dt
import re
import struct

import orjson
import psycopg
from psycopg import sql

from postlaunch.landing.bounds import LONGEST_LINE
from postlaunch.landing.records import read_json, write_json
from postlaunch.landing.zone import Batch
from postlaunch.load.properties import PropertyCount
from postlaunch.load.rows import (
    HEADER,
    JSON_START,
    NULL,
    TRAILER,
    Counts,
    Keys,
    LoadKey,
    Quarantine,
    Refusals,
    RefusedLineError,
    check_length,
    check_name,
    check_text,
    date_field,
    moment_field,
    row_start,
    text_field,
)
from postlaunch.sources.mixpanel.time import ProjectClock, whole_number

_COLUMNS = "launch_id, event_date, event_name, distinct_id, insert_id, occurred_at, processed_at, properties, source_order, load_id"
_END = struct.Struct(">iqiq")  # the last two columns
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
                order by event.processed_at desc nulls last, event.properties desc, event.source_order
            ) as rank
        from {table} as event
        inner join repeated
            on
                event.event_name = repeated.event_name
                and event.occurred_at = repeated.occurred_at
                and event.insert_id = repeated.insert_id
                and event.distinct_id is not distinct from repeated.distinct_id
        where event.launch_id = %(launch)s and event.event_date = %(date)s
    )
    delete from {table} as event using ranked where event.ctid = ranked.place and ranked.rank > 1
"""


def load_events(
    session: psycopg.Connection,
    registry: psycopg.Connection,  # noqa: ARG001  (as the loader of samples is called)
    key: LoadKey,
    table: sql.Identifier,
    quarantine: Quarantine,
    refusals: Refusals,
) -> Counts:
    """Make the date of the pull in `table` (its month's partition) equal to the pull."""
    values = {"launch": key.launch_id, "date": key.pull.manifest.partition_date}
    session.execute(sql.SQL("delete from {} where launch_id = %(launch)s and event_date = %(date)s").format(table), values)
    rows = _EventRows(key, quarantine, refusals)
    with session.cursor() as cursor, cursor.copy(sql.SQL(f"copy {{}} ({_COLUMNS}) from stdin (format binary)").format(table)) as copy:
        copy.write(HEADER)
        for batch in key.pull.batches():
            copy.write(b"".join(rows.of(batch)))
        copy.write(TRAILER)
    rows.properties.store(session, key.launch_id, key.pull.manifest.partition_date)
    duplicates = 0
    if rows.keys.may_repeat():
        duplicates = session.execute(sql.SQL(_DEDUPLICATE).format(table=table), values).rowcount
    return Counts(loaded=refusals.copied - duplicates, duplicates=duplicates, quarantined=quarantine.count, lag_seconds=rows.lag_seconds)


class _EventRows:
    """Turns landed lines into COPY rows."""

    def __init__(self, key: LoadKey, quarantine: Quarantine, refusals: Refusals) -> None:
        manifest, date = key.pull.manifest, key.pull.manifest.partition_date
        self.keys, self.properties = Keys(), PropertyCount()
        self._quarantine, self._refusals = quarantine, refusals
        self._is_second_attempt = bool(refusals.reasons)
        self._clock = ProjectClock(str(manifest.request["timezone"]))
        self._start = row_start(10) + text_field(key.launch_id) + date_field(date)
        self._load_id = key.load_id
        self._from, self._to = _seconds(manifest.window_start), _seconds(manifest.window_end)
        self._leads: dict[str, tuple[bytes, bytes]] = {}
        self._longest_lag: int | None = None

    @property
    def lag_seconds(self) -> float | None:
        """The longest time from an event to its processing."""
        return None if self._longest_lag is None else self._longest_lag / 1e6

    def of(self, batch: Batch) -> list[bytes]:
        """The rows of a batch, in pieces; refused lines go to quarantine."""
        pieces: list[bytes] = []
        refusals, row = self._refusals, self._row
        for index, line in enumerate(batch.lines):
            try:
                if self._is_second_attempt:
                    refusals.check(refusals.seen + index, line)
                pieces += row(line, refusals.seen + index + 1)
            except RefusedLineError as refusal:
                self._quarantine.add(str(refusal), batch, index)
                refusals.skipped.append(refusals.seen + index)
        refusals.seen += len(batch.lines)
        self.keys.settle()
        self.properties.settle()
        return pieces

    def _row(self, line: bytes, number: int) -> tuple[bytes, ...]:
        if len(line) > LONGEST_LINE:
            check_length(line)
        if b"\\u0000" in line:
            check_text(line)
        try:
            event = orjson.loads(line)
            name, properties = event["event"], event["properties"]
            distinct_id, time = properties.get("distinct_id"), properties["time"]
            insert_id, processed = properties.get("$insert_id"), properties.get("mp_processing_time_ms")
        except ValueError as error:
            raise RefusedLineError(f"bad JSON: {error}") from None
        except KeyError as error:
            raise RefusedLineError(f"missing key {error.args[0]!r}") from None
        except (TypeError, AttributeError):
            raise RefusedLineError("not an event: expected an object with `event` and an object `properties`") from None
        if type(name) is not str:
            raise RefusedLineError("`event` is not text")
        moment = self._moment(time)
        times = moment_field(moment) + moment_field(self._processed(processed, moment))
        user_field, insert_field = _id_field(distinct_id), _id_field(insert_id)
        lead, name_field = self._leads.get(name) or self._lead(name, line)
        body = self._body(line, lead, len(event))
        if insert_field is not NULL:
            self.keys.hashes.append(hash((name, user_field, moment, insert_field)))
        self.properties.add(name, properties)
        json_start, end = JSON_START.pack(len(body) + 1, 1), _END.pack(8, number, 8, self._load_id)
        return self._start, name_field, user_field, insert_field, times, json_start, body, end

    def _lead(self, name: str, line: bytes) -> tuple[bytes, bytes]:
        """What stands before the object `properties` in lines of this event, and the COPY field of its name."""
        check_name("`event`", name)
        found = _LEAD.match(line)
        lead = (found[0] if found else b"", text_field(name))
        if found and len(self._leads) < 10_000:
            self._leads[name] = lead
        return lead

    def _body(self, line: bytes, lead: bytes, keys: int) -> bytes:
        """The text of the object `properties`, cut out of the line; read and written again only where that could go wrong.

        A key that stands twice makes the cut no JSON: PostgreSQL refuses it, and the second attempt counts the keys.
        """
        is_plain = bool(lead) and keys == 2 and line.startswith(lead) and line.endswith(b"}}")
        if is_plain and not (self._is_second_attempt and line.count(b'"properties"') > 1):
            return line[len(lead) : -1]
        return write_json(read_json(line)["properties"])

    def _moment(self, time: object) -> int:
        seconds = whole_number(time)
        if seconds is None:
            raise RefusedLineError("unreadable time: `properties.time` is not a whole number of seconds")
        moment = self._clock.moment(seconds)
        if not self._from <= moment < self._to:
            raise RefusedLineError(f"outside the partition: time {time} is not within this date")
        return moment * 1_000_000

    def _processed(self, milliseconds: object, moment: int) -> int | None:
        if milliseconds is None:
            return None
        whole = whole_number(milliseconds)
        if whole is None or not 0 <= whole < _LATEST_MILLISECONDS:
            raise RefusedLineError("unreadable time: `mp_processing_time_ms` is not a whole number of milliseconds")
        lag = whole * 1000 - moment
        if self._longest_lag is None or lag > self._longest_lag:
            self._longest_lag = lag
        return whole * 1000


def _id_field(value: object) -> bytes:
    """An id as text; missing, null and empty are none. A number that is not a whole 64-bit number was rounded already when it was read."""
    if type(value) is str:
        return text_field(value) if value else NULL
    if value is None:
        return NULL
    if type(value) is int:
        return text_field(str(value))
    raise RefusedLineError(f"an id is {type(value).__name__}, expected text or a whole number of at most 64 bits")


def _seconds(moment: str) -> int:
    return int(dt.datetime.fromisoformat(moment).timestamp())
