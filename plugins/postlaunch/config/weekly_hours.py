"""Opening hours of a week in short: `always`, or ranges of days with hours as text.

{mon-fri: "08:00-22:00", sat-sun: "10:00-18:00"}  ->  {mon: ["08:00", "22:00"], ..., sun: ["10:00", "18:00"]}
"""

from __future__ import annotations

from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekly_hours(given: Any) -> Any:
    """Day -> [open, close] of what a launch file says; what is not in short passes as it is. Raises ValueError for a wrong range."""
    if given == "always":
        return {day: ["00:00", "24:00"] for day in DAYS}
    if not isinstance(given, dict):
        return given
    found: dict[Any, Any] = {}
    for key, hours in given.items():
        for day in _days(key):
            if day in found:
                raise ValueError(f"{day} stands twice")
            found[day] = _open_and_close(hours)
    return found


def _days(key: Any) -> tuple[Any, ...]:
    first, dash, last = str(key).partition("-")
    if not dash:
        return (key,)
    if first not in DAYS or last not in DAYS or DAYS.index(first) > DAYS.index(last):
        raise ValueError(f"{key}: days such as mon-fri are expected")
    return DAYS[DAYS.index(first) : DAYS.index(last) + 1]


def _open_and_close(hours: Any) -> Any:
    if not isinstance(hours, str):
        return hours
    opens, dash, closes = hours.partition("-")
    if not dash:
        raise ValueError(f"{hours!r}: hours such as 08:00-18:00 are expected")
    return [opens.strip(), closes.strip()]
