"""What a tale is: a small launch of launches/, told in all its sources, a pure function of the story's seed and launch date.

A `Tale` is the row of a launch; a `Told` is a tale with its launch date. Days are launch days, on the clock of the launch file's zone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from sandbox.story.deployments import Deployment, deployment_record
from sandbox.story.incidents import Incident, changes_of
from sandbox.story.machines import minutes_of
from sandbox.story.plan import DAY, Floats, Plan, Record
from sandbox.story.series import Labels
from sandbox.story.tickets import Ticket
from sandbox.story.troubles import Trouble
from sandbox.tales.calendar import Calendar
from sandbox.tales.signals import Signal

ARRIVES_AFTER_MS = 4_000
TWICE_EVERY = 97  # one delivery in so many comes a second time, five minutes later


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
    tickets: Callable[[Told, int], Sequence[Ticket]] = lambda *_: ()  # opened on a launch day
    services: tuple[str, ...] = ()  # PagerDuty's ids, the first one is what is deployed
    troubles: tuple[Trouble, ...] = ()
    releases: tuple[Release, ...] = ()
    signals: tuple[Signal, ...] = ()
    facts: Callable[[Told, int], dict[str, list[tuple[str, ...]]]] | None = None  # file -> rows, up to a launch day
    first_day: int = -9
    step_seconds: int = 300  # Prometheus is read so often, in place of what the launch file says
    adds_to_story: bool = False  # its project, users and tickets are the story's: it tells what the story lacks
    words: tuple[tuple[str, str], ...] = ()  # of the launch file, and what stands there in place of them


@dataclass(frozen=True)
class Told(Calendar):
    """A tale on the story's calendar."""

    tale: Tale

    @classmethod
    def of(cls, plan: Plan, tale: Tale) -> Told:
        """The tale as a story's plan has it."""
        return cls(plan, tale.launch, tale.begins, tale.zone, tale)


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


@lru_cache(maxsize=128)
def block(told: Told, utc_day: int) -> Floats:
    """The values of all series of a tale on a UTC day, in the order of `labels_of`."""
    parts = [_values(told, signal, utc_day) for signal in told.tale.signals]
    return np.concatenate(parts) if parts else np.empty((0, 1440))


def labels_of(told: Told) -> list[Labels]:
    """The labels of all series of a tale."""
    return [labels for signal in told.tale.signals for labels in signal.labels]


def _values(told: Told, signal: Signal, utc_day: int) -> Floats:
    drawn = grown(told, signal, utc_day)
    return np.cumsum(drawn, axis=1) + _before(told, signal, utc_day)[:, None] if signal.is_counter else drawn


@lru_cache(maxsize=512)
def grown(told: Told, signal: Signal, utc_day: int) -> Floats:
    """Levels, or what the counters grow by, in each minute of a UTC day."""
    number = told.tale.signals.index(signal)
    return signal.draw(told, minutes_of(utc_day), told.rng("signal", number, utc_day))


@lru_cache(maxsize=4096)
def _before(told: Told, signal: Signal, utc_day: int) -> Floats:
    """What counters stood at when a UTC day began: they start two days before the launch's first."""
    if utc_day * DAY < told.at(told.tale.first_day - 2):
        return np.zeros(len(signal.series))
    total: Floats = _before(told, signal, utc_day - 1) + grown(told, signal, utc_day - 1).sum(axis=1)
    return total
