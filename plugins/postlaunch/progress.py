"""How long work tells how far it is: a bar on a terminal, a line in Airflow's log, nothing in a test."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]  # (what is being done, how many so far, of how many if known)


def silent(message: str, completed: int, total: int | None) -> None:
    """Report to nobody."""
