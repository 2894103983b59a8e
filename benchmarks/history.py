"""A launch with some days of history in raw, made inside the warehouse as the loader would leave it, and nights that go on from there.

    fill(session, scale, days)    dates 0 to days - 1: events, tickets, samples, each date with its load
    night(session, scale, day)    the new date `day`, and the three before it that came again with a few late events

Users come anew each date and come back for some days, each on a device of its own; half of what there is of a ticket comes later than its
beginning.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

from benchmarks.events import bench_launch

FIRST_DAY = dt.date(2025, 1, 6)
LAUNCH = "bench"
STEP_SECONDS = 300
RESTATED = (1, 3, 6)  # dates before the new one that a night loads again
LATE = 0.01  # of a date's events, added when it comes again

STEPS = (
    *("Signed Up", "Logged In", "Task Created"),  # and then rarely on
    *("Report Exported", "Task Completed", "Page Viewed", "Logged In", "Task Created", "Task Completed", "Page Viewed"),
)
_LAUNCH = dict[str, Any](
    mixpanel={"project_id": 1, "active_events": ["Logged In", "Task Created", "Task Completed"]},
    zendesk={"sla": [{"priority": "high", "first_reply_minutes": 60, "resolution_minutes": 1440}]},
    prometheus={
        "step_seconds": STEP_SECONDS,
        "service_levels": [
            {"id": "api", "name": "API", "up": "up", "requests": "requests", "latency_buckets": "latency", "error_codes": "5.."}
        ],
        "resources": [
            {"id": name, "name": name, "query": name, "unit": "ratio", "trigger": 0.8}
            for name in ("cpu", "disk", "memory", "queue", "pool")
        ],
    },
    date=FIRST_DAY,
)


@dataclass(frozen=True)
class Scale:
    """Events and tickets a date; samples stay as they are."""

    events: int
    tickets: int = 8


def write_launch(folder: Path, steps: int = 3, launch_id: str = LAUNCH) -> None:
    """A launch file, with a funnel of so many steps."""
    folder.mkdir(parents=True, exist_ok=True)
    funnel = {"id": "activation", "name": "Activation", "steps": STEPS[:steps], "window_hours": 168}
    launch = bench_launch(**{**_LAUNCH, "mixpanel": {**_LAUNCH["mixpanel"], "funnels": [funnel]}})
    spec = launch.model_dump(mode="json", exclude_unset=True) | {"launch": launch_id}
    (folder / f"{launch_id}.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))


def fill(session: psycopg.Connection, scale: Scale, days: int, launch_id: str = LAUNCH) -> None:
    """Everything of the first `days` dates; the tables are vacuumed and analysed then, as autovacuum would have done by and by."""
    _make_partitions(session, days + 40)
    session.execute(_SERIES, {"launch": launch_id})
    for day in range(days):
        _load_date(session, launch_id, scale.events, day)
    _merge_tickets(session, launch_id, scale.tickets, range(days))
    session.execute("vacuum analyze")


def night(session: psycopg.Connection, scale: Scale, day: int) -> None:
    """The new date, the restated ones, and what happened to tickets on the new date."""
    for back in RESTATED:
        _load_date(session, LAUNCH, int(scale.events * (1 + LATE)), day - back)
    _load_date(session, LAUNCH, scale.events, day)
    _merge_tickets(session, LAUNCH, scale.tickets, [day])


def _load_date(session: psycopg.Connection, launch_id: str, events: int, day: int) -> None:
    date = FIRST_DAY + dt.timedelta(days=day)
    values = {"launch": launch_id, "day": day, "date": date, "events": events}
    for source, stream, table, column, rows in (
        ("mixpanel", "events", "mixpanel_events", "event_date", _EVENTS),
        ("prometheus", "samples", "prometheus_samples", "sample_date", _SAMPLES),
    ):
        session.execute("select setseed(%s)", [1 / (day + 2)])
        session.execute(f"delete from raw.{table} where launch_id = %(launch)s and {column} = %(date)s", values)  # noqa: S608  our own names
        load_id = _record_load(session, launch_id, source, stream, date, is_partition=True)
        count = session.execute(rows, {**values, "load_id": load_id}).rowcount
        _account(session, load_id, count)


def _merge_tickets(session: psycopg.Connection, launch_id: str, tickets: int, days: Iterable[int]) -> None:
    for day in days:
        date = FIRST_DAY + dt.timedelta(days=day)
        values: dict[str, Any] = {"launch": launch_id, "day": day, "date": date, "tickets": tickets}
        for stream, rows in (("tickets", _TICKETS), ("ticket_metric_events", _METRIC_EVENTS), ("ticket_events", _TICKET_EVENTS)):
            load_id = _record_load(session, launch_id, "zendesk", stream, date, is_partition=False)
            count = session.execute(
                f"insert into raw.zendesk_{stream} as kept (launch_id, id, occurred_at, version_at, record, load_id) {_LIVES} {rows} "
                "on conflict (launch_id, id) do update set "
                "record = excluded.record, version_at = excluded.version_at, load_id = excluded.load_id",
                {**values, "load_id": load_id},
            ).rowcount
            _account(session, load_id, count)


def _record_load(session: psycopg.Connection, launch_id: str, source: str, stream: str, date: dt.date, *, is_partition: bool) -> int:
    row = session.execute(
        """
        insert into ops.partition_loads (
            launch_id, source, stream, partition_date, window_start_at, window_end_at, pull_id, landing_path, bytes_count, landed_count,
            loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, first_dirty_date, last_dirty_date, request,
            duration_seconds
        )
        values (
            %(launch)s, %(source)s, %(stream)s, %(partition)s, %(date)s, %(date)s + interval '1 day', 'pull', 'nowhere', 0, 0,
            0, 0, 0, md5(random()::text), true, %(dirty)s, %(dirty)s, '{}', 0
        )
        returning load_id
        """,
        {
            "launch": launch_id,
            "source": source,
            "stream": stream,
            "date": date,
            "partition": date if is_partition else None,
            "dirty": None if is_partition else date,
        },
    ).fetchone()
    assert row is not None  # noqa: S101  # insert ... returning gives a row or raises
    return int(row[0])


def _account(session: psycopg.Connection, load_id: int, count: int) -> None:
    session.execute(
        "update ops.partition_loads set landed_count = %(n)s, loaded_count = %(n)s where load_id = %(id)s", {"n": count, "id": load_id}
    )


def _make_partitions(session: psycopg.Connection, days: int) -> None:
    months = sorted({(FIRST_DAY + dt.timedelta(days=day)).replace(day=1) for day in range(days)})
    for month in months:
        following = (month + dt.timedelta(days=31)).replace(day=1)
        for table in ("mixpanel_events", "prometheus_samples"):
            name = f"raw.{table}_y{month:%Ym%m}"
            session.execute(f"create table if not exists {name} partition of raw.{table} for values from ('{month}') to ('{following}')")
            session.execute(f"alter table {name} owner to postlaunch_loader")


# Each date brings a fortieth of its events in new users; an event is of one of them, or of those of an earlier date, ten days before on
# average.
_EVENTS = """
insert into raw.mixpanel_events
    (launch_id, event_date, event_name, distinct_id, insert_id, occurred_at, processed_at, properties, load_id, source_order)
select
    %(launch)s, %(date)s,
    case
        when told.name < 0.002 then 'Report Exported'
        else (
            array['Signed Up', 'Logged In', 'Logged In', 'Task Created', 'Task Created', 'Task Completed', 'Page Viewed', '$session_start']
        )[1 + floor(told.name * 8)::int]
    end,
    'user-' || told.person, %(day)s || '-' || told.number, told.occurred_at, told.occurred_at + interval '4 seconds',
    jsonb_build_object(
        '$user_id', 'user-' || told.person, '$device_id', 'device-' || told.person, 'plan', 'team',
        'version', '1.' || floor(told.place * 9)::int, 'screen', floor(told.name * 80)::int
    ),
    %(load_id)s, told.number
from (
    select
        drawn.*, (%(day)s - floor(-10 * ln(1 - drawn.age)))::int || '-' || floor(drawn.place * %(events)s / 40)::int as person
    from (
        select number, random() as name, random() as age, random() as place, %(date)s + random() * interval '1 day' as occurred_at
        from generate_series(1, %(events)s) as numbers (number)
    ) as drawn
) as told
"""

# 55 series: 2 of up, 8 of requests, 40 of latency, 5 of resources.
_SERIES = """
insert into raw.prometheus_series (launch_id, metric_id, labels)
select %(launch)s, 'api.up', jsonb_build_object('job', 'api', 'instance', n) from generate_series(1, 2) as i (n)
union all
select %(launch)s, 'api.requests', jsonb_build_object('job', 'api', 'instance', n, 'code', c)
from generate_series(1, 2) as i (n) cross join unnest(array['200', '204', '404', '500']) as codes (c)
union all
select
    %(launch)s, 'api.latency_buckets',
    jsonb_build_object('job', 'api', 'instance', n, 'le', case b when 20 then '+Inf' else (0.05 * b)::text end)
from generate_series(1, 2) as i (n) cross join generate_series(1, 20) as buckets (b)
union all
select %(launch)s, name || '.resource', '{}' from unnest(array['cpu', 'disk', 'memory', 'queue', 'pool']) as resources (name)
"""

_SAMPLES = f"""
insert into raw.prometheus_samples (launch_id, sample_date, metric_id, series_id, sampled_at, value, load_id)
select
    %(launch)s, %(date)s, series.metric_id, series.series_id, %(date)s + point * interval '{STEP_SECONDS} seconds',
    case split_part(series.metric_id, '.', 2)
        when 'up' then 1
        when 'resource' then 0.3 + 0.1 * sin(point / 46.0) + 0.0005 * %(day)s + 0.02 * random()
        else floor(
            (%(day)s * 288 + point) * (1 + series.series_id %% 7)
            * case
                when labels ->> 'code' = '500' then 0.01
                when labels ->> 'le' = '+Inf' then 20
                else coalesce((labels ->> 'le')::float * 20, 5)
            end
        )
    end,
    %(load_id)s
from raw.prometheus_series as series
cross join generate_series(0, {86_400 // STEP_SECONDS - 1}) as points (point)
where series.launch_id = %(launch)s
"""  # noqa: S608  our own constants

# The tickets of which something is told on a date: created on it, answered and solved on it; some are never solved.
_LIVES = """
with lives as (
    select
        number, created_at,
        created_at + reply_hours * interval '1 hour' as replied_at,
        created_at + solve_hours * interval '1 hour' as solved_at,
        (array['urgent', 'high', 'normal', 'low'])[1 + number % 4] as priority
    from (
        select
            day * %(tickets)s + slot as number,
            %(date)s - (%(day)s - day) * interval '1 day' + (slot * 7919 + day * 104729) % 86400 * interval '1 second'
                as created_at,
            1 + (day * 31 + slot * 17) % 30 as reply_hours,
            case
                when (day * 7 + slot) % 50 = 0 then 1e5
                else 2 + (day * 37 + slot * 101) % 97 * case slot when 7 then 7 else 1 end
            end as solve_hours
        from generate_series(greatest(%(day)s - 40, 0), %(day)s) as days (day)
        cross join generate_series(1, %(tickets)s) as slots (slot)
    ) as drawn
),

told as (
    select *, solved_at < %(date)s + interval '1 day' as is_solved
    from lives
    where %(date)s in (created_at::date, replied_at::date, solved_at::date)
)
""".replace(" % ", " %% ").replace("%%(", "%(")

_TICKETS = """
select
    %(launch)s, number::text, created_at, case when is_solved then solved_at else created_at end,
    jsonb_build_object(
        'id', number, 'status', case when is_solved then 'solved' else 'open' end, 'priority', priority, 'created_at', created_at,
        'updated_at', case when is_solved then solved_at else created_at end,
        'metric_set', jsonb_build_object('solved_at', case when is_solved then solved_at end)
    ),
    %(load_id)s
from told
"""

_METRIC_EVENTS = """
select
    %(launch)s, (number * 10 + place)::text, at, at,
    jsonb_build_object('id', number * 10 + place, 'ticket_id', number, 'metric', metric, 'type', type, 'instance_id', 1, 'time', at),
    %(load_id)s
from told
cross join lateral (
    values
    (1, 'reply_time', 'activate', created_at), (2, 'resolution_time', 'activate', created_at),
    (3, 'reply_time', 'fulfill', least(replied_at, solved_at)), (4, 'resolution_time', 'fulfill', solved_at)
) as events (place, metric, type, at)
where at::date = %(date)s
"""

_TICKET_EVENTS = """
select
    %(launch)s, (number * 10 + place)::text, at, at,
    jsonb_build_object('id', number * 10 + place, 'ticket_id', number, 'child_events', jsonb_build_array(child)),
    %(load_id)s
from told
cross join lateral (
    values
    (1, jsonb_build_object('event_type', 'Create', 'priority', priority, 'status', 'open'), created_at),
    (2, jsonb_build_object('event_type', 'Change', 'status', 'solved', 'previous_value', 'open'), solved_at)
) as events (place, child, at)
where at::date = %(date)s
"""
