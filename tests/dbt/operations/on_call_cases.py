"""Duties of two escalation policies that overlap, leave gaps or never end, and pages to people; minute by minute in plain Python."""

from __future__ import annotations

import datetime as dt
import random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Entity, Place

PLACE = Place("rota", ZoneInfo("Europe/Berlin"))
LAUNCH_DATE, FIRST, LAST = dt.date(2026, 3, 23), dt.date(2026, 3, 23), dt.date(2026, 4, 8)  # summer time begins on March 29
UNSEEN = dt.date(2026, 4, 2)
MINUTE = dt.timedelta(minutes=1)
PAGERDUTY = {
    "coverage": [
        {"to_day": 8, "hours": "always"},
        {"from_day": 9, "to_day": 12, "hours": {"mon-sun": "22:00-06:00"}},
        {"from_day": 13, "hours": {"mon-fri": "09:00-17:30"}},
    ]
}
POLICIES = ("E1", "E2")


class Duty(NamedTuple):
    """A person on a level of a policy; None is open."""

    policy: str
    level: int
    person: str
    start: dt.datetime | None
    end: dt.datetime | None


class Page(NamedTuple):
    """A notification of a person of an incident."""

    incident: str
    person: str
    at: dt.datetime


def _duties() -> list[Duty]:
    chance, start = random.Random(5), PLACE.midnight(FIRST).astimezone(dt.UTC)
    found = [Duty("E1", 3, "U9", None, None)]
    for _ in range(60):
        begin = start + MINUTE * chance.randrange(-2000, 17 * 1440)
        level = chance.choice([1, 1, 2])
        found.append(Duty(chance.choice(POLICIES), level, f"U{chance.randrange(5)}", begin, begin + MINUTE * chance.randrange(1, 900)))
    return found


def _pages() -> list[Page]:
    chance, start = random.Random(6), PLACE.midnight(FIRST).astimezone(dt.UTC)
    return [
        Page(f"I{chance.randrange(60)}", f"U{chance.randrange(6)}", start + dt.timedelta(seconds=chance.randrange(16 * 86_400)))
        for _ in range(150)
    ]


DUTIES, PAGES = _duties(), _pages()


def promised_minutes(date: dt.date) -> list[dt.datetime]:
    """The minutes, in UTC, that the launch file promises on a date."""
    day = (date - LAUNCH_DATE).days
    if day <= 8:
        start, end = dt.datetime.combine(date, dt.time()), dt.datetime.combine(date + dt.timedelta(days=1), dt.time())
    elif day <= 12:
        start, end = dt.datetime.combine(date, dt.time(22)), dt.datetime.combine(date + dt.timedelta(days=1), dt.time(6))
    elif date.weekday() < 5:
        start, end = dt.datetime.combine(date, dt.time(9)), dt.datetime.combine(date, dt.time(17, 30))
    else:
        return []
    moment, stop = (each.replace(tzinfo=PLACE.zone).astimezone(dt.UTC) for each in (start, end))
    found = []
    while moment < stop:
        found.append(moment)
        moment += MINUTE
    return found


def is_covered(policy: str, minute: dt.datetime) -> bool:
    """Somebody is on level 1 of the policy."""
    return any(
        duty.policy == policy
        and duty.level == 1
        and (duty.start is None or duty.start <= minute)
        and (duty.end is None or minute < duty.end)
        for duty in DUTIES
    )


def duty_entities() -> list[Entity]:
    """As GET /oncalls gives them, with the id that the extraction makes."""
    return [
        Entity(
            f"{duty.policy}/{duty.level}/{number}",
            duty.start,
            {
                "escalation_policy": {"id": duty.policy},
                "escalation_level": duty.level,
                "user": {"id": duty.person},
                "start": duty.start and duty.start.isoformat(),
                "end": duty.end and duty.end.isoformat(),
            },
        )
        for number, duty in enumerate(DUTIES)
    ]


def page_entities() -> list[Entity]:
    """As GET /log_entries gives them."""
    return [
        Entity(f"L{number}", page.at, {"type": "notify_log_entry", "incident": {"id": page.incident}, "user": {"id": page.person}})
        for number, page in enumerate(PAGES)
    ]


def service_entities() -> list[Entity]:
    """As GET /services gives them."""
    return [
        Entity(f"S{number}", PLACE.midnight(FIRST), {"id": f"S{number}", "name": "API", "escalation_policy": {"id": policy}})
        for number, policy in enumerate(POLICIES)
    ]
