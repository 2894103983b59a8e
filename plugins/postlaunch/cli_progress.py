"""How far a step of the command line is: a bar on a terminal; elsewhere (cron, CI, `make demo`) a line on stderr, at most one a second."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as rich_progress
from rich.console import Console

from postlaunch.progress import Progress

LINE_SECONDS = 1.0  # between two lines where the output is no terminal
_LINE = re.compile(r"^(?P<message>.+) \((?P<completed>\d+)(?: of (?P<total>\d+))?\)$")


def bars(console: Console) -> rich_progress.Progress:
    """Bars for that console; nothing stays of them, and nothing is shown where it is no terminal."""
    columns = (
        rich_progress.SpinnerColumn(),
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
    )
    return rich_progress.Progress(*columns, console=console, transient=True)


@contextmanager
def progress_of(what: str, console: Console) -> Iterator[Progress]:
    """A bar, or lines, for as long as the block lasts."""
    if not console.is_terminal:
        yield _lines(what)
        return
    with bars(console) as shown:
        task = shown.add_task(what, total=None)

        def report(message: str, completed: int, total: int | None) -> None:
            shown.update(task, description=f"{what}: {message}", completed=completed, total=total)

        yield report


def _lines(what: str) -> Progress:
    written = -LINE_SECONDS

    def report(message: str, completed: int, total: int | None) -> None:
        nonlocal written
        if time.monotonic() - written >= LINE_SECONDS:
            written = time.monotonic()
            of = f" of {total}" if total is not None else ""
            print(f"{what}: {message} ({completed}{of})", file=sys.stderr, flush=True)  # noqa: T201

    return report


def read_line(line: str) -> tuple[str, int, int | None] | None:
    """Message, done and total of a line that `progress_of` wrote; None for any other line."""
    found = _LINE.match(line.rstrip("\n"))
    if found is None:
        return None
    return found["message"], int(found["completed"]), int(found["total"]) if found["total"] else None
