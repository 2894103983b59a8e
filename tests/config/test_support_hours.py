"""Opening intervals against a minute-by-minute walk through the zone's own clock."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.support_hours import WEEKDAYS, opening_intervals
from postlaunch.dates import Dates

OFFICE = {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
LONG = {**{day: ["08:00", "22:00"] for day in ("mon", "tue", "wed", "thu", "fri")}, "sat": ["10:00", "18:00"], "sun": ["10:00", "18:00"]}
ALWAYS = {day: ["00:00", "24:00"] for day in WEEKDAYS}
NIGHT = {day: ["22:00", "06:00"] for day in WEEKDAYS}


def launch(zone: str, phases: list[dict[str, object]], holidays: list[str] | None = None) -> Launch:
    return Launch.model_validate(
        {
            "launch": "shop",
            "name": "Shop",
            "owner": {"name": "Ann", "email": "ann@shop.example"},
            "date": "2026-03-01",
            "timezone": zone,
            "zendesk": {"support_hours": phases, "holidays": holidays or []},
        }
    )


def minutes_open(intervals: list[tuple[dt.datetime, dt.datetime]]) -> set[dt.datetime]:
    found = set()
    for opens_at, closes_at in intervals:
        moment = opens_at
        while moment < closes_at:
            found.add(moment)
            moment += dt.timedelta(minutes=1)
    return found


def is_open(moment: dt.datetime, hours: dict[str, list[str]]) -> bool:
    """Is the wall clock within opening hours? Read off the local time alone, intervals unknown."""
    clock = moment.strftime("%H:%M")
    today, yesterday = WEEKDAYS[moment.weekday()], WEEKDAYS[(moment.weekday() - 1) % 7]
    opens, closes = hours.get(today, ["25:00", "25:00"])
    open_today = opens <= clock and (clock < closes or closes <= opens)
    opens, closes = hours.get(yesterday, ["25:00", "25:00"])
    return open_today or (closes <= opens != "25:00" and clock < closes)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Kolkata"])
@pytest.mark.parametrize("hours", [OFFICE, LONG, ALWAYS, NIGHT], ids=["office", "long", "always", "night"])
def test_intervals_equal_a_walk_through_every_minute_of_five_weeks_with_clock_changes(zone: str, hours: dict[str, list[str]]) -> None:
    first, last = dt.date(2026, 3, 2), dt.date(2026, 4, 12)
    found = [(a, b) for _, a, b in opening_intervals(launch(zone, [{"hours": hours}]), Dates(first, last))]
    walked = set()
    moment = dt.datetime(2026, 3, 3, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    end = dt.datetime(2026, 4, 12, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    while moment < end:
        if is_open(moment.astimezone(ZoneInfo(zone)), hours):
            walked.add(moment)
        moment += dt.timedelta(minutes=1)
    in_range = {minute for minute in minutes_open(found) if dt.datetime(2026, 3, 3, tzinfo=ZoneInfo(zone)) <= minute < end}
    assert in_range == walked


def test_the_hours_follow_the_age_of_the_launch_and_close_on_holidays() -> None:
    phases = [{"to_day": 13, "hours": ALWAYS}, {"from_day": 14, "to_day": 29, "hours": LONG}, {"from_day": 30, "hours": OFFICE}]
    intervals = {
        day: (closes - opens) / dt.timedelta(hours=1)
        for day, opens, closes in opening_intervals(
            launch("America/New_York", phases, ["2026-04-03"]), Dates(dt.date(2026, 3, 1), dt.date(2026, 4, 12))
        )
    }
    assert intervals[dt.date(2026, 3, 7)] == 24  # a Saturday of the first two weeks
    assert intervals[dt.date(2026, 3, 8)] == 23  # clocks go forward
    assert intervals[dt.date(2026, 3, 15)] == 8  # day 14, a Sunday
    assert intervals[dt.date(2026, 3, 16)] == 14
    assert intervals[dt.date(2026, 3, 31)] == 10  # day 30, a Tuesday
    assert dt.date(2026, 4, 3) not in intervals  # holiday
    assert dt.date(2026, 4, 4) not in intervals  # Saturday


def test_a_launch_without_support_hours_lays_out_nothing() -> None:
    assert list(opening_intervals(launch("UTC", []), Dates(dt.date(2026, 3, 1), dt.date(2026, 3, 9)))) == []
