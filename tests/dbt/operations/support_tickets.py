"""Random lives of tickets, what Zendesk exports of them, and what their clocks read, by Zendesk's definitions of its metrics.

    Ticket.steps ──> exported()   tickets, metric events and ticket events as the API gives them at the moment of a pull
              └────> clocks()     a plain walk through the steps: nothing of the exports, nothing of the product

A step is one update: several may share a second, and then happen in their order. Statuses as in Zendesk: a customer's comment opens a
ticket that is pending, on hold or solved; an update may bear a public reply and a status together.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from tests.dbt.operations.support_desks import FIRST, LAST, PRIORITIES, Desk

WAITING, WORKED, UNSOLVED = ("new", "open", "hold"), ("new", "open"), ("new", "open", "pending", "hold")
RUNS_IN = {
    "requester_wait": WAITING,
    "agent_work": WORKED,
    "resolution": UNSOLVED,
    "pausable_update": WAITING,
    "periodic_update": UNSOLVED,
    "first_reply": UNSOLVED,
    "next_reply": UNSOLVED,
}
ADDS_UP = ("requester_wait", "agent_work", "resolution")


class Step(NamedTuple):
    """One update at an epoch second; `status` after it; None: unchanged."""

    at: int
    status: str
    priority: str | None
    is_reply: bool = False
    is_request: bool = False  # a customer's comment


@dataclass(frozen=True)
class Ticket:
    """A life, and how much of it is told: the status clocks that the export has, and whether ticket events are there."""

    id: int
    steps: tuple[Step, ...]
    fate: str  # kept, deleted or merged
    told: frozenset[str]
    has_events: bool
    renumbers: bool  # a reopening starts a new instance of the status clocks; else the old one goes on

    def until(self, end: float) -> Ticket:
        """What had happened before a moment."""
        return replace(self, steps=tuple(step for step in self.steps if step.at < end))

    @property
    def is_gone(self) -> bool:
        """Deleted or merged, which is the last step of such a life."""
        return self.fate != "kept" and self.steps[-1].status in ("deleted", "merged")


class Clock(NamedTuple):
    """A clock as it reads at a moment; seconds of support hours and around the clock."""

    metric: str
    instance: int
    started_at: int
    ended_at: int | None
    is_paused: bool
    business_seconds: float
    calendar_seconds: float


def random_tickets(desk: Desk, seed: int, count: int) -> list[Ticket]:
    """Lives that begin within the period and may go on after it."""
    chance = random.Random(seed)
    start, end = int(desk.place.midnight(FIRST).timestamp()), desk.day_end(LAST)
    return [_random_ticket(desk, chance, 90 + number, chance.randrange(start, end)) for number in range(count)]


def _random_ticket(desk: Desk, chance: random.Random, number: int, created_at: int) -> Ticket:
    renumbers = chance.random() < 0.5
    fate = chance.choices(["kept", "deleted", "merged"], [0.92, 0.04, 0.04])[0]
    steps = [Step(created_at, chance.choice(["new", "new", "open"]), chance.choice([*PRIORITIES, *PRIORITIES, None]), is_request=True)]
    for _ in range(chance.choice([0, 1, 2, 2, 3, 4, 5, 7, 10])):
        last = steps[-1]
        if last.status == "closed":
            break
        wait = round(chance.choice([0, 1, 1, chance.expovariate(1 / 900), chance.expovariate(1 / 20_000), chance.expovariate(1 / 150_000)]))
        if last.status == "solved" and not renumbers:
            wait = max(wait, 1)  # within one second only a new instance tells that the ticket came back
        steps.append(_random_step(chance, last, last.at + wait))
    if fate != "kept":
        steps.append(Step(steps[-1].at + chance.randrange(1, 90_000), fate, steps[-1].priority))
    needed = {metric for metric in ("requester_wait", "agent_work") if metric in desk.metrics}
    told = needed | {clock for clock in ("requester_wait", "agent_work", "resolution") if chance.random() < 0.5}
    changes_priority = len({step.priority for step in steps}) > 1
    return Ticket(
        id=number,
        steps=tuple(steps),
        fate=fate,
        told=frozenset(told),
        has_events=changes_priority or not told or chance.random() < 0.4,
        renumbers=renumbers,
    )


def _random_step(chance: random.Random, last: Step, at: int) -> Step:
    if chance.random() < 0.15:
        return Step(at, last.status, chance.choice([*PRIORITIES, None]))
    if last.status == "solved":
        kind = chance.choice(["comes back", "comes back", "closed", "open"])
        return Step(at, "open" if kind == "comes back" else kind, last.priority, is_request=kind == "comes back")
    kind = chance.choice(["request", "reply", "reply", "status", "status", "solve"])
    if kind == "request":
        return Step(at, "new" if last.status == "new" else "open", last.priority, is_request=True)
    if kind == "reply":
        return Step(at, chance.choice([last.status, "open", "pending", "hold", "solved"]), last.priority, is_reply=True)
    return Step(at, "solved" if kind == "solve" else chance.choice(["open", "pending", "hold"]), last.priority)


def priority_at(ticket: Ticket, moment: float, *, includes: bool) -> str:
    """The priority before a moment, or at the end of its second."""
    found = [step.priority for step in ticket.steps if step.at < moment or (includes and step.at == moment)]
    return found[-1] or "none"


def clocks(desk: Desk, ticket: Ticket, end: float) -> Iterator[Clock]:
    """Every clock that started before a moment, as it reads then."""
    steps = ticket.until(end).steps
    for metric in {"first_reply", "resolution", *desk.metrics}:
        for instance, (first, last) in enumerate(_spans(metric, steps), start=2 if metric == "next_reply" else 1):
            yield _read(desk, metric, instance, steps[first:], None if last is None else last - first, end)


def _spans(metric: str, steps: tuple[Step, ...]) -> Iterator[tuple[int, int | None]]:
    """The steps with which the clocks of a metric begin and end, by position."""
    if metric in ADDS_UP:
        if steps:
            yield 0, None
        return
    start: int | None = None
    had_first = False
    for position, step in enumerate(steps):
        is_over = step.status in ("solved", "closed")
        if metric == "first_reply" and position == 0:
            start = 0
        if start is not None and (step.is_reply or is_over):
            yield start, position
            start = None
        if metric == "next_reply" and had_first and start is None and step.is_request and not is_over:
            start = position
        if metric.endswith("update") and step.is_reply and not is_over:
            start = position
        had_first = had_first or step.is_reply or is_over
    if start is not None:
        yield start, None


def _read(desk: Desk, metric: str, instance: int, steps: tuple[Step, ...], last: int | None, end: float) -> Clock:
    """Add up the time between steps in which the clock runs."""
    business = calendar = 0.0
    ended_at: int | None = None
    lasting = steps if last is None else steps[:last]
    for position, step in enumerate(lasting):
        until = steps[position + 1].at if position + 1 < len(steps) else end
        if step.status in RUNS_IN[metric]:
            business += desk.open_seconds(step.at, until)
            calendar += until - step.at
    now = lasting[-1].status
    if last is not None:
        ended_at = steps[last].at
    elif now in ("solved", "closed"):
        ended_at = _solved_at(steps)
    is_paused = ended_at is None and now not in RUNS_IN[metric]
    return Clock(metric, instance, steps[0].at, ended_at, is_paused, business, calendar)


def _solved_at(steps: tuple[Step, ...]) -> int:
    """When a solved ticket was solved: the first step of those that leave it solved."""
    at = steps[-1].at
    for step in reversed(steps):
        if step.status not in ("solved", "closed"):
            break
        at = step.at
    return at
