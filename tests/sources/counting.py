"""A budget that counts."""

from __future__ import annotations


class CountingBudget:
    """Counts the calls, and remembers what it was told to wait."""

    def __init__(self) -> None:
        """Nothing was called yet."""
        self.calls = 0
        self.pauses: list[float] = []

    def take(self) -> None:
        """One more call."""
        self.calls += 1

    def pause(self, seconds: float) -> float:
        """One more wait."""
        self.pauses.append(seconds)
        return seconds
