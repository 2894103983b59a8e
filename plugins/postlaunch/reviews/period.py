"""What a review is about: a day, an ISO week, a month, or the age of a launch at its verdict. Dates are the launch's own."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

from postlaunch.config.launch import Launch, ReviewKind
from postlaunch.errors import ReviewError
from postlaunch.reviews import formats

VERDICT_DAYS = (7, 30, 60, 90)
_EXPECTED = {
    "daily": "a date such as 2026-03-31",
    "weekly": "an ISO week such as 2026-W13, or a date in it",
    "monthly": "a month such as 2026-03",
    "verdict": "day-7, day-30, day-60 or day-90",
}


@dataclass(frozen=True)
class Period:
    """Dates `start`..`end`, both inclusive. A verdict at day N has the last of the N full days (0..N-1) that it judges as both."""

    kind: ReviewKind
    start: dt.date
    end: dt.date
    label: str  # as typed and as in file names: 2026-03, 2026-W13, day-30
    title: str  # as in headings: March 2026

    @property
    def grain(self) -> str:
        """`period_kind` of the scorecard rows that belong to it."""
        return {"daily": "day", "weekly": "week", "monthly": "month", "verdict": "day"}[self.kind]

    @property
    def noun(self) -> str:
        """`day`, `week` or `month` in a sentence."""
        return self.grain

    @property
    def short(self) -> str:
        """Column heading of this period: `12 Mar`, `Week 13`, `Mar`."""
        return self._short(self.start)

    @property
    def previous_start(self) -> dt.date:
        """First date of the period before."""
        if self.kind == "monthly":
            return (self.start - dt.timedelta(days=1)).replace(day=1)
        return self.start - dt.timedelta(days=7 if self.kind == "weekly" else 1)

    @property
    def previous_short(self) -> str:
        """Column heading of the period before."""
        return self._short(self.previous_start)

    @property
    def previous_name(self) -> str:
        """The period before inside a sentence: `February`, `week 12`, `11 March`."""
        if self.kind == "monthly":
            return f"{self.previous_start:%B}"
        return self.previous_short.lower() if self.kind == "weekly" else formats.date(self.previous_start)

    def _short(self, start: dt.date) -> str:
        if self.kind == "monthly":
            return f"{start:%b}"
        return f"Week {start.isocalendar().week}" if self.kind == "weekly" else formats.short_date(start)

    @property
    def days_count(self) -> int:
        """Dates in the period."""
        return (self.end - self.start).days + 1


def parse_period(kind: str, text: str, launch: Launch) -> Period:
    """Read what was typed for `--period`. Raises ReviewError that says what this kind of review expects."""
    if kind not in _EXPECTED:
        raise ReviewError(f"there is no {kind!r} review; choose one of {', '.join(_EXPECTED)}")
    try:
        match kind:
            case "daily":
                return _daily(dt.date.fromisoformat(text))
            case "weekly":
                return _weekly(text)
            case "monthly":
                return _monthly(text)
            case _:
                return _verdict(text, launch)
    except ValueError:
        raise ReviewError(f"--period {text!r}: a {kind} review expects {_EXPECTED[kind]}") from None


def _daily(day: dt.date) -> Period:
    return Period("daily", day, day, day.isoformat(), f"{day:%A}, {formats.date(day, year=True)}")


def _weekly(text: str) -> Period:
    if found := re.fullmatch(r"(\d{4})-W(\d{2})", text):
        monday = dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
    else:
        day = dt.date.fromisoformat(text)
        monday = day - dt.timedelta(days=day.weekday())
    sunday = monday + dt.timedelta(days=6)
    year, week, _ = monday.isocalendar()
    return Period("weekly", monday, sunday, f"{year}-W{week:02}", f"Week {week}, {formats.date_range(monday, sunday)}")


def _monthly(text: str) -> Period:
    if not re.fullmatch(r"\d{4}-\d{2}", text):
        raise ValueError(text)
    first = dt.date.fromisoformat(f"{text}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return Period("monthly", first, last, text, f"{first:%B %Y}")


def _verdict(text: str, launch: Launch) -> Period:
    number = int(text.removeprefix("day-"))
    if not text.startswith("day-") or number not in VERDICT_DAYS:
        raise ValueError(text)
    last = launch.date + dt.timedelta(days=number - 1)
    return Period("verdict", last, last, f"day-{number}", f"the first {number} days, to {formats.date(last, year=True)}")
