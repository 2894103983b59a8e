"""Zendesk: tickets with metric sets and six metric events each, from a fake without limits to merged rows.

How long it takes is held against how long the API's limit alone would take: ten incremental calls a minute.
"""

from __future__ import annotations

import datetime as dt

from benchmarks.child import Measured, measured
from benchmarks.context import Context
from benchmarks.events import bench_launch
from benchmarks.figure import Figure, at_most
from benchmarks.serve import served

CALLS_A_MINUTE = 10
GROWTH = 1.2
SHARE_OF_LIMIT = 0.25
FIRST_DAY = dt.date(2026, 1, 5)
DAYS = 90


def run(context: Context) -> list[Figure]:
    """The full number of tickets, and a fifth of it, whose peak memory must be the same."""
    tickets = context.size(100_000, 10_000)
    few, _ = _ingest(context, tickets // 5)
    many, calls = _ingest(context, tickets)
    limit = calls / CALLS_A_MINUTE * 60
    return [
        Figure(f"zendesk: {tickets:,} tickets with their events", many.seconds, "s"),
        Figure("zendesk: HTTP to merged rows", many.landed / many.seconds, "rows/s"),
        Figure("zendesk: incremental calls", calls, "calls"),
        at_most("zendesk: seconds against what its call limit takes", many.seconds / limit, "ratio", SHARE_OF_LIMIT),
        Figure("zendesk: peak memory", many.peak_mib, "MiB"),
        at_most("zendesk: peak memory against a fifth of the tickets", many.peak_mib / few.peak_mib, "ratio", GROWTH),
    ]


def _ingest(context: Context, tickets: int) -> tuple[Measured, int]:
    """What it cost, and how many calls of it the limit counts."""
    context.say(f"zendesk: {tickets:,} tickets")
    last = FIRST_DAY + dt.timedelta(days=DAYS - 1)
    start = int(dt.datetime.combine(FIRST_DAY, dt.time(), tzinfo=dt.UTC).timestamp())
    with context.warehouse("zendesk") as env, served("zendesk", tickets=tickets, start=start, seconds=DAYS * 86_400) as api:
        found = measured("zendesk", bench_launch(zendesk={}), FIRST_DAY, last, {**env, **api.env})
        if found.loaded < tickets * 7 or found.quarantined:
            raise RuntimeError(f"{found.loaded:,} of {tickets * 7:,} records were loaded, {found.quarantined:,} refused")
        return found, sum(count for path, count in api.calls().items() if "/incremental/" in path)
