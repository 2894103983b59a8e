"""A payment app whose payments follow the clock of its town, and incidents that took some of them away; what each cost, counted by hand.

On the last Tuesday, two days after the clocks went forward, an incident of two hours took away exactly 150 payments.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from scipy.stats import t as student

from tests.dbt.event_rows import Event
from tests.dbt.operations.incident_cases import SEVERITIES, Incident
from tests.dbt.operations.raw_rows import Place

PLACE = Place("impacted", ZoneInfo("Europe/Berlin"))
LAUNCH_DATE = FIRST = dt.date(2026, 3, 3)  # a Tuesday; summer time begins on March 29
LAST = dt.date(2026, 4, 1)
UNLOADED = dt.date(2026, 3, 12)  # Mixpanel gave nothing of this date
EVENTS = ("Paid", "Refunded")  # nothing was ever refunded
PAGERDUTY = {"severities": SEVERITIES, "impact": list(EVENTS)}
PLANTED = "planted"
PLANTED_LOSS = 150
DATES = [FIRST + dt.timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
LOADED = [date for date in DATES if date != UNLOADED]


def _at(month: int, day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=PLACE.zone)


@dataclass(frozen=True)
class Case:
    """An incident by the clock of the town; `ended` is None while it is open."""

    id: str
    started: dt.datetime
    ended: dt.datetime | None

    @property
    def incident(self) -> Incident:
        end = [] if self.ended is None else [(self.ended.astimezone(dt.UTC), "resolve")]
        return Incident(self.id, "Critical", [(self.started.astimezone(dt.UTC), "trigger"), *end])


CASES = [
    Case(PLANTED, _at(3, 31, 10), _at(3, 31, 12)),
    Case("first week", _at(3, 5, 10), _at(3, 5, 11)),  # nothing to compare with
    Case("one week", _at(3, 13, 10), _at(3, 13, 11)),
    Case("two weeks", _at(3, 20, 9, 30), _at(3, 20, 9, 40)),  # the week before has an incident, but at another hour
    Case("beside", _at(3, 27, 9, 35), _at(3, 27, 12)),  # the week before, another incident was in these minutes
    Case("beside an unloaded week", _at(3, 26, 12), _at(3, 26, 14)),
    Case("on the unloaded date", _at(3, 12, 10), _at(3, 12, 11)),
    Case("over the night", _at(3, 24, 23), _at(3, 25, 10)),
    Case("a night long", _at(3, 15, 8), _at(3, 16, 1)),
    Case("open", _at(4, 1, 10), None),
]


def payments(seed: int) -> list[Event]:
    """From 9 to 14 by the clock, five times as many on a Tuesday; of those of the planted incident, 150 drawn by lot never came."""
    chance = random.Random(seed)
    came = []
    for date in LOADED:
        for hour in range(9, 14):
            for _ in range(int(chance.gauss(110, 8) if date.weekday() == 1 else chance.gauss(22, 4))):
                moment = dt.datetime.combine(date, dt.time(hour, chance.randrange(60), chance.randrange(60)), PLACE.zone)
                came.append(Event(f"user{chance.randrange(60)}", "Paid", moment.astimezone(dt.UTC)))
    planted = next(case for case in CASES if case.id == PLANTED)
    assert planted.ended is not None
    within = [event for event in came if planted.started <= event.occurred_at < planted.ended]
    lost = set(map(id, chance.sample(within, PLANTED_LOSS)))
    return sorted((event for event in came if id(event) not in lost), key=lambda event: event.occurred_at)


@dataclass(frozen=True)
class Loss:
    """What an incident cost: of events, and of users; each (came, expected, lost, low, high)."""

    weeks: int
    events: tuple[float, ...]
    users: tuple[float, ...]


def loss(case: Case, came: list[Event]) -> Loss | str:
    """By walking through the payments of the same hours by the clock, week by week; or why it cannot be told."""
    if case.ended is None:
        return "open"
    length = case.ended.astimezone(dt.UTC) - case.started.astimezone(dt.UTC)

    def hours(week: int) -> tuple[dt.datetime, dt.datetime]:
        start = (case.started.replace(tzinfo=None) - dt.timedelta(weeks=week)).replace(tzinfo=PLACE.zone).astimezone(dt.UTC)
        return start, start + length

    def is_loaded(start: dt.datetime, end: dt.datetime) -> bool:
        first, last = (moment.astimezone(PLACE.zone).date() for moment in (start, end))
        return all(first + dt.timedelta(days=number) in LOADED for number in range((last - first).days + 1))

    def is_broken(start: dt.datetime, end: dt.datetime) -> bool:
        return any(other.started < end and (other.ended is None or other.ended > start) for other in CASES)

    def counts(start: dt.datetime, end: dt.datetime) -> tuple[int, int]:
        within = [event.distinct_id for event in came if start <= event.occurred_at < end]
        return len(within), len(set(within))

    if not is_loaded(*hours(0)):
        return "no_data"
    compared = [
        counts(*hours(week))
        for week in range(1, 5)
        if hours(week)[0].astimezone(PLACE.zone).date() >= LAUNCH_DATE and is_loaded(*hours(week)) and not is_broken(*hours(week))
    ]
    if len(compared) < 2:
        return "insufficient_data"

    def estimate(number: int) -> tuple[float, ...]:
        observed, before = counts(*hours(0))[number], [each[number] for each in compared]
        expected = statistics.mean(before)
        spread = student.ppf(0.975, len(before) - 1) * (max(statistics.variance(before), expected) * (1 + 1 / len(before))) ** 0.5
        return observed, expected, expected - observed, expected - observed - spread, expected - observed + spread

    return Loss(len(compared), estimate(0), estimate(1))
