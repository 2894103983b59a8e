"""Resources whose future is known: shapes with an answer that anybody can read off, and simulated ones whose slope was put in.

One sample a day at noon, 49 days, so that the p95 of a day is that sample.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from itertools import product
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Place, Sample

PLACE = Place("simulated", ZoneInfo("Europe/Berlin"))
LAUNCH_DATE = dt.date(2026, 1, 5)
DATES = [LAUNCH_DATE + dt.timedelta(days=number) for number in range(49)]
LAST = DATES[-1]
SIMULATED = 75  # of each kind
ACCELERATING = 30  # of each curve
SLOPES = {"iid_flat": 0.0, "iid_grow": 0.1, "memory_flat": 0.0, "memory_grow": 0.1}  # per day; a day deviates by 1
WEEKEND = {5: -0.15, 6: -0.2}


def _ripple(day: int) -> float:
    """A little noise that repeats itself on no day of the week."""
    return 0.01 * math.sin(7.3 * day * day)


SHAPES: dict[str, list[float]] = {
    "jumped_over": [0.4] * 39 + [1.1] * 10,
    "jumped_yesterday": [0.4] * 47 + [0.97] * 2,
    "jumped_today": [0.4] * 48 + [0.97],
    "last_week": [0.3] * 42 + [0.3 + 0.08 * day for day in range(1, 8)],
    "just_over": [0.503 + 0.3 * day / 48 for day in range(49)],
    "plateau": [0.3 + 0.02 * min(day, 20) for day in range(49)],
    "accelerating": [0.3 + 0.0002 * max(day - 7, 0) ** 2 for day in range(49)],
    "restarted": [0.3 + 0.02 * (day if day < 35 else day - 35) for day in range(49)],
    "sawtooth": [0.3 + 0.05 * (day % 10) for day in range(49)],
    "spike": [0.9 if day == 30 else 0.3 for day in range(49)],
    "weekly": [0.6 + WEEKEND.get(date.weekday(), 0.0) for date in DATES],
    "flat": [0.5] * 49,
}
EXACT = {"flat", "just_over"}  # without ripple

# Growth that gets faster, and with what a day deviates by, as a share of what the last six weeks grew by.
CURVES: dict[str, Callable[[float], float]] = {
    "quadratic": lambda day: (max(day, 0) / 48) ** 2,
    "exponential": lambda day: math.exp2((day - 48) / 21),  # twice as much in three weeks
    "straight": lambda day: day / 48,
}
CURVE_NOISE = 0.02


def days_until(number: int) -> float:
    """In how many days the trigger of the curve's resource of this number is reached: from one week to six."""
    return 7 + 35 * number / (ACCELERATING - 1)


def values() -> dict[str, list[float]]:
    """Resource -> its 49 days."""
    chance = random.Random(20260105)
    found = {name: [value if name in EXACT else value + _ripple(day) for day, value in enumerate(shape)] for name, shape in SHAPES.items()}
    for kind, slope in SLOPES.items():
        memory = 0.6 if kind.startswith("memory") else 0.0
        for number in range(SIMULATED):
            noise = _series(chance, memory)
            found[f"{kind}_{number}"] = [20 + slope * day + noise[day] for day in range(49)]
    for (name, curve), memory, number in product(CURVES.items(), (0.0, 0.6), range(ACCELERATING)):
        noise = _series(chance, memory)
        deviation = CURVE_NOISE * (curve(48) - curve(7))
        found[f"{name}_{'memory' if memory else 'iid'}_{number}"] = [1 + curve(day) + deviation * noise[day] for day in range(49)]
    return found


def _series(chance: random.Random, memory: float) -> list[float]:
    """AR(1) with standard deviation 1, from its stationary state."""
    last, series = chance.gauss(0, 1), []
    for _ in DATES:
        series.append(last)
        last = memory * last + math.sqrt(1 - memory**2) * chance.gauss(0, 1)
    return series


PROMETHEUS = {
    "step_seconds": 3600,
    "resources": [
        {"id": name, "name": name, "query": name, "unit": "count", "trigger": trigger}
        for name, trigger in [(name, 0.8 if name == "just_over" else 1.2 if name == "last_week" else 1.0) for name in SHAPES]
        + [(f"{kind}_{number}", 1000.0) for kind in SLOPES for number in range(SIMULATED)]
        + [
            (f"{name}_{days}_{number}", 1 + curve(48 + days_until(number)))
            for (name, curve), days, number in product(CURVES.items(), ("iid", "memory"), range(ACCELERATING))
        ]
    ],
}


def samples() -> list[Sample]:
    """One a day, at noon."""
    return [
        Sample(f"{name}.resource", (("instance", "one"),), PLACE.midnight(date) + dt.timedelta(hours=12), value)
        for name, days in values().items()
        for date, value in zip(DATES, days, strict=True)
    ]
