"""The frame that the whole story hangs in: launch days, the New York clock, and one random stream a topic and day.

Everything in the story is a pure function of (seed, launch date, day): a generator never keeps a stream across days, so any day can be told
on its own, in any order, and is the same each time.
"""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = -9  # the first internal testers
HISTORY_DAYS = 90  # the day that is just over when a sandbox starts for the first time
DEFAULT_SEED = 7
HOUR = 3600
DAY = 86_400


@dataclass(frozen=True)
class Plan:
    """Seed and launch date. Days count from the launch date (day 0); moments are epoch seconds unless they say otherwise."""

    launch_date: dt.date
    seed: int = DEFAULT_SEED

    def date_of(self, day: int) -> dt.date:
        """The New York date of a launch day."""
        return self.launch_date + dt.timedelta(days=day)

    def day_of(self, moment: float) -> int:
        """The launch day that holds an epoch second, in New York."""
        return (dt.datetime.fromtimestamp(moment, NEW_YORK).date() - self.launch_date).days

    def weekday(self, day: int) -> int:
        """0 = Monday .. 6 = Sunday."""
        return self.date_of(day).weekday()

    def at(self, day: int, hour: int = 0, minute: int = 0) -> int:
        """Epoch second of a New York wall-clock time on a launch day."""
        local = dt.datetime.combine(self.date_of(day), dt.time(hour, minute), tzinfo=NEW_YORK)
        return int(local.timestamp())

    def hours_of(self, day: int) -> tuple[tuple[int, int], ...]:
        """(epoch second at which the hour begins, local hour 0..23) of a day: 23 or 25 of them when the clocks change."""
        return _hours_of(self.date_of(day))

    def rng(self, topic: str, *numbers: int) -> np.random.Generator:
        """An own random stream for a topic and its numbers (a day, a ticket); numbers may be negative."""
        words = [self.seed, zlib.crc32(topic.encode()), *(number & 0xFFFFFFFF for number in numbers)]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))

    def moments(self, rng: np.random.Generator, day: int, weights: Floats, count: int) -> Ints:
        """`count` epoch seconds of a day, unsorted; `weights` has shape (24,), by local hour."""
        hours = self.hours_of(day)
        odds = np.array([weights[hour] for _, hour in hours], dtype=np.float64)
        chosen = rng.choice(len(hours), size=count, p=odds / odds.sum())
        starts = np.array([start for start, _ in hours], dtype=np.int64)
        return starts[chosen] + rng.integers(0, HOUR, size=count)


@lru_cache(maxsize=512)
def _hours_of(date: dt.date) -> tuple[tuple[int, int], ...]:
    start = int(dt.datetime.combine(date, dt.time(), tzinfo=NEW_YORK).timestamp())
    end = int(dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), tzinfo=NEW_YORK).timestamp())
    return tuple((moment, dt.datetime.fromtimestamp(moment, NEW_YORK).hour) for moment in range(start, end, HOUR))


def iso(moment: float) -> str:
    """`2026-02-18T19:08:00Z` of an epoch second."""
    return dt.datetime.fromtimestamp(int(moment), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def hour_weights(**bands: float) -> Floats:
    """Weights by local hour from bands, for example `hour_weights(h0_6=0.2, h7_17=3, h18_23=1)`; both ends belong to the band."""
    weights = np.zeros(24)
    for band, weight in bands.items():
        first, last = band.removeprefix("h").split("_")
        weights[int(first) : int(last) + 1] = weight
    return weights


Record = dict[str, Any]
