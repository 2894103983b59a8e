"""Support tickets: who asks, how fast the desk answers, what comes back. Timelines only; ticket_records.py writes them out.

Troubles make bursts, too few agents on days 45-65 make a backlog, and the desk works in its opening hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sandbox.story.people import users_before
from sandbox.story.plan import DAY, FIRST_DAY, HOUR, Plan, hour_weights
from sandbox.story.support_hours import add_business_seconds
from sandbox.story.troubles import troubles

EMR_BRAND, BILLING_BRAND = 360000101, 360000202
PRIORITIES = ("urgent", "high", "normal", "low")
CATEGORIES = ("account_access", "emr_integration", "performance", "data_quality", "how_to", "feature_request")
AGENTS = tuple(380000000000 + number for number in range(1, 7))
FIRST_TICKET = 10_001
FIRST_REPLY_MINUTES = {"urgent": 60, "high": 240, "normal": 1440, "low": 2880}
RESOLUTION_MINUTES = {"urgent": 240, "high": 1440, "normal": 4320, "low": 10080}
SHORT_STAFFED = (45, 65)
_MEDIAN_REPLY_MINUTES = {"urgent": 17, "high": 62, "normal": 330, "low": 640}
_MEDIAN_SOLVE_MINUTES = {"urgent": 75, "high": 330, "normal": 900, "low": 1300}
_ASKING_HOURS = hour_weights(h0_5=0.15, h6_7=1.0, h8_11=3.2, h12_13=2.6, h14_17=3.0, h18_20=1.1, h21_23=0.4)


@dataclass(frozen=True)
class Ticket:
    """A ticket's life in epoch seconds; None: never. `solved` and `reopened` alternate, beginning with `solved`."""

    id: int
    created_at: int
    brand_id: int
    priority: str
    category: str
    requester: int  # user number
    agent: int
    is_from_trouble: bool
    assigned_at: int
    replied_at: int | None
    pending_at: int | None
    solved: tuple[int, ...]
    reopened: tuple[int, ...]
    closed_at: int | None
    deleted_at: int | None
    rated_at: int | None
    is_good: bool
    bumped_at: int | None  # the system touched it: generated_timestamp moves, updated_at does not


@lru_cache(maxsize=2048)
def created_on(plan: Plan, day: int) -> int:
    """How many tickets are opened on a day, troubles included."""
    if day < FIRST_DAY:
        return 0
    return int(_usual_count(plan, day)) + sum(trouble.tickets for trouble in troubles(plan, day) if trouble.day == day)


@lru_cache(maxsize=1024)
def tickets_of(plan: Plan, day: int) -> tuple[Ticket, ...]:
    """The tickets opened on a day, in order of creation; ids count up without gaps from FIRST_TICKET."""
    rng = plan.rng("tickets", day)
    asked = [(int(moment), False) for moment in plan.moments(rng, day, _ASKING_HOURS, _usual_count(plan, day))]
    for trouble in troubles(plan, day):
        if trouble.day == day:
            asked += [(int(trouble.starts_at + wait), True) for wait in np.minimum(rng.gamma(2.0, 1600, trouble.tickets), 6 * HOUR)]
    first = FIRST_TICKET + sum(created_on(plan, earlier) for earlier in range(FIRST_DAY, day))
    return tuple(_live(plan, first + number, day, moment, trouble) for number, (moment, trouble) in enumerate(sorted(asked)))


def all_tickets(plan: Plan, now: float) -> list[Ticket]:
    """Every ticket created up to a moment, oldest first."""
    return [ticket for day in range(FIRST_DAY, plan.day_of(now) + 1) for ticket in tickets_of(plan, day) if ticket.created_at <= now]


def slowness(day: int) -> float:
    """How much longer the desk takes: rises when agents leave, falls as new ones learn."""
    first, last = SHORT_STAFFED
    if not first <= day <= last + 6:
        return 1.0
    return 1.0 + 3.2 * min(1.0, (day - first + 1) / 6, max(0.0, (last + 7 - day) / 8))


def _usual_count(plan: Plan, day: int) -> int:
    week = (1.2, 1.15, 1.1, 1.05, 1.0, 0.4, 0.35)[plan.weekday(day)]
    mean = 0.5 if day < 0 else 5.5 if day <= 13 else 7.5 if day <= 27 else 4.0
    return int(plan.rng("ticket count", day).poisson(mean * week))


def _live(plan: Plan, number: int, day: int, created_at: int, is_from_trouble: bool) -> Ticket:
    """Draw the whole life of one ticket."""
    rng = plan.rng("ticket", number)
    odds = (0.3, 0.55, 0.12, 0.03) if is_from_trouble else (0.05, 0.2, 0.53, 0.22)
    priority = PRIORITIES[int(rng.choice(4, p=odds))]
    category = (
        ("performance", "account_access")[int(rng.integers(2))]
        if is_from_trouble
        else CATEGORIES[int(rng.choice(6, p=(0.25, 0.2, 0.1, 0.12, 0.23, 0.1)))]
    )
    slow = slowness(day)
    reply_after = 60 * _MEDIAN_REPLY_MINUTES[priority] * slow * rng.lognormal(0, 0.75)
    replied_at = add_business_seconds(plan, created_at, max(reply_after, 90))
    solve_after = 60 * _MEDIAN_SOLVE_MINUTES[priority] * (1 + (slow - 1) * 0.7) * rng.lognormal(0, 0.8)
    solved_at = add_business_seconds(plan, replied_at, max(solve_after, 120))
    solved: tuple[int, ...] = (solved_at,)
    reopened: tuple[int, ...] = ()
    if rng.random() < 0.08:
        back_at = solved_at + int(rng.integers(2 * HOUR, 60 * HOUR))
        solved, reopened = (solved_at, add_business_seconds(plan, back_at, float(rng.integers(HOUR, 12 * HOUR)))), (back_at,)
    deleted = rng.random() < 0.02 and not is_from_trouble
    rated = rng.random() < 0.35
    is_bumped = rng.random() < 0.04
    last = solved[-1]
    return Ticket(
        id=number,
        created_at=created_at,
        brand_id=BILLING_BRAND if rng.random() < 0.04 and not is_from_trouble else EMR_BRAND,
        priority=priority,
        category=category,
        requester=int(rng.integers(max(users_before(plan, day), 3))),
        agent=AGENTS[int(rng.integers(3 if slow > 1 else len(AGENTS)))],
        is_from_trouble=is_from_trouble,
        assigned_at=min(created_at + int(rng.integers(30, 1200)), replied_at - 1),
        replied_at=None if deleted else replied_at,
        pending_at=replied_at + 60 if not deleted and solved_at - replied_at > 4 * HOUR and rng.random() < 0.3 else None,
        solved=() if deleted else solved,
        reopened=() if deleted else reopened,
        closed_at=None if deleted else last + 4 * DAY,
        deleted_at=created_at + int(rng.integers(HOUR, 30 * HOUR)) if deleted else None,
        rated_at=last + int(rng.integers(HOUR, 40 * HOUR)) if rated and not deleted else None,
        is_good=bool(rng.random() < (0.62 if slow > 1.5 else 0.9)),
        bumped_at=last + 4 * DAY + int(rng.integers(HOUR, 3 * DAY)) if is_bumped and not deleted else None,
    )
