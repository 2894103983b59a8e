"""Mixpanel events from local HTTP to checked, typed, partitioned rows, against `psql \\copy` of the same lines into one jsonb column.

The floor does none of the work: no HTTP, no landing zone, no checks, no typed columns, no duplicates, no accounting. Memory is that of the
ingesting process, and ten times the events must not need more of it.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.child import Measured, measured
from benchmarks.context import LOGIN, Context
from benchmarks.events import DAYS, FIRST_DAY, PROPERTIES, bench_launch, write_days
from benchmarks.figure import Figure, at_least, at_most
from benchmarks.serve import served
from sandbox.postgres import program

TURNS = 3
FLOOR = 0.7
MIB = 100


def run(context: Context) -> list[Figure]:
    """Both roads turn by turn, the fastest turn of each counts; then once with many more events."""
    events, many = context.size(1_000_000, 200_000), context.size(10_000_000, 1_000_000)
    folder, lines = context.folder / "mixpanel", context.folder / "events.jsonl"
    context.say(f"mixpanel: writing {events:,} events")
    write_days(folder, events, plain=lines)
    floor: list[float] = []
    ours: list[Measured] = []
    for turn in range(TURNS):
        context.say(f"mixpanel: {events:,} events, turn {turn + 1} of {TURNS}")
        floor.append(_copy_seconds(context, lines))
        ours.append(_ingest(context, folder, events))
    lines.unlink()
    context.say(f"mixpanel: {many:,} events")
    shutil.rmtree(folder)
    write_days(folder, many)
    larger = _ingest(context, folder, many)
    shutil.rmtree(folder)
    fastest = min(each.seconds for each in ours)
    return [
        Figure(f"psql \\copy of {events:,} events of {PROPERTIES} properties into one jsonb column", events / min(floor), "rows/s"),
        Figure("mixpanel: HTTP to partitioned rows", events / fastest, "rows/s"),
        at_least("mixpanel against psql \\copy", min(floor) / fastest, "ratio", FLOOR),
        Figure(f"mixpanel: HTTP to partitioned rows, {many:,} events", many / larger.seconds, "rows/s"),
        at_most(f"mixpanel: peak memory at {events:,} events", max(each.peak_mib for each in ours), "MiB", MIB),
        at_most(f"mixpanel: peak memory at {many:,} events", larger.peak_mib, "MiB", MIB),
    ]


def _ingest(context: Context, folder: Path, events: int) -> Measured:
    """The whole road into a new warehouse. Raises RuntimeError if an event is missing."""
    launch = bench_launch(mixpanel={"project_id": 1})
    with context.warehouse("mixpanel") as env, served("mixpanel", folder=str(folder)) as api:
        found = measured("mixpanel", launch, FIRST_DAY, FIRST_DAY + dt.timedelta(days=DAYS - 1), {**env, **api.env})
        shutil.rmtree(env["POSTLAUNCH_LANDING"])
    if found.loaded != events:
        raise RuntimeError(f"{found.loaded:,} of {events:,} events were loaded")
    return found


def _copy_seconds(context: Context, lines: Path) -> float:
    """Seconds of `psql \\copy` into a new table of a new database."""
    context.server.ensure_database("floor", LOGIN)
    try:
        psql = [str(program("psql")), "--quiet", "--no-psqlrc", context.server.uri("floor")]
        subprocess.run([*psql, "--command", "create table floor (event jsonb)"], check=True)
        started = time.perf_counter()
        copy = f"\\copy floor from '{lines}' with (format csv, quote e'\\x01', delimiter e'\\x02')"
        subprocess.run([*psql, "--command", copy], check=True)
        return time.perf_counter() - started
    finally:
        context.server.drop_database("floor")
