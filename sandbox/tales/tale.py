"""What a tale is: a small launch of launches/, told in all its sources, a pure function of the story's seed and launch date.

A `Tale` is the row of a launch; a `Told` is a tale with its launch date. Days are launch days, on the clock of the launch file's zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from sandbox.story.deployments import Deployment, deployment_record
from sandbox.story.incidents import Incident, changes_of
from sandbox.story.plan import HOUR, Floats, Ints, Plan, Record
from sandbox.story.tickets import Ticket
from sandbox.story.troubles import Trouble
from sandbox.tales.signals import Signal

ARRIVES_AFTER_MS = 4_000
TWICE_EVERY = 97  # one delivery in so many comes a second time, five minutes later
EVEN: Floats = np.ones(24)


@dataclass(frozen=True)
class Occurrence:
    """Something that a user did, once; `at` in epoch seconds."""

    at: int
    name: str
    user: str
    properties: Record = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Release:
    """A version that goes live or fails to."""

    day: int
    clock: tuple[int, int]
    result: str = "success"


@dataclass(frozen=True)
class Tale:
    """A launch and what happens to it. `begins`: the day of the story that is its day 0."""

    launch: str
    title: str  # what it is there to show
    begins: int
    zone: str
    project: int
    occurrences: Callable[[Told, int], Sequence[Occurrence]]  # of a launch day, in any order
    brand: int
    tickets: Callable[[Told, int], Sequence[Ticket]]  # opened on a launch day
    services: tuple[str, ...] = ()  # PagerDuty's ids, the first one is what is deployed
    troubles: tuple[Trouble, ...] = ()
    releases: tuple[Release, ...] = ()
    signals: tuple[Signal, ...] = ()
    facts: Callable[[Told, int], dict[str, list[tuple[str, ...]]]] | None = None  # file -> rows, up to a launch day
    first_day: int = -9
    step_seconds: int | None = None  # Prometheus is read so often, in place of what the launch file says


@dataclass(frozen=True)
class Told:
    """A tale on the story's calendar."""

    plan: Plan
    tale: Tale

    @property
    def launch_date(self) -> dt.date:
        """The date of launch day 0."""
        return self.plan.date_of(self.tale.begins)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the launch file."""
        return ZoneInfo(self.tale.zone)

    def date_of(self, day: int) -> dt.date:
        """The date of a launch day."""
        return self.launch_date + dt.timedelta(days=day)

    def day_of(self, moment: float) -> int:
        """The launch day that holds an epoch second."""
        return (dt.datetime.fromtimestamp(moment, self.zone).date() - self.launch_date).days

    def at(self, day: int, hour: int = 0, minute: int = 0) -> int:
        """Epoch second of a wall-clock time on a launch day."""
        return int(dt.datetime.combine(self.date_of(day), dt.time(hour, minute), tzinfo=self.zone).timestamp())

    def rng(self, topic: str, *numbers: int) -> np.random.Generator:
        """An own random stream for a topic and its numbers."""
        return self.plan.rng(f"{self.tale.launch} {topic}", *numbers)

    def moments(self, rng: np.random.Generator, day: int, count: int, weights: Floats = EVEN) -> Ints:
        """`count` epoch seconds of a day, unsorted; `weights` has shape (24,), by hour."""
        hours = rng.choice(24, size=count, p=weights / weights.sum())
        return self.at(day) + hours * HOUR + rng.integers(0, HOUR, size=count)


@lru_cache(maxsize=512)
def occurrences(told: Told, day: int) -> tuple[Occurrence, ...]:
    """What happened on a launch day, by time."""
    if day < told.tale.first_day:
        return ()
    return tuple(sorted(told.tale.occurrences(told, day), key=lambda each: (each.at, each.name, each.user)))


def event_records(told: Told, start: int, end: int, now_ms: int) -> list[Record]:
    """Deliveries of the moments start <= at < end that had arrived at `now_ms`, as Mixpanel exports them; some come twice."""
    found: list[Record] = []
    for day in range(told.day_of(start), told.day_of(end - 1) + 1):
        for number, each in enumerate(occurrences(told, day)):
            if start <= each.at < end:
                arrived = each.at * 1000 + ARRIVES_AFTER_MS
                record: Record = {
                    "time": each.at,
                    "distinct_id": each.user,
                    "$user_id": each.user,
                    "$insert_id": f"{told.tale.launch}{day:+d}-{number:06d}",
                    "mp_processing_time_ms": arrived,
                    **each.properties,
                }
                again = [arrived + 300_000] if number % TWICE_EVERY == 0 else []
                found += [{"event": each.name, "properties": {**record, "mp_processing_time_ms": at}} for at in (arrived, *again)]
    arrivals = sorted(((record["properties"]["mp_processing_time_ms"], number) for number, record in enumerate(found)))
    return [found[number] for at, number in arrivals if at <= now_ms]


def tickets(told: Told, now: float) -> list[Ticket]:
    """The tickets opened up to a moment, oldest first."""
    days = range(told.tale.first_day, told.day_of(now) + 1)
    return [ticket for day in days for ticket in _tickets_of(told, day) if ticket.created_at <= now]


@lru_cache(maxsize=1024)
def _tickets_of(told: Told, day: int) -> tuple[Ticket, ...]:
    return tuple(sorted(told.tale.tickets(told, day), key=lambda ticket: ticket.created_at))


@lru_cache(maxsize=16)
def incidents(told: Told) -> tuple[Incident, ...]:
    """All that PagerDuty will ever tell of the launch, oldest first. Numbers are the project's and a count."""
    first = told.tale.project * 100 + 1
    return tuple(
        Incident(first + number, trouble, changes_of(told.plan, trouble))
        for number, trouble in enumerate(troubles(told))
        if trouble.is_paged
    )


@lru_cache(maxsize=16)
def troubles(told: Told) -> tuple[Trouble, ...]:
    """The tale's troubles on the calendar, oldest first; `day` is that of the story, whose people are on call."""
    timed = []
    for trouble in told.tale.troubles:
        starts_at = told.at(trouble.day, *trouble.clock)
        timed.append(replace(trouble, day=told.plan.day_of(starts_at), starts_at=starts_at))
    return tuple(sorted(timed, key=lambda trouble: trouble.starts_at))


def releases(told: Told, now: float) -> list[Record]:
    """Change events of the releases, and of the hotfixes of troubles, up to a moment."""
    first = told.tale.services[0] if told.tale.services else ""
    shipped = [Deployment(told.at(each.day, *each.clock), first, "", each.result) for each in told.tale.releases]
    for trouble in troubles(told):
        if trouble.hotfix is not None:
            identified = trouble.starts_at + 60 * trouble.page
            shipped.append(Deployment(identified + 60 * trouble.hotfix, trouble.service, "", "success", identified))
    known = sorted((each for each in shipped if each.at <= now), key=lambda each: each.at)
    return [deployment_record(replace(each, version=f"1.{number}.0")) for number, each in enumerate(known, 1)]
