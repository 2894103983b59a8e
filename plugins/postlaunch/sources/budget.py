"""How many calls an API takes: what a connector asks before each call, whoever counts them.

The warehouse counts for all tasks of an installation together (`sources/call_budget.py`); a test counts nothing (`UNLIMITED`).
"""

from __future__ import annotations

from typing import Protocol


class Budget(Protocol):
    """The calls that one account of one API has left, shared by everybody who calls it."""

    def take(self) -> None:
        """Wait for the next call that the limits allow, and count it."""

    def pause(self, seconds: float) -> float:
        """The API said to wait: nobody calls it before `seconds` have passed. Returns how long the caller itself has to sleep."""


class _Unlimited:
    """Counts nothing."""

    def take(self) -> None:
        """Never waits."""

    def pause(self, seconds: float) -> float:
        """Remembers nothing: the caller sleeps."""
        return seconds


UNLIMITED: Budget = _Unlimited()
