"""Mixpanel's row in the registry."""

from __future__ import annotations

import datetime as dt
import math

from postlaunch.config.connections import Limit
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.landing.streams import Stream
from postlaunch.sources.mixpanel.time import ProjectClock, line_moments
from postlaunch.sources.spec import SourceSpec

EVENTS = Stream("mixpanel", "events", "events", date_column="event_date", moments=line_moments)
PROFILES = Stream("mixpanel", "profiles", is_snapshot=True, marks_dates=False)

DAYS_PER_CALL = 31  # 60 calls an hour for the whole project: a year is twelve calls, not 365


def _project(launch: Launch) -> str:
    return f"/{launch.mixpanel.project_id}" if launch.mixpanel else ""


def _calls(launch: Launch, dates: Dates) -> int:
    """One call for every 31 of the project's days that the window touches."""
    if launch.mixpanel is None:
        return 0
    clock, (start, end) = ProjectClock(launch.mixpanel.timezone), launch.window(dates)
    days = (clock.date(end - dt.timedelta(microseconds=1)) - clock.date(start)).days + 1
    return math.ceil(days / DAYS_PER_CALL)


MIXPANEL = SourceSpec(
    name="mixpanel",
    label="Mixpanel",
    streams=(EVENTS, PROFILES),
    limits=(Limit(60, 3600), Limit(3, 1)),
    slots=2,
    pace="Mixpanel raw export: 60 calls an hour and 3 a second for a whole project",
    account=_project,
    calls=_calls,
)
