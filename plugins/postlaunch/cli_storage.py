"""`postlaunch storage` and `postlaunch prune`: what is stored, what a year will take, and what is kept no longer."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

console = Console()


def storage(as_json: Annotated[bool, typer.Option("--json", help="As JSON, in bytes.")] = False) -> None:
    """Show bytes by area, source and launch, what a day adds (by the last four weeks), what a year will take, what `prune` would free."""
    from postlaunch.prune import prune as run_prune
    from postlaunch.storage import stored, total

    parts = stored()
    everything = total(parts)
    free = run_prune(dry_run=True)
    if as_json:
        shown = [{**asdict(part), "year_bytes": part.year_bytes} for part in (*parts, everything)]
        freed = {"raw_bytes": free.raw_bytes, "landing_bytes": free.landing_bytes}
        print(json.dumps({"stored": shown[:-1], "total": shown[-1], "prune": freed}, indent=2))  # noqa: T201  for programs, not for a terminal
        return
    table = Table("area", "source", "launch", "now", "a day", "in a year")
    for column in table.columns[3:]:
        column.justify = "right"
    for part in (*parts, everything):
        growth = ("unknown", "unknown") if part.daily_bytes is None else (decimal(part.daily_bytes), decimal(part.year_bytes or 0))
        table.add_row(part.area, part.source, part.launch_id, decimal(part.bytes), *growth, end_section=part is parts[-1])
    console.print(table)
    if everything.daily_bytes is None:
        console.print("unknown: less than a week of history is loaded, which says nothing of a year")
    console.print("postlaunch prune: ", free.summary, sep="", markup=False, soft_wrap=True)


def prune(dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False) -> None:
    """Remove what POSTLAUNCH_RETENTION_RAW_MONTHS and POSTLAUNCH_RETENTION_LANDING_MONTHS keep no longer; what was built stays."""
    from postlaunch.prune import prune as run
    from postlaunch.warehouse.migrate import migrate as ensure_schema

    ensure_schema()
    with console.status("looking at what is old"):
        done = run(dry_run=dry_run)
    console.print(done.summary, markup=False, soft_wrap=True)
