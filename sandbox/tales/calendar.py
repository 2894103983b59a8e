"""The story's calendar as one of its launches counts it: days from its own launch date, on its own clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from sandbox.story.plan import HOUR, Floats, Ints, Plan

EVEN: Floats = np.ones(24)


@dataclass(frozen=True)
class Calendar:
    """Days of a launch. `begins`: the day of the story that is its day 0."""

    plan: Plan
    launch: str
    begins: int
    zone_name: str

    @property
    def launch_date(self) -> dt.date:
        """The date of launch day 0."""
        return self.plan.date_of(self.begins)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the launch file."""
        return ZoneInfo(self.zone_name)

    def date_of(self, day: int) -> dt.date:
        """The date of a launch day."""
        return self.launch_date + dt.timedelta(days=day)

    def day_of(self, moment: float) -> int:
        """The launch day that holds an epoch second."""
        return (dt.datetime.fromtimestamp(moment, self.zone).date() - self.launch_date).days

    def at(self, day: int, hour: int = 0, minute: int = 0) -> int:
        """Epoch second of a wall-clock time on a launch day."""
        return int(dt.datetime.combine(self.date_of(day), dt.time(hour, minute), tzinfo=self.zone).timestamp())

    def rng(self, topic: str, *numbers: int) -> np.random.Generator:
        """An own random stream for a topic and its numbers."""
        return self.plan.rng(f"{self.launch} {topic}", *numbers)

    def moments(self, rng: np.random.Generator, day: int, count: int, weights: Floats = EVEN) -> Ints:
        """`count` epoch seconds of a day, unsorted; `weights` has shape (24,), by hour."""
        hours = rng.choice(24, size=count, p=weights / weights.sum())
        return self.at(day) + hours * HOUR + rng.integers(0, HOUR, size=count)
