"""Prometheus series of the story: labels, and samples as the server would find them, look-back included.

machines.py (what happens each minute) -> scrape every 60 s -> Block (values and gaps of a UTC day) -> `at` any timestamps
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sandbox.story.machines import BOUNDS, CODES, INSTANCES, MINUTES, Bools, counters, gauges, server_is_up
from sandbox.story.plan import DAY, Floats, Plan

LOOK_BACK_MINUTES = 4  # a sample counts while it is younger than five minutes
_OTHER_TARGETS = (("emr-redis", "redis-1:9121"), ("emr-db", "db-1:9187"), ("emr-db", "db-1:9100"), ("emr-kafka", "kafka-1:9308"))
Labels = dict[str, str]


@dataclass(frozen=True)
class Block:
    """All series over one UTC day after look-back, arrays of shape (series, 1440); no sample where `is_present` is False."""

    values: Floats
    is_present: Bools


def bound_label(bound: float) -> str:
    """The `le` label of a bucket bound: `0.05`, `1`, `+Inf`."""
    return "+Inf" if bound == float("inf") else f"{bound:g}"


@lru_cache(maxsize=1)
def all_series() -> tuple[Labels, ...]:
    """The labels of every series, `__name__` included, in the order of the rows of a block."""
    api = {"job": "emr-api"}
    rows: list[Labels] = [{"__name__": "up", **api, "instance": instance} for instance in INSTANCES]
    rows += [{"__name__": "up", "job": job, "instance": instance} for job, instance in _OTHER_TARGETS]
    for instance in INSTANCES:
        rows += [{"__name__": "http_requests_total", **api, "instance": instance, "code": code} for code in CODES]
    for instance in INSTANCES:
        rows += [
            {"__name__": "http_request_duration_seconds_bucket", **api, "instance": instance, "le": bound_label(bound)} for bound in BOUNDS
        ]
    rows += [{"__name__": "http_request_duration_seconds_sum", **api, "instance": instance} for instance in INSTANCES]
    rows += [{"__name__": "http_request_duration_seconds_count", **api, "instance": instance} for instance in INSTANCES]
    rows += [{"__name__": "process_cpu_used_ratio", **api, "instance": instance} for instance in INSTANCES]
    return (
        *rows,
        {"__name__": "redis_memory_used_ratio", "job": "emr-redis", "instance": "redis-1:9121"},
        {"__name__": "pg_stat_activity_connections", "job": "emr-db", "instance": "db-1:9187"},
        {"__name__": "node_filesystem_used_ratio", "job": "emr-db", "instance": "db-1:9100", "mountpoint": "/var/lib/postgresql"},
        {"__name__": "kafka_consumergroup_lag", "job": "emr-kafka", "instance": "kafka-1:9308", "group": "emr-tasks"},
        {"__name__": "probe_success", "job": "blackbox", "instance": "probe-1:9115", "target": "emr-vendor"},
    )


@lru_cache(maxsize=128)
def block(plan: Plan, utc_day: int) -> Block:
    """The samples of a UTC day, as an instant query at each full minute would find them."""
    values, is_present, is_stale = _scraped(plan, utc_day)
    before_values, before_present, before_stale = (each[:, -LOOK_BACK_MINUTES:] for each in _scraped(plan, utc_day - 1))
    values = np.concatenate([before_values, values], axis=1)
    is_present = np.concatenate([before_present, is_present], axis=1)
    is_stale = np.concatenate([before_stale, is_stale], axis=1)
    for _ in range(LOOK_BACK_MINUTES):
        fill = ~is_present[:, 1:] & ~is_stale[:, 1:] & is_present[:, :-1]
        values[:, 1:][fill] = values[:, :-1][fill]
        is_present = is_present.copy()
        is_present[:, 1:] |= fill
    return Block(values[:, LOOK_BACK_MINUTES:], is_present[:, LOOK_BACK_MINUTES:])


def at(plan: Plan, rows: list[int], timestamps: Floats, now: float) -> tuple[Floats, Bools]:
    """Values and presence of some series (rows of `all_series`) at epoch seconds; both of shape (len(rows), len(timestamps))."""
    values = np.full((len(rows), len(timestamps)), np.nan)
    is_present = np.zeros((len(rows), len(timestamps)), dtype=np.bool_)
    utc_days = np.floor_divide(timestamps, DAY).astype(np.int64)
    for utc_day in np.unique(utc_days[timestamps <= now]) if rows else ():
        here = np.flatnonzero((utc_days == utc_day) & (timestamps <= now))
        minute = ((timestamps[here] - utc_day * DAY) // 60).astype(np.int64)
        found = block(plan, int(utc_day))
        values[:, here] = found.values[rows][:, minute]
        is_present[:, here] = found.is_present[rows][:, minute]
    return values, is_present


@lru_cache(maxsize=4)
def _scraped(plan: Plan, utc_day: int) -> tuple[Floats, Bools, Bools]:
    """(values, is_present, is_stale), each (series, 1440): a failed scrape is stale at once, an absent server is not."""
    counted, gauge = counters(plan, utc_day), gauges(plan, utc_day)
    server = np.broadcast_to(server_is_up(plan, utc_day), (1, MINUTES))
    up = [~counted.is_down[:, number] for number in range(len(INSTANCES))]
    columns: list[tuple[Floats, Bools | None]] = [(alive.astype(np.float64), None) for alive in up]
    columns += [(np.ones(MINUTES), None) for _ in _OTHER_TARGETS]
    for name in ("code", "bucket"):
        array: Floats = getattr(counted, name)
        columns += [(array[:, number, column], up[number]) for number in range(len(INSTANCES)) for column in range(array.shape[2])]
    columns += [(np.round(counted.seconds[:, number], 3), up[number]) for number in range(len(INSTANCES))]
    columns += [(counted.bucket[:, number, -1], up[number]) for number in range(len(INSTANCES))]
    columns += [(gauge["cpu"][:, number], up[number]) for number in range(len(INSTANCES))]
    columns += [(gauge[name], None) for name in ("memory", "connections", "disk", "lag", "vendor")]
    values = np.stack([column for column, _ in columns])
    alive = np.stack([np.ones(MINUTES, dtype=np.bool_) if mask is None else mask for _, mask in columns])
    return values, alive & server, ~alive & server
