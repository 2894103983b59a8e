"""Prometheus: 200 series at a sample a minute for 30 days, from range queries to rows in their partitions."""

from __future__ import annotations

import datetime as dt

from benchmarks.child import Measured, measured
from benchmarks.context import Context
from benchmarks.events import bench_launch
from benchmarks.figure import Figure, at_most
from benchmarks.serve import served

GROWTH = 1.2
FIRST_DAY = dt.date(2026, 1, 5)
DAYS, FEW_DAYS = 30, 7
STEP_SECONDS = 60
PARTS = {"bench_up": 20, "bench_requests": 60, "bench_latency": 100, "bench_memory": 20}
LAUNCH = bench_launch(
    prometheus={
        "step_seconds": STEP_SECONDS,
        "service_levels": [
            {"id": "api", "name": "API", "up": "bench_up", "requests": "bench_requests", "latency_buckets": "bench_latency"}
        ],
        "resources": [{"id": "memory", "name": "Memory", "query": "bench_memory", "unit": "ratio", "trigger": 80}],
    }
)


def run(context: Context) -> list[Figure]:
    """30 days, and 7, whose peak memory must be the same."""
    series = {name: count // context.size(1, 10) for name, count in PARTS.items()}
    few = _ingest(context, series, FEW_DAYS)
    many = _ingest(context, series, DAYS)
    return [
        Figure(f"prometheus: {sum(series.values())} series x {DAYS} days x {STEP_SECONDS} s", many.seconds, "s"),
        Figure("prometheus: HTTP to partitioned rows", many.landed / many.seconds, "samples/s"),
        Figure("prometheus: peak memory", many.peak_mib, "MiB"),
        at_most(f"prometheus: peak memory of {DAYS} days against {FEW_DAYS}", many.peak_mib / few.peak_mib, "ratio", GROWTH),
    ]


def _ingest(context: Context, series: dict[str, int], days: int) -> Measured:
    context.say(f"prometheus: {days} days")
    samples = sum(series.values()) * days * 86_400 // STEP_SECONDS
    with context.warehouse("prometheus") as env, served("prometheus", series=series) as api:
        found = measured("prometheus", LAUNCH, FIRST_DAY, FIRST_DAY + dt.timedelta(days=days - 1), {**env, **api.env})
    if found.loaded < samples or found.quarantined:
        raise RuntimeError(f"{found.loaded:,} of {samples:,} samples were loaded, {found.quarantined:,} refused")
    return found
