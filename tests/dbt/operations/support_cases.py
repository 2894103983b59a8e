"""Tickets of three launches, and what business time they used up, counted minute by minute on the wall clocks of their zones.

Among them are both changes of the clock, a night shift, holidays, hours that change with the age of the launch, a desk that never closes.
"""

from __future__ import annotations

import datetime as dt
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Entity, Place

MINUTE = dt.timedelta(minutes=1)
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
TARGETS = {"urgent": (3600, 14400), "high": (14400, 86400), "normal": (43200, 259200), "low": (86400, 604800)}  # first reply, resolution


@dataclass(frozen=True)
class Ticket:
    """A ticket's whole life. `changes` are its solutions (True) and reopenings (False) in turn; `is_told`: the metric events tell them."""

    id: str
    priority: str | None
    is_deleted: bool
    is_told: bool
    created_at: dt.datetime
    replied_at: dt.datetime | None
    changes: tuple[tuple[dt.datetime, bool], ...]

    @property
    def status(self) -> str:
        """What the export says long after the end of the data."""
        if self.is_deleted:
            return "deleted"
        return "closed" if self.changes and self.changes[-1][1] else "open"

    def known_changes(self, data_end: dt.datetime) -> list[tuple[dt.datetime, bool]]:
        """Without metric events only a last solution that still stands is known."""
        known = self.changes if self.is_told else [change for change in self.changes[-1:] if change[1]]
        return [change for change in known if change[0] < data_end]

    def solved_at(self, moment: dt.datetime, data_end: dt.datetime) -> dt.datetime | None:
        """The solution that stands at a moment, by what is known at the end of the data."""
        before = [change for change in self.known_changes(data_end) if change[0] < moment]
        return before[-1][0] if before and before[-1][1] else None


@dataclass(frozen=True)
class SupportCase:
    """A launch with its tickets. `is_open(local wall clock, launch day)` is the plan, written without the product's code."""

    place: Place
    launch_date: dt.date
    first: dt.date
    last: dt.date
    zendesk: dict[str, Any]
    is_open: Callable[[dt.datetime, dt.date], bool]
    seed: int
    tickets: list[Ticket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tickets.extend(_tickets(self))

    @property
    def data_end(self) -> dt.datetime:
        return self.place.midnight(self.last + dt.timedelta(days=1))

    @cached_property
    def _open_seconds(self) -> tuple[list[float], list[int], list[bool]]:
        """For each minute of the period: when it begins (epoch), open seconds before it, and whether the desk is open in it."""
        moment, end = self.place.midnight(self.first).astimezone(dt.UTC), self.data_end.astimezone(dt.UTC)
        starts, before, is_open, total = [], [], [], 0
        while moment <= end:
            wall_clock = moment.astimezone(self.place.zone).replace(tzinfo=None)
            starts.append(moment.timestamp())
            before.append(total)
            is_open.append(self.is_open(wall_clock, self.launch_date))
            total += 60 * is_open[-1]
            moment += MINUTE
        return starts, before, is_open

    def business_seconds(self, start: dt.datetime, end: dt.datetime) -> float:
        """Open seconds between two moments of the period."""
        return self._open_until(end) - self._open_until(start)

    def _open_until(self, moment: dt.datetime) -> float:
        starts, before, is_open = self._open_seconds
        index = bisect_right(starts, moment.timestamp()) - 1
        return before[index] + is_open[index] * (moment.timestamp() - starts[index])


def _tickets(case: SupportCase) -> list[Ticket]:
    chance = random.Random(case.seed)
    start = case.place.midnight(case.first).astimezone(dt.UTC)
    span = (case.data_end - start).total_seconds()
    tickets = []
    for number in range(150):
        created = start + dt.timedelta(seconds=chance.randrange(int(span)))
        reply = created + dt.timedelta(seconds=round(chance.expovariate(1 / 30_000)))
        changes, moment = [], created
        for index in range(chance.choice([0, 1, 1, 1, 2, 3, 4])):
            moment += dt.timedelta(seconds=1 + round(chance.expovariate(1 / 150_000)))
            changes.append((moment, index % 2 == 0))
        tickets.append(
            Ticket(
                id=f"{number}",
                priority=chance.choice([*TARGETS, None]),
                is_deleted=chance.random() < 0.1,
                is_told=chance.random() < 0.6,
                created_at=created,
                replied_at=None if chance.random() < 0.2 else reply,
                changes=tuple(changes),
            )
        )
    return tickets


def ticket_entities(tickets: list[Ticket]) -> list[Entity]:
    """As /incremental/tickets with metric sets gives them, long after the end of the data."""
    entities = []
    for ticket in tickets:
        solutions = [moment for moment, is_solution in ticket.changes if is_solution]
        record = {
            "id": int(ticket.id),
            "status": ticket.status,
            "priority": ticket.priority,
            "subject": "personal data",
            "metric_set": {"solved_at": _iso(solutions[-1] if solutions else None), "reopens": 0},
        }
        entities.append(Entity(ticket.id, ticket.created_at, record))
    return entities


def metric_event_entities(tickets: list[Ticket]) -> list[Entity]:
    """As /incremental/ticket_metric_events gives them, with a second reply and another metric that must not count."""
    events = []
    for ticket in tickets:
        moments = [("reply_time", 1, "activate", ticket.created_at), ("requester_wait_time", 1, "activate", ticket.created_at)]
        if ticket.replied_at:
            later = ticket.replied_at + dt.timedelta(minutes=7)
            moments += [
                ("reply_time", 1, "fulfill", ticket.replied_at),
                ("reply_time", 2, "activate", later),
                ("reply_time", 2, "fulfill", later),
            ]
        if ticket.is_told:
            moments += [("resolution_time", 1, "activate", ticket.created_at), ("resolution_time", 1, "apply_sla", ticket.created_at)]
            for number, (moment, is_solution) in enumerate(ticket.changes, start=1):
                moments.append(("resolution_time", number // 2 + 1, "fulfill" if is_solution else "activate", moment))
        for number, (metric, instance, kind, moment) in enumerate(moments):
            record = {"ticket_id": int(ticket.id), "metric": metric, "instance_id": instance, "type": kind, "time": _iso(moment)}
            events.append(Entity(f"{ticket.id}-{number}", moment, record))
    return events


def _iso(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _sla() -> list[dict[str, Any]]:
    return [
        {"priority": priority, "first_reply_minutes": reply / 60, "resolution_minutes": resolution / 60}
        for priority, (reply, resolution) in TARGETS.items()
    ]


def _is_open_in_new_york(clock: dt.datetime, launch_date: dt.date) -> bool:
    age, weekend = (clock.date() - launch_date).days, clock.weekday() >= 5
    if clock.date() == dt.date(2026, 3, 9):
        return False
    if age <= 13:
        return True
    if age <= 29:
        return 10 <= clock.hour < 18 if weekend else 8 <= clock.hour < 22
    return not weekend and 8 <= clock.hour < 18


def _is_open_in_sydney(clock: dt.datetime, launch_date: dt.date) -> bool:
    """24 hours on two days and from day 14; between them nights, 22:00 to 06:00, that begin on any day but Saturday and Good Friday."""
    evening = clock.date() if clock.hour >= 22 else clock.date() - dt.timedelta(days=1)
    if clock.date() < dt.date(2026, 3, 25) or clock.date() >= dt.date(2026, 4, 6):
        return True
    if evening < dt.date(2026, 3, 25):
        return False
    return (clock.hour >= 22 or clock.hour < 6) and evening.weekday() != 5 and evening != dt.date(2026, 4, 3)


NEW_YORK = SupportCase(
    place=Place("new-york", ZoneInfo("America/New_York")),
    launch_date=dt.date(2026, 2, 16),
    first=dt.date(2026, 2, 16),
    last=dt.date(2026, 3, 31),  # summer time begins on March 8
    zendesk={
        "sla": _sla(),
        "holidays": ["2026-03-09"],
        "support_hours": [
            {"to_day": 13, "hours": {day: ["00:00", "24:00"] for day in (*WORKDAYS, "sat", "sun")}},
            {
                "from_day": 14,
                "to_day": 29,
                "hours": {**{day: ["08:00", "22:00"] for day in WORKDAYS}, "sat": ["10:00", "18:00"], "sun": ["10:00", "18:00"]},
            },
            {"from_day": 30, "hours": {day: ["08:00", "18:00"] for day in WORKDAYS}},
        ],
    },
    is_open=_is_open_in_new_york,
    seed=1,
)
SYDNEY = SupportCase(
    place=Place("sydney", ZoneInfo("Australia/Sydney")),
    launch_date=dt.date(2026, 3, 23),
    first=dt.date(2026, 3, 23),
    last=dt.date(2026, 4, 12),  # summer time ends on April 5
    zendesk={
        "sla": _sla(),
        "holidays": ["2026-04-03"],
        "support_hours": [
            {"to_day": 1, "hours": {day: ["00:00", "24:00"] for day in (*WORKDAYS, "sat", "sun")}},
            {"from_day": 2, "to_day": 13, "hours": {day: ["22:00", "06:00"] for day in (*WORKDAYS, "sun")}},
            # the last night reaches into the first day of this phase
            {"from_day": 14, "hours": {day: ["00:00", "24:00"] for day in (*WORKDAYS, "sat", "sun")}},
        ],
    },
    is_open=_is_open_in_sydney,
    seed=2,
)
AROUND_THE_CLOCK = SupportCase(
    place=Place("around-the-clock", ZoneInfo("UTC")),
    launch_date=dt.date(2026, 3, 1),
    first=dt.date(2026, 3, 1),
    last=dt.date(2026, 3, 10),
    zendesk={"sla": _sla()},
    is_open=lambda *_: True,
    seed=3,
)
CASES = (NEW_YORK, SYDNEY, AROUND_THE_CLOCK)
