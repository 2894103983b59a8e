"""What a review is about: a day, an ISO week, a month, or the age of a launch at its verdict. Dates are the launch's own."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from postlaunch.config.launch import Launch, ReviewKind
from postlaunch.dates import Dates
from postlaunch.errors import ReviewError
from postlaunch.reviews import formats

FIRST_YEAR, LAST_YEAR = 1970, 2200  # every look-back and look-ahead of a review stays a date


@dataclass(frozen=True)
class Period:
    """Dates `start`..`end`, both inclusive. A verdict at day N has the last of the N full days (0..N-1) that it judges as both."""

    kind: ReviewKind
    start: dt.date
    end: dt.date
    label: str  # as typed and as in file names: 2026-03, 2026-W13, day-30
    title: str  # as in headings: March 2026
    seen: tuple[dt.date, ...] | None = None  # dates of it that the data covers, in order; None: all of them

    @property
    def dates(self) -> Dates:
        """All of its dates."""
        return Dates(self.start, self.end)

    @property
    def grain(self) -> str:
        """`period_kind` of the scorecard rows that belong to it."""
        return _KINDS[self.kind].grain

    @property
    def noun(self) -> str:
        """`day`, `week` or `month` in a sentence."""
        return self.grain

    @property
    def short(self) -> str:
        """Column heading of this period: `12 Mar`, `Week 13`, `Mar`."""
        return _KINDS[self.kind].short(self.start)

    @property
    def previous_start(self) -> dt.date:
        """First date of the period before."""
        return _KINDS[self.kind].before(self.start)

    @property
    def previous_short(self) -> str:
        """Column heading of the period before."""
        return _KINDS[self.kind].short(self.previous_start)

    @property
    def previous_name(self) -> str:
        """The period before inside a sentence: `February`, `week 12`, `11 March`."""
        return _KINDS[self.kind].name(self.previous_start)

    @property
    def days_count(self) -> int:
        """Dates in the period."""
        return (self.end - self.start).days + 1

    @property
    def is_part(self) -> bool:
        """Whether some of its dates are covered and some are not."""
        return self.seen is not None and 0 < len(self.seen) < self.days_count

    def seen_on(self, dates: Iterable[dt.date]) -> Period:
        """This period as a source saw it. `dates`: what the source covers, in any order and of any time."""
        return replace(self, seen=tuple(sorted(day for day in set(dates) if self.start <= day <= self.end)))

    def counterparts(self) -> tuple[dt.date, ...]:
        """Dates of the period before that this one is compared with: all of them, or the same days as those that were seen."""
        before = [self.previous_start + dt.timedelta(days=number) for number in range((self.start - self.previous_start).days)]
        if not self.is_part or self.seen is None:
            return tuple(before)
        numbers = {(day - self.start).days for day in self.seen}
        return tuple(day for number, day in enumerate(before) if number in numbers)

    @property
    def span(self) -> str:
        """The period inside a sentence, no longer than what was seen of it: `in March 2026`, `in week 13 up to 23 March`."""
        whole = _KINDS[self.kind].place(self.start)
        if not self.is_part or not self.seen:
            return whole
        first, last = self.seen[0], self.seen[-1]
        if (last - first).days + 1 > len(self.seen):
            return f"on {len(self.seen)} of the {self.days_count} days of {whole.removeprefix('in ')}"
        if first == self.start:
            return f"{whole} up to {formats.date(last)}"
        return f"{whole} from {formats.date(first)}" if last == self.end else f"{whole} from {formats.date(first)} to {formats.date(last)}"

    @property
    def compared_name(self) -> str:
        """What it is compared with, inside a sentence: `February`, `the same days of week 12`."""
        if not self.is_part:
            return self.previous_name
        return f"the same {'day' if len(self.counterparts()) == 1 else 'days'} of {self.previous_name}"


def parse_period(kind: str, text: str, launch: Launch) -> Period:
    """Read what was typed for `--period`. Raises ReviewError that says what this kind of review expects."""
    if kind not in _KINDS:
        raise ReviewError(f"there is no {kind!r} review; choose one of {', '.join(_KINDS)}")
    rule = _KINDS[kind]
    try:
        period = rule.read(text, launch)
    except (ValueError, OverflowError):
        raise ReviewError(f"--period {text[:40]!r}: a {kind} review expects {rule.expected}") from None
    if not FIRST_YEAR <= period.start.year <= LAST_YEAR:
        raise ReviewError(f"--period {text!r}: the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return period


def _date(text: str) -> dt.date:
    """Only the form that we print: fromisoformat() also takes 20260331 and 2026-W13-2."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError(text)
    return dt.date.fromisoformat(text)


def _daily(text: str, _launch: Launch) -> Period:
    day = _date(text)
    return Period("daily", day, day, day.isoformat(), f"{day:%A}, {formats.date(day, year=True)}")


def _weekly(text: str, _launch: Launch) -> Period:
    if found := re.fullmatch(r"(\d{4})-W(\d{2})", text, re.ASCII):
        monday = dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
    else:
        day = _date(text)
        monday = day - dt.timedelta(days=day.weekday())
    sunday = monday + dt.timedelta(days=6)
    year, week, _ = monday.isocalendar()
    return Period("weekly", monday, sunday, f"{year}-W{week:02}", f"Week {week}, {formats.date_range(Dates(monday, sunday))}")


def _monthly(text: str, _launch: Launch) -> Period:
    if not re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
        raise ValueError(text)
    first = dt.date.fromisoformat(f"{text}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return Period("monthly", first, last, text, f"{first:%B %Y}")


def _verdict(text: str, launch: Launch) -> Period:
    numbers = {f"day-{number}": number for number in launch.verdict.days}
    if text not in numbers:
        raise ValueError(text)
    number = numbers[text]
    last = launch.date + dt.timedelta(days=number - 1)
    return Period("verdict", last, last, f"day-{number}", f"the first {number} days, to {formats.date(last, year=True)}")


def _week(start: dt.date) -> str:
    return f"week {start.isocalendar().week}"


@dataclass(frozen=True)
class _Kind:
    """How the periods of one kind of review are typed, named, and follow one another. The functions take a first date."""

    grain: str  # `period_kind` of the scorecard rows
    expected: str  # what is to be typed, inside a sentence
    read: Callable[[str, Launch], Period]  # raises ValueError
    before: Callable[[dt.date], dt.date]  # first date of the period before
    short: Callable[[dt.date], str]  # a column heading
    name: Callable[[dt.date], str]  # inside a sentence: `February`
    place: Callable[[dt.date], str]  # inside a sentence: `in February 2026`


_DAY = _Kind(
    grain="day",
    expected="a date such as 2026-03-31",
    read=_daily,
    before=lambda start: start - dt.timedelta(days=1),
    short=formats.short_date,
    name=formats.date,
    place=lambda start: f"on {formats.date(start)}",
)
_KINDS: dict[str, _Kind] = {
    "daily": _DAY,
    "weekly": _Kind(
        grain="week",
        expected="an ISO week such as 2026-W13, or a date in it",
        read=_weekly,
        before=lambda start: start - dt.timedelta(days=7),
        short=lambda start: _week(start).capitalize(),
        name=_week,
        place=lambda start: f"in {_week(start)}",
    ),
    "monthly": _Kind(
        grain="month",
        expected="a month such as 2026-03",
        read=_monthly,
        before=lambda start: (start - dt.timedelta(days=1)).replace(day=1),
        short=lambda start: f"{start:%b}",
        name=lambda start: f"{start:%B}",
        place=lambda start: f"in {start:%B %Y}",
    ),
    "verdict": replace(_DAY, expected="one of the verdict days of the launch file, such as day-30", read=_verdict),
}
