"""The people of a tale: who comes on which day, and what becomes of a ticket that they open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sandbox.story.event_records import GUESTS
from sandbox.story.plan import DAY, HOUR
from sandbox.story.tickets import AGENTS, Ticket
from sandbox.tales.tale import Told


@dataclass(frozen=True)
class Member:
    """A user: `number` counts from 0 over the whole tale."""

    number: int
    joined: int  # launch day

    def name(self, told: Told) -> str:
        """The Mixpanel id."""
        return f"{told.tale.launch}-{self.number:04d}"


@lru_cache(maxsize=64)
def members(joining: tuple[tuple[int, int, int], ...], until: int) -> tuple[Member, ...]:
    """Everybody who joined up to a day. `joining`: (first day, last day, users a day)."""
    days = [day for first, last, count in joining for day in range(first, min(last, until) + 1) for _ in range(count)]
    return tuple(Member(number, day) for number, day in enumerate(sorted(days)))


def ticket(told: Told, day: int, number: int, priority: str, category: str, *, reply: float, solve: float, hour: float = 15) -> Ticket:
    """A ticket that is opened on a day, answered after `reply` hours and solved after `solve` hours (0: not yet) of the clock.

    `number` counts the day's tickets. `category` is its one tag.
    """
    created_at = told.at(day) + int(hour * HOUR) + 60 * number
    solved_at = created_at + int(solve * HOUR)
    return Ticket(
        id=told.tale.project * 100_000 + (day + 100) * 100 + number,
        created_at=created_at,
        brand_id=told.tale.brand,
        priority=priority,
        category=category,
        requester=GUESTS + told.tale.project % 1000 * 1000 + (day + 100) % 500,
        agent=AGENTS[number % len(AGENTS)],
        is_from_trouble=False,
        assigned_at=created_at + 30,
        replied_at=created_at + int(reply * HOUR) if reply else None,
        pending_at=None,
        solved=(solved_at,) if solve else (),
        reopened=(),
        closed_at=solved_at + 4 * DAY if solve else None,
        deleted_at=None,
        rated_at=None,
        is_good=True,
        bumped_at=None,
    )
