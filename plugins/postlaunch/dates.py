"""Dates of a launch and moments of UTC."""

from __future__ import annotations

import datetime as dt


def each_date(first: dt.date, last: dt.date) -> list[dt.date]:
    """The inclusive dates from first to last."""
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def parse_time(text: object) -> dt.datetime | None:
    """ISO 8601 time with offset (or `Z`) to UTC; None if it is none, or says no offset."""
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
