"""What the four simulated APIs share: the story, the clock, the limits, a count of requests and of refusals."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from sandbox.apis.limits import Limits, Window
from sandbox.story import incidents as story
from sandbox.story.clock import SandboxClock
from sandbox.story.plan import Plan
from sandbox.story.tickets import Ticket, all_tickets
from sandbox.tales import tale
from sandbox.tales.tale import Told

Tales = tuple[Told, ...]


@dataclass
class World:
    """One running sandbox."""

    plan: Plan
    clock: SandboxClock
    limits: Limits
    prometheus_auth: tuple[str, str] | None = None
    tales: Tales = ()
    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def now(self) -> dt.datetime:
        """The present moment of the sandbox, in UTC."""
        return self.clock.now()

    def now_seconds(self) -> float:
        """The present moment as epoch seconds."""
        return self.now().timestamp()

    def incidents(self) -> list[story.Incident]:
        """The incidents of the story and its tales that exist at the clock, oldest first."""
        now = self.now_seconds()
        found = [*story.incidents(self.plan, self.plan.day_of(now)), *(each for told in self.tales for each in tale.incidents(told))]
        return sorted((each for each in found if each.created_at <= now), key=lambda each: (each.created_at, each.number))

    @property
    def services(self) -> dict[str, str]:
        """PagerDuty's services by id."""
        told = {service for each in self.tales for service in each.tale.services}
        return story.SERVICES | {service: name for service, name in story.TALE_SERVICES.items() if service in told}

    @property
    def priorities(self) -> list[str]:
        """PagerDuty's priorities by name."""
        told = {trouble.severity for each in self.tales for trouble in each.tale.troubles}
        return [*story.PRIORITIES, *(name for name in story.TALE_PRIORITIES if name in told)]

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


def tickets(plan: Plan, tales: Tales, now: float) -> list[Ticket]:
    """Every ticket of the story and its tales created up to a moment."""
    return [*all_tickets(plan, now), *(ticket for told in tales for ticket in tale.tickets(told, now))]
