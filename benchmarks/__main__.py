"""Runs the benchmarks against one throw-away PostgreSQL, prints a table and writes benchmarks/results.json.

    python -m benchmarks                     every benchmark at full size
    python -m benchmarks --quick             smaller sizes, under ten minutes
    python -m benchmarks --only zendesk      one of them; the others' figures stay in results.json

One that fails does not hide the figures of the others: they are printed and written, and the exit code is 1. A missed target is shown as
missed; with --strict it makes the exit code 1 too.
"""

from __future__ import annotations

import importlib
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.context import Context
from benchmarks.figure import Figure
from sandbox.ports import free_port
from sandbox.postgres import PostgresServer

RESULTS = Path(__file__).with_name("results.json")
BENCHMARKS = ("mixpanel", "dlt_peer", "reload", "zendesk", "pagerduty", "prometheus", "night", "models", "duckdb_peer")

console = Console()


def main(
    quick: Annotated[bool, typer.Option(help="Smaller sizes, under ten minutes.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(BENCHMARKS)}; may be repeated.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit code 1 if a target is missed.")] = False,
    results: Annotated[Path, typer.Option(help="Where the figures are written.")] = RESULTS,
) -> None:
    """Measure, print, write."""
    chosen = only or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: no such benchmark; there are {', '.join(BENCHMARKS)}", param_hint="--only")
    figures, failures = _measure(chosen, is_quick=quick)
    console.print(_table(figures))
    _write(results, figures, is_whole=not only)
    for name, error in failures.items():
        console.print(f"{name} failed: {error}", style="red", markup=False)
    is_missed = strict and any(figure.holds is False for figure in figures)
    if failures or is_missed:
        raise typer.Exit(1)


def _measure(names: list[str], *, is_quick: bool) -> tuple[list[Figure], dict[str, Exception]]:
    figures: list[Figure] = []
    failures: dict[str, Exception] = {}
    with tempfile.TemporaryDirectory(prefix="postlaunch-bench-") as folder, console.status("starting PostgreSQL") as status:
        Path(folder).chmod(0o755)  # the server runs under another account if we are root
        server = PostgresServer(Path(folder) / "data", free_port(), "bench")
        server.start()
        try:
            context = Context(Path(folder), server, is_quick, status.update, lambda text: console.print(text, markup=False))
            context.make_template()
            for name in names:
                status.update(name)
                started = time.monotonic()
                try:
                    figures += importlib.import_module(f"benchmarks.{name}").run(context)
                except Exception as error:  # noqa: BLE001  the figures of the others are worth having
                    failures[name] = error
                console.print(f"{name}: {'failed' if name in failures else 'done'} in {time.monotonic() - started:.0f} s")
        finally:
            server.stop()
    return figures, failures


def _table(figures: list[Figure]) -> Table:
    table = Table("benchmark", "value", "unit", "target", "")
    table.columns[1].justify = "right"
    words = {None: "", True: "[green]ok[/]", False: "[red]missed[/]"}
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.2f}", figure.unit, figure.target, words[figure.holds])
    return table


def _write(target: Path, figures: list[Figure], *, is_whole: bool) -> None:
    """Write all figures; a run of some benchmarks alone replaces only its own."""
    found: list[dict[str, Any]] = [asdict(figure) for figure in figures]
    if not is_whole and target.exists():
        names = {figure.name for figure in figures}
        found = [each for each in json.loads(target.read_text(encoding="utf-8")) if each["name"] not in names] + found
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
