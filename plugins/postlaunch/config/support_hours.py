"""Hours of support and on call as absolute intervals: phases of the launch, weekdays, holidays, DST laid out once, in the launch's zone.

Everything downstream only intersects intervals, so business time is exact to the second in any zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence

from postlaunch.config.launch import Launch, SupportHours, Weekday
from postlaunch.dates import Dates

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def opening_intervals(launch: Launch, dates: Dates) -> Iterator[tuple[dt.date, dt.datetime, dt.datetime]]:
    """Yield (local date, opens_at, closes_at) for the inclusive dates `first`..`last`; nothing on closed days.

    A closing time at or before the opening time belongs to the next morning (a night shift); 24:00 is the coming midnight.
    Nothing is yielded for a launch without support hours: such a launch is open around the clock.
    """
    zendesk = launch.zendesk
    if zendesk is not None:
        yield from _intervals(launch, zendesk.support_hours, zendesk.holidays, dates)


def on_call_intervals(launch: Launch, dates: Dates) -> Iterator[tuple[dt.date, dt.datetime, dt.datetime]]:
    """Yield (local date, starts_at, ends_at) of the promised hours on call; nothing on days without any."""
    if launch.pagerduty is not None:
        yield from _intervals(launch, launch.pagerduty.coverage, (), dates)


def _intervals(
    launch: Launch, phases: Sequence[SupportHours], holidays: Collection[dt.date], dates: Dates
) -> Iterator[tuple[dt.date, dt.datetime, dt.datetime]]:
    day = dates.first
    while day <= dates.last:
        hours = None if day in holidays else _hours_of(phases, launch.launch_day(day), day)
        if hours is not None:
            opens, closes = hours
            opens_at = dt.datetime.combine(day, opens, tzinfo=launch.zone)
            closes_at = _closing(launch, day, opens, closes)
            yield day, opens_at.astimezone(dt.UTC), closes_at.astimezone(dt.UTC)
        day += dt.timedelta(days=1)


def _hours_of(phases: Sequence[SupportHours], launch_day: int, day: dt.date) -> tuple[dt.time, dt.time | str] | None:
    for phase in phases:
        if _in_phase(phase, launch_day):
            return phase.hours.get(WEEKDAYS[day.weekday()])
    return None


def _in_phase(phase: SupportHours, launch_day: int) -> bool:
    after_start = phase.from_day is None or launch_day >= phase.from_day
    before_end = phase.to_day is None or launch_day <= phase.to_day
    return after_start and before_end


def _closing(launch: Launch, day: dt.date, opens: dt.time, closes: dt.time | str) -> dt.datetime:
    next_day = day + dt.timedelta(days=1)
    if isinstance(closes, str):
        return launch.day_start(next_day)
    return dt.datetime.combine(next_day if closes <= opens else day, closes, tzinfo=launch.zone)
