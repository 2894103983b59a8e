"""Mixpanel events against dlt, which loads the same export from the same fake into the same server, in its fastest configuration.

dlt is asked for less: no landing zone, no checks, no quarantine, no partitions, and in the figure that is judged no deduplication. It is
installed into an environment of its own; where that cannot be made, the figures are absent and the reason is shown.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.child import measured
from benchmarks.context import LOGIN, Context
from benchmarks.events import DAYS, FIRST_DAY, bench_launch, write_days
from benchmarks.figure import Figure, at_least
from benchmarks.peers import installed
from benchmarks.serve import Served, served

PEER = Path(__file__).with_name("dlt") / "peer.py"
FASTEST = ("csv", "parquet")  # which of the two is faster depends on the number of rows
TURNS = 2
TIMES = 4.0


def run(context: Context) -> list[Figure]:
    """Both turn by turn; of each the fastest turn counts."""
    events = context.size(1_000_000, 200_000)
    python = installed(context, "dlt")
    if python is None:
        return []
    folder = context.folder / "dlt"
    write_days(folder / "days", events)
    with served("mixpanel", folder=str(folder / "days")) as api:
        ours: list[float] = []
        peers: dict[str, list[float]] = {file_format: [] for file_format in FASTEST}
        peaks: list[float] = []
        for turn in range(TURNS):
            context.say(f"dlt: {events:,} events, turn {turn + 1} of {TURNS}")
            ours.append(_ours(context, api, events))
            for file_format in FASTEST:
                found = _peer(context, python, api, events, file_format)
                peers[file_format].append(found["seconds"])
                peaks.append(found["peak_mib"])
        context.say("dlt: with its default format, and with deduplication")
        default = _peer(context, python, api, events, "insert_values")["seconds"]
        merged = min(_peer(context, python, api, events, file_format, "merge")["seconds"] for file_format in FASTEST)
    shutil.rmtree(folder)
    best = min(FASTEST, key=lambda file_format: min(peers[file_format]))
    seconds = min(peers[best])
    return [
        Figure(f"dlt (arrow, {best}), no deduplication: HTTP to rows", events / seconds, "rows/s"),
        at_least("mixpanel against dlt (arrow)", seconds / min(ours), "ratio", TIMES),
        Figure("mixpanel against dlt (arrow) that deduplicates too", merged / min(ours), "ratio"),
        Figure("mixpanel against dlt (arrow) with its default format", default / min(ours), "ratio"),
        Figure("dlt (arrow): least peak memory", min(peaks), "MiB"),
    ]


def _ours(context: Context, api: Served, events: int) -> float:
    with context.warehouse("beside_dlt") as env:
        launch = bench_launch(mixpanel={"project_id": 1})
        found = measured("mixpanel", launch, FIRST_DAY, FIRST_DAY + dt.timedelta(days=DAYS - 1), {**env, **api.env})
    if found.loaded != events:
        raise RuntimeError(f"{found.loaded:,} of {events:,} events were loaded")
    return found.seconds


def _peer(context: Context, python: Path, api: Served, events: int, file_format: str, disposition: str = "append") -> dict[str, Any]:
    """What one run of the peer says. Raises RuntimeError if it fails or rows are missing."""
    url = f"http://127.0.0.1:{api.port}/api/2.0/export?from_date={FIRST_DAY}&to_date={FIRST_DAY + dt.timedelta(days=DAYS - 1)}"
    with _database(context) as uri, _work_folder(context) as work:
        done = subprocess.run(
            [str(python), str(PEER), url, uri, str(work), file_format, disposition], check=False, capture_output=True, text=True
        )
    if done.returncode:
        raise RuntimeError(f"dlt failed ({file_format}, {disposition}): {done.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["rows"] != events:
        raise RuntimeError(f"dlt loaded {found['rows']:,} of {events:,} events ({file_format}, {disposition})")
    return found


@contextmanager
def _database(context: Context) -> Iterator[str]:
    context.server.ensure_database("dlt", LOGIN)
    try:
        yield context.server.uri("dlt", LOGIN, "bench").replace("postgres://", "postgresql://")
    finally:
        context.server.drop_database("dlt")


@contextmanager
def _work_folder(context: Context) -> Iterator[Path]:
    work = context.folder / "dlt-work"
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work)
