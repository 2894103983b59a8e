"""Ten support desks in ten zones and what they promise, with a change of hours and minutes in the middle.

Written without the product's code. Among them are both changes of the clock, half an hour of summer time, the southern hemisphere, nights,
holidays, hours that change with the age of the launch, and desks that never close.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Place

QUARTER = dt.timedelta(minutes=15)  # every opening, closing and change of a clock here lies on one
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAYS = WEEK[:5]
FIRST, LAST = dt.date(2026, 2, 23), dt.date(2026, 4, 19)
CHANGED_AT = dt.datetime(2026, 3, 23, 10, tzinfo=dt.UTC)  # when the launch files change
PRIORITIES = ("urgent", "high", "normal", "low")
BASE_MINUTES = {
    "first_reply": (60, 240, 720, 1440),
    "next_reply": (30, 120, 480, 960),
    "requester_wait": (240, 900, 2880, 4320),
    "agent_work": (180, 720, 1440, 2880),
    "pausable_update": (120, 480, 1440, 2880),
    "periodic_update": (240, 960, 2880, 4320),
    "resolution": (480, 1440, 4320, 7200),
}


def days(hours: tuple[str, str], *names: str) -> dict[str, list[str]]:
    """A week plan."""
    return {name: list(hours) for name in names}


ALWAYS = [{"hours": days(("00:00", "24:00"), *WEEK)}]
OFFICE = [{"hours": days(("08:00", "18:00"), *WORKDAYS)}]


@dataclass(frozen=True)
class Desk:
    """A launch's desk: phases of support hours and promised metrics before and after CHANGED_AT."""

    name: str
    zone: str
    launch_date: dt.date
    metrics: tuple[str, ...]
    hours: list[dict[str, Any]]
    later_hours: list[dict[str, Any]] | None = None  # None: they did not change
    holidays: tuple[str, ...] = ()
    later_factor: float = 1.0  # of the promised minutes after the change
    unpromised: tuple[str, ...] = field(default=())  # priorities without a promise

    @property
    def place(self) -> Place:
        return Place(self.name, ZoneInfo(self.zone))

    def section(self, is_later: bool) -> dict[str, Any]:
        """The zendesk section of the launch file."""
        hours = self.later_hours if is_later and self.later_hours is not None else self.hours
        sla = [
            {"priority": priority, **{f"{metric}_minutes": self.target(metric, priority, is_later) / 60 for metric in self.metrics}}
            for priority in PRIORITIES
            if priority not in self.unpromised
        ]
        return {"sla": sla, "holidays": list(self.holidays), "support_hours": hours, "categories": self.categories(is_later)}

    def categories(self, is_later: bool) -> list[dict[str, Any]]:
        """What tickets are about; praise was not asked for at first, and holds for the past too when it is."""
        found = [
            {"id": "login", "name": "Login", "tags": ["login"]},
            {"id": "bug", "name": "Bugs", "tags": ["Bug", "bug_critical"], "kind": "bug"},
            {"id": "praise", "name": "Praise", "tags": ["praise"], "kind": "praise"},
        ]
        return found if is_later else found[:2]

    def target(self, metric: str, priority: str, is_later: bool) -> float:
        """Promised seconds."""
        return 60 * BASE_MINUTES[metric][PRIORITIES.index(priority)] * (self.later_factor if is_later else 1.0)

    def promise(self, metric: str, priority: str, started_at: float) -> float | None:
        """What holds for a clock that starts at a moment (epoch seconds)."""
        if metric not in self.metrics or priority not in PRIORITIES or priority in self.unpromised:
            return None
        return self.target(metric, priority, started_at >= CHANGED_AT.timestamp())

    def day_end(self, date: dt.date) -> int:
        return int(self.place.midnight(date + dt.timedelta(days=1)).timestamp())

    def open_seconds(self, start: float, end: float) -> float:
        """Open seconds between two moments, from a walk through every quarter of an hour on the wall clock of the zone."""
        return self._open_until(end) - self._open_until(start)

    def _open_until(self, moment: float) -> float:
        starts, before, is_open = self._quarters
        index = bisect_right(starts, moment) - 1
        return before[index] + is_open[index] * (moment - starts[index])

    @cached_property
    def _quarters(self) -> tuple[list[float], list[int], list[bool]]:
        zone = ZoneInfo(self.zone)
        moment = dt.datetime.combine(FIRST - dt.timedelta(days=1), dt.time(), dt.UTC)
        end = dt.datetime.combine(LAST + dt.timedelta(days=3), dt.time(), dt.UTC)
        starts, before, open_in, total = [], [], [], 0
        while moment <= end:
            hours = self.later_hours if moment >= CHANGED_AT and self.later_hours is not None else self.hours
            starts.append(moment.timestamp())
            before.append(total)
            open_in.append(self._is_open(moment.astimezone(zone).replace(tzinfo=None), hours))
            total += 900 * open_in[-1]
            moment += QUARTER
        return starts, before, open_in

    def _is_open(self, wall_clock: dt.datetime, hours: list[dict[str, Any]]) -> bool:
        if not hours:
            return True
        clock, today = wall_clock.strftime("%H:%M"), wall_clock.date()
        opens, closes = self._hours_of(today, hours)
        if opens <= clock and (clock < closes or closes <= opens):
            return True
        opens, closes = self._hours_of(today - dt.timedelta(days=1), hours)
        return closes <= opens != "never" and clock < closes

    def _hours_of(self, date: dt.date, hours: list[dict[str, Any]]) -> tuple[str, str]:
        age = (date - self.launch_date).days
        for phase in hours:
            if phase.get("from_day", -9999) <= age <= phase.get("to_day", 9999) and str(date) not in self.holidays:
                opens, closes = phase["hours"].get(WEEK[date.weekday()], ("never", "never"))
                return opens, closes
        return "never", "never"


ALL_METRICS = tuple(BASE_MINUTES)
DESKS = (
    Desk(
        "new-york", "America/New_York", dt.date(2026, 2, 23), ALL_METRICS, holidays=("2026-03-09",),
        hours=[
            {"to_day": 13, "hours": days(("00:00", "24:00"), *WEEK)},
            {"from_day": 14, "to_day": 29, "hours": {**days(("08:00", "22:00"), *WORKDAYS), **days(("10:00", "18:00"), "sat", "sun")}},
            {"from_day": 30, "hours": days(("08:00", "18:00"), *WORKDAYS)},
        ],
    ),
    Desk(
        "sydney", "Australia/Sydney", dt.date(2026, 3, 23), ("first_reply", "resolution", "agent_work"), holidays=("2026-04-03",),
        hours=[
            {"to_day": 1, "hours": days(("00:00", "24:00"), *WEEK)},
            {"from_day": 2, "to_day": 13, "hours": days(("22:00", "06:00"), *WORKDAYS, "sun")},
            {"from_day": 14, "hours": days(("00:00", "24:00"), *WEEK)},  # the last night reaches into this phase
        ],
    ),
    Desk("around-the-clock", "UTC", dt.date(2026, 3, 1), ("first_reply", "resolution", "requester_wait"), hours=[], later_factor=500.0),
    Desk("berlin", "Europe/Berlin", dt.date(2026, 1, 12), ALL_METRICS, [{"hours": days(("09:00", "17:30"), *WEEK[:6])}], later_factor=0.25),
    Desk("auckland", "Pacific/Auckland", dt.date(2026, 3, 2), ("first_reply",), OFFICE, later_hours=ALWAYS, unpromised=("low",)),
    Desk(
        "kolkata", "Asia/Kolkata", dt.date(2026, 3, 2), ("next_reply", "periodic_update"), hours=[],
        later_hours=[{"hours": days(("10:15", "19:45"), *WORKDAYS)}],
    ),
    Desk("santiago", "America/Santiago", dt.date(2026, 3, 2), ("first_reply", "pausable_update"), OFFICE, later_factor=2.0),
    Desk(
        "london", "Europe/London", dt.date(2026, 3, 2), ("first_reply", "resolution", "next_reply"),
        hours=[{"hours": days(("18:00", "02:00"), *WEEK)}], later_hours=[{"hours": days(("19:30", "03:30"), *WEEK)}],
    ),
    Desk(
        "lord-howe", "Australia/Lord_Howe", dt.date(2026, 3, 2), ("requester_wait", "agent_work"),
        hours=[{"hours": days(("00:30", "12:00"), *WEEK)}],
    ),
    Desk(
        "los-angeles", "America/Los_Angeles", dt.date(2026, 3, 2), ("first_reply", "resolution"), hours=ALWAYS, later_hours=[],
        later_factor=0.5,
    ),
)  # fmt: skip
