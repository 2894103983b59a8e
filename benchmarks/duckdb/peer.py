"""The product and support marts by DuckDB, each step a table made of the query in the file of its name, all at once and from nothing.

    .local/bench-duckdb/bin/python benchmarks/duckdb/peer.py load <folder>         the folder's CSV files into tables (load.sql)
    .local/bench-duckdb/bin/python benchmarks/duckdb/peer.py transform <folder>    the steps; then each table to <step>.json

Stands alone and runs in an environment of its own. `load` leaves a database file, so that `transform` finds its tables on the disk as
PostgreSQL does, and its peak memory is its own. `transform` prints {"seconds": {"product": {step: CPU seconds}, ...}, "peak_mib"} as JSON:
user and system time of all threads, after the imports.

Tried and dearer: raw properties as JSON instead of VARIANT (a fifth), two threads (a tenth). A tenth cheaper, and not the same: a database
in memory alone.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path

import duckdb  # type: ignore[import-not-found]

STEPS = {
    "product": (
        *("covered_dates", "events", "user_days", "active_users_daily", "event_volumes_daily", "retention_cohorts"),
        *("funnel_attempts", "funnel_entries", "funnel_periods", "funnel_daily"),
    ),
    "support": ("tickets", "ticket_daily", "ticket_sla", "ticket_sla_daily", "ticket_clock_daily"),
}
SETTINGS = {"threads": 1}  # PostgreSQL has no parallel workers beside it either
QUERIES = Path(__file__).resolve().parent


def main(action: str, folder: str) -> None:
    """Do one of the two in the folder."""
    os.chdir(folder)
    session = duckdb.connect("warehouse.duckdb", config=SETTINGS)
    session.execute("set timezone = 'UTC'")
    if action == "load":
        session.execute((QUERIES / "load.sql").read_text(encoding="utf-8"))
        return
    seconds = {part: {step: _make(session, step) for step in steps} for part, steps in STEPS.items()}
    peak = int(Path("/proc/self/status").read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) / 1024
    for step in itertools.chain(*STEPS.values()):
        _write(session, step)
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))  # noqa: T201


def _make(session: duckdb.DuckDBPyConnection, step: str) -> float:
    """CPU seconds of a step."""
    query = (QUERIES / f"{step}.sql").read_text(encoding="utf-8")
    before = time.process_time()
    session.execute(f"create or replace table {step} as {query}")
    return time.process_time() - before


def _write(session: duckdb.DuckDBPyConnection, step: str) -> None:
    table = session.table(step)
    Path(f"{step}.json").write_text(json.dumps({"columns": table.columns, "rows": table.fetchall()}, default=str), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
