"""Runs every benchmark, prints a table and writes benchmarks/results.json: a list of {name, value, unit, target, holds}."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import mixpanel
from postlaunch.warehouse.migrate import migrate
from sandbox.ports import free_port
from sandbox.postgres import PostgresServer

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """One throw-away PostgreSQL, every benchmark against it."""
    with tempfile.TemporaryDirectory(prefix="postlaunch-bench-") as folder:
        Path(folder).chmod(0o755)  # the server runs under another account if we are root
        server = PostgresServer(Path(folder) / "data", free_port(), "bench")
        server.start()
        try:
            server.ensure_login("postlaunch", "bench", createrole=True)
            server.ensure_database("warehouse", "postlaunch")
            os.environ["AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"] = f"postgres://postlaunch:bench@127.0.0.1:{server.port}/warehouse"
            os.environ["POSTLAUNCH_LANDING"] = f"{folder}/landing"
            migrate()
            figures = mixpanel.run(Path(folder), server)
        finally:
            server.stop()
    table = Table("benchmark", "value", "target", "")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:,.2f} {figure.unit}",
            figure.target,
            "" if figure.holds is None else "ok" if figure.holds else "missed",
        )
    Console().print(table)
    RESULTS.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
