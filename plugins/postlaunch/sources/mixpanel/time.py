"""Mixpanel's `time` is a moment in UTC, or a wall clock that looks like one.

Projects made since 2023 are UTC throughout. In older ones `time` is the *local* wall clock of the project's zone written as if it were
UTC: 1768226400 reads 2026-01-12 14:00, and means 14:00 in, say, New York, which is 19:00 UTC.

The hour that happens twice when clocks go back cannot be told apart from `time` alone. Rule: the first of the two (daylight time), always,
so that the same event gets the same moment in every pull. An hour that never was (clocks go forward) is read with the offset before.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import orjson

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  wall clocks have no zone
_WHOLE = re.compile(r"(-?[0-9]{1,18})(?:\.0*)?", re.ASCII).fullmatch
_QUARTER = 900  # every offset that a zone ever changed to since 1970 begins on a quarter of an hour


class ProjectClock:
    """Reads `time` values of one project. Both directions are in whole seconds since 1970."""

    def __init__(self, zone: str) -> None:
        """`zone`: IANA name; UTC for projects made since 2023."""
        self._zone = ZoneInfo(zone)
        self._is_utc = zone in ("UTC", "Etc/UTC")
        self._offsets: dict[int, int] = {}

    def moment(self, time: int) -> int:
        """Seconds since 1970 UTC that a `time` value means; one that no calendar holds (milliseconds, say) is left as it is."""
        if self._is_utc:
            return time
        quarter = time // _QUARTER
        offset = self._offsets.get(quarter)
        if offset is None:
            try:
                wall = (_EPOCH + dt.timedelta(seconds=quarter * _QUARTER)).replace(tzinfo=self._zone, fold=0)
            except OverflowError:
                return time
            offset = self._offsets[quarter] = round((wall.utcoffset() or dt.timedelta()).total_seconds())
        return time - offset

    def date(self, moment: dt.datetime) -> dt.date:
        """The project's date at a moment: what `from_date` and `to_date` mean."""
        return moment.astimezone(self._zone).date()

    def end_of(self, day: dt.date) -> dt.datetime:
        """The midnight that ends a date of the project."""
        return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=self._zone)


def event_time(event: object) -> int | None:
    """`properties.time` in whole seconds, None if it is missing or no number."""
    try:
        return whole_number(event["properties"]["time"])  # type: ignore[index]
    except (KeyError, TypeError):
        return None


def line_moments(request: Mapping[str, Any]) -> Callable[[bytes], float | None]:
    """Reads the moment of a landed line as what was asked for says: seconds since 1970, None where it is unreadable."""
    clock = ProjectClock(str(request["timezone"]))

    def moment(line: bytes) -> float | None:
        try:
            time = event_time(orjson.loads(line))
        except ValueError:
            return None
        return None if time is None else clock.moment(time)

    return moment


def whole_number(value: object) -> int | None:
    """A time as an integer, also where an SDK wrote a whole number as `1768226400.0` or as text; None if it is not one."""
    if type(value) is int:
        return value
    if type(value) is float:
        return int(value) if value.is_integer() else None
    found = _WHOLE(value) if type(value) is str else None
    return int(found[1]) if found else None
