"""Heeding an API's limit while it still answers, so that nobody runs into a 429."""

from __future__ import annotations

from typing import Any

from postlaunch.sources.base import PATIENCE, wait_of
from postlaunch.sources.budget import Budget

_REMAINING = ("X-Rate-Limit-Remaining", "ratelimit-remaining")


def heed(budget: Budget, headers: Any) -> None:
    """After the last call that the limit allows, nobody calls before it is reset."""
    wait = wait_of(headers) if any(headers.get(name) == "0" for name in _REMAINING) else None
    if wait and wait <= PATIENCE.longest_told_wait:
        budget.pause(wait)
