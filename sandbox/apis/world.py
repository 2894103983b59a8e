"""What the four simulated APIs share: the story, the clock, the limits, a count of requests and of refusals."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from sandbox.apis.limits import Limits, Window
from sandbox.story.clock import SandboxClock
from sandbox.story.plan import Plan


@dataclass
class World:
    """One running sandbox."""

    plan: Plan
    clock: SandboxClock
    limits: Limits
    prometheus_auth: tuple[str, str] | None = None
    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def now(self) -> dt.datetime:
        """The present moment of the sandbox, in UTC."""
        return self.clock.now()

    def now_seconds(self) -> float:
        """The present moment as epoch seconds."""
        return self.now().timestamp()

    def counting(self, api: str) -> Callable[[Request], None]:
        """A dependency that counts every request to an API."""

        def count(_: Request) -> None:
            self.requests[api] += 1

        return count

    def window(self, api: str, calls: int, seconds: float) -> Window:
        """A limit of an API; what it refuses is counted."""

        def refuse() -> None:
            self.refused[api] += 1

        return Window(calls, seconds, self.limits.timer, refuse)
