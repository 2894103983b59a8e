"""Breaches and pages that were planted minute by minute, with what each must count as: an exact confusion table.

One alert: above 80 for five minutes, paged within five more. An hour of the first date holds one case each; `Case.breaches` are its minutes
above 80, both ends inclusive, `pages` are (first, last minute) of its incidents, from trigger to resolution.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.dbt.operations.incident_cases import Incident
from tests.dbt.operations.raw_rows import Place, Sample

PLACE = Place("paged_or_not", ZoneInfo("UTC"))
LAUNCH_DATE = dt.date(2026, 3, 1)
DATES = [LAUNCH_DATE, LAUNCH_DATE + dt.timedelta(days=1)]  # of the second one no incident is loaded
FILE = {
    "date": LAUNCH_DATE,
    "timezone": "UTC",
    "pagerduty": {},
    "prometheus": {"step_seconds": 60, "resources": [{"id": "load", "name": "Load", "query": "load", "unit": "count", "trigger": 90}]},
    "alerts": [{"id": "load", "resource": "load", "above": 80, "minutes": 5, "page": "on-call", "message": "Too much"}],
}
Minutes = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """What happens in an hour, and what it counts as: outcomes of its episodes, then of its incidents without one."""

    breaches: tuple[Minutes, ...] = ()
    pages: tuple[Minutes, ...] = ()
    unseen: Minutes | None = None
    episodes: tuple[tuple[str, int | None], ...] = ()  # outcome, number of the incident that answered
    others: tuple[tuple[str, int], ...] = ()  # outcome, number of the incident


# it fires at minute 25; until minute 30 a page is in time
CASES: tuple[Case, ...] = (
    Case(),
    Case(((20, 40),), ((27, 50),), episodes=(("caught", 0),)),
    Case(((20, 40),), ((19, 50),), episodes=(("caught", 0),)),  # within a step before the first point
    Case(((20, 40),), ((30, 50),), episodes=(("caught", 0),)),
    Case(((20, 40),), ((31, 50),), episodes=(("late", 0),)),
    Case(((20, 40),), episodes=(("missed", None),)),
    Case(
        ((20, 40),),
        (
            (28, 50),
            (35, 50),
        ),
        episodes=(("caught", 0),),
    ),  # the second one is of the same breach
    Case(
        (
            (5, 12),
            (30, 40),
        ),
        ((8, 50),),
        episodes=(
            ("caught", 0),
            ("caught", 0),
        ),
    ),  # still at it when it comes back
    Case(
        (
            (5, 12),
            (30, 40),
        ),
        ((8, 20),),
        episodes=(
            ("caught", 0),
            ("missed", None),
        ),
    ),
    Case(
        (
            (5, 12),
            (30, 40),
        ),
        (
            (8, 50),
            (38, 50),
        ),
        episodes=(
            ("caught", 0),
            ("caught", 1),
        ),
    ),
    Case(((20, 40),), ((5, 10),), episodes=(("missed", None),), others=(("false", 0),)),
    Case(
        ((20, 40),), ((47, 50),), episodes=(("missed", None),), others=(("false", 0),)
    ),  # six minutes after the point at which it was over
    Case(pages=((20, 30),), others=(("false", 0),)),
    Case(((20, 23),), ((21, 30),), others=(("false", 0),)),  # beyond the bound, but not for long enough
    Case(pages=((20, 30),), unseen=(10, 40), others=(("unknown", 0),)),
    Case(
        (
            (20, 22),
            (40, 42),
        ),
        ((30, 50),),
        unseen=(23, 39),
        episodes=(("unknown", 0),),
        others=(("unknown", 0),),
    ),
)


def samples() -> list[Sample]:
    """Every minute of the first date; on the second one the load is high all morning."""
    start = PLACE.midnight(DATES[0])
    found = []
    for minute in range(2 * 1440):
        hour, rest = divmod(minute, 60)
        case = CASES[hour] if hour < len(CASES) else Case()
        if case.unseen is not None and case.unseen[0] <= rest <= case.unseen[1]:
            continue
        is_high = any(first <= rest <= last for first, last in case.breaches) or 30 <= hour < 36
        found.append(Sample("load.resource", (("instance", "one"),), start + dt.timedelta(minutes=minute), 95.0 if is_high else 40.0))
    return found


def at(hour: int, minute: int) -> dt.datetime:
    """A minute of the first date."""
    return PLACE.midnight(DATES[0]) + dt.timedelta(hours=hour, minutes=minute)


def incidents() -> list[Incident]:
    """The planted pages, `P<hour>-<number>`."""
    return [
        Incident(f"P{hour}-{number}", None, [(at(hour, first), "trigger"), (at(hour, last), "resolve")])
        for hour, case in enumerate(CASES)
        for number, (first, last) in enumerate(case.pages)
    ]


def expected() -> list[tuple[str, str, dt.datetime, str | None, str]]:
    """(told by, subject, when, incident, outcome) of every row, sorted."""
    rows: list[tuple[str, str, dt.datetime, str | None, str]] = [("alert", "load", at(30, 0), None, "unknown")]
    for hour, case in enumerate(CASES):
        starts = [first for first, _ in case.breaches]
        for first, (outcome, number) in zip(starts, case.episodes, strict=False):
            rows.append(("alert", "load", at(hour, first), None if number is None else f"P{hour}-{number}", outcome))
        for outcome, number in case.others:
            incident = f"P{hour}-{number}"
            rows.append(("page", incident, at(hour, case.pages[number][0]), incident, outcome))
    return sorted(rows, key=str)
