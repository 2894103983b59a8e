"""Dates of a launch, and moments."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple


class Dates(NamedTuple):
    """Dates of one time zone, by default the launch's; both are inclusive."""

    first: dt.date
    last: dt.date

    @classmethod
    def of(cls, date: dt.date) -> Dates:
        """One date alone."""
        return cls(date, date)

    @property
    def each(self) -> list[dt.date]:
        """Every date, in order."""
        return [self.first + dt.timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    def __str__(self) -> str:
        """As in messages: `2026-01-12..2026-01-18`."""
        return f"{self.first}..{self.last}"


class Interval(NamedTuple):
    """Moments from `start` up to `end`, which is not one of them; both are zone-aware."""

    start: dt.datetime
    end: dt.datetime

    @property
    def utc(self) -> Interval:
        """The same in UTC. Compare only these: Python compares moments of one zone by what its clock shows, also where that comes twice."""
        return Interval(self.start.astimezone(dt.UTC), self.end.astimezone(dt.UTC))


def parse_time(text: object) -> dt.datetime | None:
    """ISO 8601 time with offset (or `Z`) to UTC; None if it is none, or says no offset."""
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
