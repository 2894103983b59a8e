"""PagerDuty: six months of incidents with four log entries each, through windows that hold more than the API lets a caller page through.

How long it takes is held against how long the API's limit alone would take: 960 calls a minute.
"""

from __future__ import annotations

import datetime as dt

from benchmarks.child import Measured, measured
from benchmarks.context import Context
from benchmarks.events import bench_launch
from benchmarks.figure import Figure, at_most
from benchmarks.serve import served

CALLS_A_MINUTE = 960
GROWTH = 1.2
SHARE_OF_LIMIT = 0.25
FIRST_DAY = dt.date(2026, 1, 5)
DAYS = 180


def run(context: Context) -> list[Figure]:
    """The full number of incidents, and a fifth of it, whose peak memory must be the same."""
    incidents = context.size(50_000, 5_000)
    few, _ = _ingest(context, incidents // 5)
    many, calls = _ingest(context, incidents)
    limit = calls / CALLS_A_MINUTE * 60
    return [
        Figure(f"pagerduty: {incidents:,} incidents with log entries", many.seconds, "s"),
        Figure("pagerduty: HTTP to merged rows", many.landed / many.seconds, "rows/s"),
        Figure("pagerduty: calls", calls, "calls"),
        at_most("pagerduty: seconds against what its call limit takes", many.seconds / limit, "ratio", SHARE_OF_LIMIT),
        Figure("pagerduty: peak memory", many.peak_mib, "MiB"),
        at_most("pagerduty: peak memory against a fifth of the incidents", many.peak_mib / few.peak_mib, "ratio", GROWTH),
    ]


def _ingest(context: Context, incidents: int) -> tuple[Measured, int]:
    """What it cost, and how many calls it made."""
    context.say(f"pagerduty: {incidents:,} incidents")
    last = FIRST_DAY + dt.timedelta(days=DAYS - 1)
    start = int(dt.datetime.combine(FIRST_DAY, dt.time(), tzinfo=dt.UTC).timestamp())
    with context.warehouse("pagerduty") as env, served("pagerduty", incidents=incidents, start=start, seconds=DAYS * 86_400) as api:
        found = measured("pagerduty", bench_launch(pagerduty={}), FIRST_DAY, last, {**env, **api.env})
        if found.loaded < incidents * 5 or found.quarantined:
            raise RuntimeError(f"{found.loaded:,} of {incidents * 5:,} records were loaded, {found.quarantined:,} refused")
        return found, sum(api.calls().values())
