"""Tickets, incidents and samples put into raw as the loader would leave them, with the loads that make their dates dirty."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
import psycopg


class Entity(NamedTuple):
    """One record of a merged stream: its id, when it happened (None: it has no time), and the record as the API gives it."""

    id: str
    occurred_at: dt.datetime | None
    record: dict[str, Any]


class Sample(NamedTuple):
    """One sample of a series; `labels` as pairs, `value` may be NaN."""

    metric_id: str
    labels: tuple[tuple[str, str], ...]
    sampled_at: dt.datetime
    value: float


class Place(NamedTuple):
    """Whose rows they are, and the zone of their dates."""

    launch_id: str
    zone: ZoneInfo

    def midnight(self, date: dt.date) -> dt.datetime:
        """The moment at which a date begins."""
        return dt.datetime.combine(date, dt.time(), self.zone)


def put_entities(
    session: psycopg.Connection,
    place: Place,
    source: str,
    stream: str,
    dates: tuple[dt.date, dt.date],
    entities: Sequence[Entity],
    warnings: Sequence[str] = (),
) -> None:
    """Merge records into raw.<source>_<stream> by one load whose window is the inclusive `dates`."""
    load_id = _record_load(session, place, source, stream, dates, len(entities), None)
    session.execute("update ops.partition_loads set warnings = %s where load_id = %s", [list(warnings), load_id])
    with session.cursor() as cursor:
        cursor.executemany(
            f"""
            insert into raw.{source}_{stream} as kept (launch_id, id, occurred_at, version_at, record, load_id)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (launch_id, id) do update set record = excluded.record, load_id = excluded.load_id
            where kept.record is distinct from excluded.record
            """,
            [
                (
                    place.launch_id,
                    entity.id,
                    entity.occurred_at,
                    entity.occurred_at or place.midnight(dates[0]),
                    orjson.dumps(entity.record).decode(),
                    load_id,
                )
                for entity in entities
            ],
        )


def put_samples(session: psycopg.Connection, place: Place, dates: Iterable[dt.date], samples: Iterable[Sample]) -> None:
    """Replace the partitions of `dates` by the samples that fall on them in the launch's zone; each date is one dirty load."""
    session.execute("create table if not exists raw.prometheus_samples_of_tests partition of raw.prometheus_samples default")
    by_date: dict[dt.date, list[Sample]] = {date: [] for date in dates}
    for sample in samples:
        date = sample.sampled_at.astimezone(place.zone).date()
        if date in by_date:
            by_date[date].append(sample)
    series = _series_ids(
        session, place.launch_id, {(sample.metric_id, sample.labels) for of_date in by_date.values() for sample in of_date}
    )
    for date, of_date in by_date.items():
        load_id = _record_load(session, place, "prometheus", "samples", (date, date), len(of_date), date)
        session.execute("delete from raw.prometheus_samples where launch_id = %s and sample_date = %s", [place.launch_id, date])
        columns = "launch_id, sample_date, metric_id, series_id, sampled_at, value, load_id"
        with session.cursor().copy(f"copy raw.prometheus_samples ({columns}) from stdin") as copy:
            for sample in of_date:
                series_id = series[sample.metric_id, sample.labels]
                copy.write_row((place.launch_id, date, sample.metric_id, series_id, sample.sampled_at, sample.value, load_id))


def _series_ids(session: psycopg.Connection, launch_id: str, wanted: set[tuple[str, tuple[tuple[str, str], ...]]]) -> dict[Any, int]:
    ids = {}
    for metric_id, labels in wanted:
        row = session.execute(
            """
            insert into raw.prometheus_series (launch_id, metric_id, labels) values (%s, %s, %s)
            on conflict (launch_id, metric_id, labels) do update set labels = excluded.labels
            returning series_id
            """,
            [launch_id, metric_id, orjson.dumps(dict(labels)).decode()],
        ).fetchone()
        assert row is not None
        ids[metric_id, labels] = int(row[0])
    return ids


def _record_load(
    session: psycopg.Connection,
    place: Place,
    source: str,
    stream: str,
    dates: tuple[dt.date, dt.date],
    rows: int,
    partition_date: dt.date | None,
) -> int:
    first, last = dates
    row = session.execute(
        """
        insert into ops.partition_loads (
            launch_id, source, stream, partition_date, window_start_at, window_end_at, pull_id, landing_path, bytes_count, landed_count,
            loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, first_dirty_date, last_dirty_date, request,
            duration_seconds
        )
        values (
            %(launch)s, %(source)s, %(stream)s, %(partition)s, %(start)s, %(end)s, 'p', 'here', 0, %(rows)s,
            %(rows)s, 0, 0, %(hash)s, true, %(first)s, %(last)s, '{}', 0
        )
        returning load_id
        """,
        {
            "launch": place.launch_id,
            "source": source,
            "stream": stream,
            "partition": partition_date,
            "start": place.midnight(first),
            "end": place.midnight(last + dt.timedelta(days=1)),
            "rows": rows,
            "hash": hashlib.sha256(f"{stream}{dates}{rows}".encode()).hexdigest(),
            "first": None if partition_date else first,
            "last": None if partition_date else last,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])
