"""Prometheus samples of one date: landed blocks of a series -> one row per sample, COPYed straight into the month's partition.

Accounting counts samples, not lines. Names of series (`raw.prometheus_series`) are registered in transactions of their own, so that
parallel loads never wait for each other; a name without samples says nothing.
"""

from __future__ import annotations

import datetime as dt
import struct
from typing import Any

import orjson
import psycopg
from psycopg import sql

from postlaunch.landing.zone import Batch
from postlaunch.load.rows import (
    HEADER,
    TRAILER,
    Counts,
    Keys,
    LoadKey,
    Quarantine,
    Refusals,
    RefusedLineError,
    bigint_field,
    check_length,
    check_text,
    date_field,
    microseconds,
    row_start,
    text_field,
)

_COLUMNS = "launch_id, sample_date, metric_id, series_id, sampled_at, value, load_id"
_SAMPLE = struct.Struct(">iqid")
_EPOCH_2000 = 946_684_800_000_000  # microseconds from 1970 to 2000, from which PostgreSQL counts

_DEDUPLICATE = """
    with ranked as (
        select ctid as place, row_number() over (partition by series_id, sampled_at order by value desc) as rank
        from {table}
        where launch_id = %(launch)s and sample_date = %(date)s
    )
    delete from {table} as sample using ranked where sample.ctid = ranked.place and ranked.rank > 1
"""

_REGISTER = """
    insert into raw.prometheus_series (launch_id, metric_id, labels)
    select %(launch)s, metric_id, labels::jsonb
    from unnest(%(metrics)s::text[], %(labels)s::text[]) as series (metric_id, labels)
    on conflict do nothing
"""

_FIND = """
    select wanted.metric_id, wanted.labels, series.series_id
    from unnest(%(metrics)s::text[], %(labels)s::text[]) as wanted (metric_id, labels)
    inner join raw.prometheus_series as series
        on series.launch_id = %(launch)s and series.metric_id = wanted.metric_id and series.labels = wanted.labels::jsonb
"""

_SERIES_DATES = """
    insert into raw.prometheus_series_dates
        (launch_id, sample_date, metric_id, series_id, step_seconds, first_sampled_at, last_sampled_at, sample_count, load_id)
    select launch_id, sample_date, metric_id, series_id, %(step)s, min(sampled_at), max(sampled_at), count(*), load_id
    from {table}
    where launch_id = %(launch)s and sample_date = %(date)s
    group by launch_id, sample_date, metric_id, series_id, load_id
"""

SeriesKey = tuple[str, bytes]


def samples_in_line(line: bytes) -> int:
    """What accounting counts for a landed line; a line that cannot be read counts as one."""
    try:
        return len(orjson.loads(line)["values"])
    except (ValueError, KeyError, TypeError):
        return 1


def load_samples(
    session: psycopg.Connection,
    registry: psycopg.Connection,
    key: LoadKey,
    table: sql.Identifier,
    quarantine: Quarantine,
    refusals: Refusals,
) -> Counts:
    """Make the date of the pull in `table` equal to the pull. `registry`: a session in autocommit for the names of series."""
    values = {"launch": key.launch_id, "date": key.pull.manifest.partition_date}
    session.execute(sql.SQL("delete from {} where launch_id = %(launch)s and sample_date = %(date)s").format(table), values)
    rows = _SampleRows(key, registry, quarantine, refusals)
    with session.cursor() as cursor, cursor.copy(sql.SQL(f"copy {{}} ({_COLUMNS}) from stdin (format binary)").format(table)) as copy:
        copy.write(HEADER)
        for batch in key.pull.batches():
            copy.write(b"".join(rows.of(batch)))
        copy.write(TRAILER)
    duplicates = 0
    if rows.keys.may_repeat():
        duplicates = session.execute(sql.SQL(_DEDUPLICATE).format(table=table), values).rowcount
    _note_series(session, key, table)
    return Counts(loaded=refusals.copied - duplicates, duplicates=duplicates, quarantined=quarantine.count)


def _note_series(session: psycopg.Connection, key: LoadKey, table: sql.Identifier) -> None:
    """From when to when each series has samples on the date, and how many: raw.prometheus_gaps is read off that."""
    manifest = key.pull.manifest
    values = {"launch": key.launch_id, "date": manifest.partition_date, "step": manifest.request.get("step_seconds")}
    session.execute("delete from raw.prometheus_series_dates where launch_id = %(launch)s and sample_date = %(date)s", values)
    if values["step"]:
        session.execute(sql.SQL(_SERIES_DATES).format(table=table), values)


class _SampleRows:
    """Turns landed blocks into COPY rows."""

    def __init__(self, key: LoadKey, registry: psycopg.Connection, quarantine: Quarantine, refusals: Refusals) -> None:
        manifest = key.pull.manifest
        self.keys = Keys()
        self._registry, self._quarantine, self._refusals = registry, quarantine, refusals
        self._launch = key.launch_id
        self._series: dict[SeriesKey, int] = {}
        self._start = row_start(7) + text_field(key.launch_id) + date_field(manifest.partition_date)
        self._end = bigint_field(key.load_id)
        self._from, self._to = (microseconds(dt.datetime.fromisoformat(edge)) for edge in (manifest.window_start, manifest.window_end))

    def of(self, batch: Batch) -> list[bytes]:
        """The rows of a batch; what is refused goes to quarantine."""
        blocks: list[tuple[int, SeriesKey, list[Any]]] = []
        for index, line in enumerate(batch.lines):
            try:
                blocks.append((index, *_block(line)))
            except RefusedLineError as refusal:
                self._quarantine.add(str(refusal), batch, index, rows=samples_in_line(line))
        self._register({series for _, series, _ in blocks} - self._series.keys())
        rows: list[bytes] = []
        for index, series, samples in blocks:
            self._add_rows(rows, batch, index, series, samples)
        self.keys.settle()
        return rows

    def _add_rows(self, rows: list[bytes], batch: Batch, index: int, series: SeriesKey, samples: list[Any]) -> None:
        series_id = self._series[series]
        start = self._start + text_field(series[0]) + bigint_field(series_id)
        for sample in samples:
            self._refusals.seen += 1
            try:
                moment, value = self._sample(sample)
            except RefusedLineError as refusal:
                part = orjson.dumps({"metric_id": series[0], "labels": orjson.Fragment(series[1]), "values": [sample]})
                self._quarantine.add(str(refusal), batch, index, part)
                self._refusals.skipped.append(self._refusals.seen - 1)
                continue
            rows.append(start + _SAMPLE.pack(8, moment - _EPOCH_2000, 8, value) + self._end)
            self.keys.hashes.append(hash((series_id, moment)))

    def _sample(self, sample: Any) -> tuple[int, float]:
        """Microseconds since 1970 and value."""
        try:
            moment, value = round(sample[0] * 1_000_000), float(sample[1])
        except (TypeError, ValueError, IndexError, KeyError, OverflowError):
            raise RefusedLineError("unreadable sample: expected [seconds, value]") from None
        if not self._from <= moment < self._to:
            raise RefusedLineError(f"outside the partition: {sample[0]} is not within this date")
        return moment, value

    def _register(self, unknown: set[SeriesKey]) -> None:
        """Learn the ids of series, giving new ones to those never seen. In sorted order: parallel loads cannot block each other."""
        if not unknown:
            return
        ordered = sorted(unknown)
        values = {
            "launch": self._launch,
            "metrics": [metric for metric, _ in ordered],
            "labels": [labels.decode() for _, labels in ordered],
        }
        self._registry.execute(_REGISTER, values)
        for metric, labels, series_id in self._registry.execute(_FIND, values):
            self._series[(metric, labels.encode())] = series_id


def _block(line: bytes) -> tuple[SeriesKey, list[Any]]:
    """Series and samples of a landed line."""
    check_length(line)
    check_text(line)
    try:
        block = orjson.loads(line)
        metric, labels, samples = block["metric_id"], block["labels"], block["values"]
    except ValueError as error:
        raise RefusedLineError(f"bad JSON: {error}") from None
    except KeyError as error:
        raise RefusedLineError(f"missing key {error.args[0]!r}") from None
    except TypeError:
        raise RefusedLineError("not a block of samples: expected an object") from None
    if not isinstance(metric, str) or not isinstance(labels, dict) or not isinstance(samples, list):
        raise RefusedLineError("not a block of samples: expected metric_id, labels and values")
    return (metric, orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)), samples
