"""Mixpanel events from local HTTP to checked, typed, partitioned rows, against `psql \\copy` of the same lines into one jsonb column.

The floor does none of the work: no HTTP, no landing zone, no checks, no typed columns, no accounting.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import random
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.figure import Figure
from postlaunch.config.launch import Launch
from postlaunch.ingest import ingest
from sandbox.postgres import PostgresServer, program

EVENTS = int(os.environ.get("POSTLAUNCH_BENCH_EVENTS", "300000"))
PROPERTIES = 25
FIRST_DAY = dt.date(2026, 3, 2)
DAYS = 10


def run(folder: Path, server: PostgresServer) -> list[Figure]:
    """Measure both roads over the same events."""
    lines = folder / "events.jsonl"
    write_events(lines)
    floor = EVENTS / _copy_seconds(lines, server)
    with served(lines) as port:
        os.environ["AIRFLOW_CONN_POSTLAUNCH_MIXPANEL"] = f"http://bench:bench@127.0.0.1:{port}"
        started = time.perf_counter()
        result = ingest("mixpanel", _launch(), FIRST_DAY, FIRST_DAY + dt.timedelta(days=DAYS - 1))
        speed = EVENTS / (time.perf_counter() - started)
    if result.loaded != EVENTS:
        raise RuntimeError(f"{result.loaded} of {EVENTS} events were loaded")
    return [
        Figure("psql \\copy into one jsonb column", floor, "rows/s"),
        Figure("mixpanel: HTTP to partitioned rows", speed, "rows/s"),
        Figure("mixpanel against psql \\copy", speed / floor, "ratio"),
        Figure("mixpanel: peak memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"),
    ]


def write_events(target: Path) -> None:
    """EVENTS lines of the raw export, spread over DAYS days, each with PROPERTIES properties."""
    chance = random.Random(7)
    start = int(dt.datetime.combine(FIRST_DAY, dt.time(), tzinfo=dt.UTC).timestamp())
    with target.open("w", encoding="utf-8") as file:
        for number in range(EVENTS):
            moment = start + chance.randrange(DAYS * 86400)
            properties = {
                "time": moment,
                "distinct_id": f"user-{chance.randrange(50_000):06d}",
                "$insert_id": f"{number:016x}",
                "mp_processing_time_ms": moment * 1000 + 4_000,
                **{f"property_{index}": f"value {chance.randrange(1000)}" for index in range(PROPERTIES - 4)},
            }
            file.write(json.dumps({"event": "Task Created", "properties": properties}) + "\n")


def _copy_seconds(lines: Path, server: PostgresServer) -> float:
    psql = [str(program("psql")), "--quiet", "--no-psqlrc", server.uri("warehouse")]
    subprocess.run([*psql, "--command", "create table public.floor (event jsonb)"], check=True)
    started = time.perf_counter()
    copy = f"\\copy public.floor from '{lines}' with (format csv, quote e'\\x01', delimiter e'\\x02')"
    subprocess.run([*psql, "--command", copy], check=True)
    return time.perf_counter() - started


def _launch() -> Launch:
    return Launch.model_validate(
        {
            "launch": "bench",
            "name": "Benchmark",
            "owner": {"name": "Bench", "email": "bench@example.com"},
            "date": FIRST_DAY,
            "timezone": "UTC",
            "mixpanel": {"project_id": 1},
        }
    )


@contextmanager
def served(lines: Path) -> Iterator[int]:
    """The file behind a raw export on loopback; yields the port."""
    body = gzip.compress(lines.read_bytes(), compresslevel=1)

    class Export(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Export)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
