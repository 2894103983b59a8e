"""`postlaunch quarantine ...`: lines that were refused, and loading them again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from postlaunch.config.launch import SOURCES, Source
from postlaunch.config.load import load_launch
from postlaunch.config.settings import load_settings
from postlaunch.errors import WarehouseError

quarantine_cli = typer.Typer(no_args_is_help=True, help="Lines that were refused, and loading them again.")
console = Console()

LaunchFilter = Annotated[str | None, typer.Option("--launch", help="Of this launch alone.")]
SourceFilter = Annotated[Source | None, typer.Option("--source", help=f"Of this source alone: {', '.join(SOURCES)}.")]
ReasonFilter = Annotated[str | None, typer.Option("--reason", help="Only reasons that hold this text.")]


@quarantine_cli.command("list")
def list_groups(launch: LaunchFilter = None, source: SourceFilter = None, reason: ReasonFilter = None) -> None:
    """How many lines are refused, by launch, source, stream and reason."""
    from postlaunch.load.quarantine import Choice, groups

    found = groups(Choice(launch, source, reason))
    if not found:
        console.print("nothing is refused")
        return
    table = Table("launch", "source", "stream", "reason", "lines", "dates", "newest record")
    table.columns[4].justify = "right"
    for group in found:
        dates = f"{group.first_date}" if group.first_date == group.last_date else f"{group.first_date}..{group.last_date}"
        cells = (group.launch_id, group.source, group.stream, group.reason, f"{group.record_count:,}", dates, str(group.newest_id))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)


@quarantine_cli.command("show")
def show(record: Annotated[int, typer.Argument(help="Number of a record, for example from `postlaunch quarantine list`.")]) -> None:
    """One refused line as it came, with its reason and its place in the landing zone."""
    from postlaunch.load.quarantine import record as find

    found = find(record)
    place = f"line {found.line_number:,}" + ("" if found.byte_offset is None else f", byte {found.byte_offset:,} of the unzipped file")
    fields = {
        "record": str(found.record_id),
        "launch": found.launch_id,
        "stream": f"{found.source} {found.stream}" + (f" of {found.partition_date}" if found.partition_date else ""),
        "reason": found.reason,
        "file": found.landing_path,
        "place": place,
        "refused": f"{found.quarantined_at:%Y-%m-%d %H:%M:%S} UTC",
        "line": found.raw_line.decode("utf-8", "backslashreplace"),
    }
    for name, value in fields.items():
        console.print(f"{name:<8} {printable(value)}", markup=False, highlight=False, emoji=False, soft_wrap=True)


@quarantine_cli.command("replay")
def replay(launch: LaunchFilter = None, source: SourceFilter = None, reason: ReasonFilter = None) -> None:
    """Load the pulls of refused lines again, after a fix: what passes now is loaded, the rest stays refused."""
    from postlaunch.landing.zone import Landing
    from postlaunch.load.quarantine import Choice
    from postlaunch.load.quarantine import replay as run
    from postlaunch.warehouse.migrate import migrate as ensure_schema

    ensure_schema()
    settings = load_settings()
    done = run(Choice(launch, source, reason), Landing(settings.landing), lambda name: load_launch(settings.launches, name))
    for each in done:
        console.print(printable(each.summary), markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not done:
        console.print("nothing is refused")
    failed = sum(each.error is not None for each in done)
    if failed:
        raise WarehouseError(f"{failed} of {len(done)} pulls could not be loaded again; the lines above say why")


def printable(text: str) -> str:
    """The text with everything escaped that a terminal would obey instead of show."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
