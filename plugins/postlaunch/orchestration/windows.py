"""Which local dates and months a run is about.

    data interval (start, end]  ->  every launch-local date that ended in it  ->  what the run ingests, or reviews

A date ends at the local midnight after it. The intervals of a schedule tile the time line, hence every date of every launch belongs to
exactly one run, whatever the zone and whatever its clock does that night: seven days backfilled are seven runs.

A launch is followed for a while, not for ever: dates outside `INGESTED_DAYS` are nobody's nightly work (a launch of 1997 would
otherwise ask its API for yesterday until the end of days). The command line takes any date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from postlaunch.config.launch import Launch

INGESTED_DAYS = range(-30, 401)  # launch days: a month before for the baseline, a year and a month after it for year over year
REVIEWED_DAYS = range(401)

_DAY = dt.timedelta(days=1)


def ended_dates(launch: Launch, start: dt.datetime, end: dt.datetime) -> list[dt.date]:
    """Local dates of the launch whose end lies in (start, end], in order. Both instants are zone-aware."""
    return [day for day in _around(launch, start, end) if start < launch.day_start(day + _DAY) <= end]


def dates_to_ingest(launch: Launch, start: dt.datetime, end: dt.datetime) -> list[dt.date]:
    """Local dates that ended in (start, end] while the launch is followed."""
    return [day for day in ended_dates(launch, start, end) if launch.launch_day(day) in INGESTED_DAYS]


def days_to_review(launch: Launch, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Periods of the daily review, as `2026-03-31`."""
    return [day.isoformat() for day in ended_dates(launch, start, end) if launch.launch_day(day) in REVIEWED_DAYS]


def weeks_to_review(launch: Launch, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Periods of the weekly review, as `2026-W13`: ISO weeks that ended in (start, end] and hold a day that is reviewed."""
    sundays = [day for day in ended_dates(launch, start, end) if day.isoweekday() == 7]
    return [
        f"{sunday:%G-W%V}"
        for sunday in sundays
        if launch.launch_day(sunday) >= REVIEWED_DAYS.start and launch.launch_day(sunday) - 6 < REVIEWED_DAYS.stop
    ]


def verdicts_to_give(launch: Launch, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Periods of the verdict, as `day-30`: those whose last judged day (day N judges 0..N-1) ended in (start, end]."""
    ended = {launch.launch_day(day) + 1 for day in ended_dates(launch, start, end)}
    return [f"day-{day}" for day in launch.verdict.days if day in ended]


def months_to_review(launch: Launch, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Periods of the monthly review, as `2026-03`: months that ended in (start, end] and hold a day that is reviewed."""
    lasts = [day for day in ended_dates(launch, start, end) if (day + _DAY).day == 1]
    return [
        f"{last:%Y-%m}"
        for last in lasts
        if launch.launch_day(last) >= REVIEWED_DAYS.start and launch.launch_day(last.replace(day=1)) < REVIEWED_DAYS.stop
    ]


def _around(launch: Launch, start: dt.datetime, end: dt.datetime) -> Iterator[dt.date]:
    """Every date that could have ended in the interval: a margin of two days is more than any clock change."""
    day = start.astimezone(launch.zone).date() - 2 * _DAY
    last = end.astimezone(launch.zone).date() + 2 * _DAY
    while day <= last:
        yield day
        day += _DAY
