"""Whether a day's count is possible: the same weekday's weight in the weeks around, and a spread that knows counting noise.

Counts are compared as square roots, where a Poisson count has the same noise at every size: 2 (sqrt(count) - sqrt(expected)) has standard
deviation 1 (Anscombe 1948, without his 3/8, which matters below four events). How much more a launch's own days differ (overdispersion,
weather, deployments) is told by the same figure of the four weeks before, robustly: 1.4826 times its median absolute deviation.

A day has several expectations (its weight in the six days before, in the six days after, last week's count, yesterday's), and only what
lies outside of all of them is damage: after the end of a campaign, yesterday tells the new level.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HISTORY_DAYS = 66  # four weeks of residuals, each from four same weekdays and the six days before the oldest of them
LAUNCH_WEEK_DAYS = 7  # nothing compares with the first week
WEEKS, ENOUGH_WEEKS = 4, 3
ENOUGH_RESIDUALS = 14  # of 28; fewer say little of the spread, and the day is not judged
NOISE = 1.3  # the noise of a Poisson count against an expectation that is itself made of about ten Poisson counts
LIMIT = 6.0  # standard deviations: a Poisson day in hundreds of millions, and room for the fatter tails of real days
TOLD = 4.0  # worth a warning: once in 16,000 days by chance alone
QUIET = 0.4  # days this far below the busiest weekday are a weekend, and a weekday like them is a holiday

DayCounts = Mapping[int, float]  # days from the judged one (negative: before) -> rows; only loaded days of comparable weeks


@dataclass(frozen=True)
class Volume:
    """`expected`: the expectation nearest to the count. `deviation`: in robust standard deviations, 0 within the expectations."""

    expected: float
    deviation: float
    ratio: float
    is_like_a_weekend: bool


def judge(counts: DayCounts) -> Volume | None:
    """Judge day 0 of `counts` by the others; None where history does not say what to expect."""
    if 0 not in counts:
        return None
    count, estimates = counts[0], _estimates(counts, 0)
    residuals = [_residual(counts, day) for day in range(-28, 0) if day in counts]
    known = [residual for residual in residuals if residual is not None]
    if not estimates or len(known) < ENOUGH_RESIDUALS:
        return None
    expected = min(max(count, min(estimates)), max(estimates))
    middle = statistics.median(known)
    spread = max(NOISE, 1.4826 * statistics.median(abs(residual - middle) for residual in known))
    deviation = 2 * (math.sqrt(count) - math.sqrt(expected)) / spread
    return Volume(expected, deviation, count / max(expected, 1.0), _is_like_a_weekend(counts, expected, spread))


def _estimates(counts: DayCounts, day: int) -> list[float]:
    """What the days around make one expect; empty without enough same weekdays before."""
    before = _by_share(counts, day, -1)
    if before is None:
        return []
    others = (_by_share(counts, day, 1), counts.get(day - 7), _from_yesterday(counts, day))
    return [before, *(other for other in others if other is not None)]


def _residual(counts: DayCounts, day: int) -> float | None:
    expected = _by_share(counts, day, -1)
    return None if expected is None else 2 * (math.sqrt(counts[day]) - math.sqrt(expected))


def _by_share(counts: DayCounts, day: int, direction: int) -> float | None:
    """The six days before (-1) or after (1), times the weight that this weekday has beside its own six days, in four weeks."""
    beside = _beside(counts, day, direction)
    shares = []
    for week in range(1, WEEKS + 1):
        same = day + direction * 7 * week
        total = _beside(counts, same, direction)
        if same in counts and total:
            shares.append(counts[same] / total)
    return None if beside is None or len(shares) < ENOUGH_WEEKS else beside * statistics.median(shares)


def _beside(counts: DayCounts, day: int, direction: int) -> float | None:
    days = [day + direction * step for step in range(1, 7)]
    return sum(counts[other] for other in days) if all(other in counts for other in days) else None


def _from_yesterday(counts: DayCounts, day: int) -> float | None:
    """Yesterday's count, times what this weekday has against the one before it."""
    pairs = [(counts.get(day - 7 * week), counts.get(day - 7 * week - 1)) for week in range(1, WEEKS + 1)]
    factors = [today / yesterday for today, yesterday in pairs if today is not None and yesterday]
    return counts[day - 1] * statistics.median(factors) if day - 1 in counts and len(factors) >= ENOUGH_WEEKS else None


def _is_like_a_weekend(counts: DayCounts, expected: float, spread: float) -> bool:
    """Whether the count is that of one of the last seven days, which are quiet against what was expected: a holiday, not a hole."""
    quiet = [counts[day] for day in range(-7, 0) if day in counts and counts[day] < QUIET * expected]
    return any(abs(2 * (math.sqrt(counts[0]) - math.sqrt(other))) < 2 * spread for other in quiet)


def add_volume(row: dict[str, Any]) -> dict[str, Any]:
    """A row of facts with `counts` (JSON: days from its date -> rows) turned into what expectations judge.

    volume_ratio: count by expectation where the two differ by more than TOLD, else null. damage_ratio: the same by LIMIT, null also for
    a weekday that is as quiet as the weekend. expected_count: null where history does not say.
    """
    counts = row.pop("counts") or {}
    volume = judge({int(day): float(count) for day, count in counts.items()})
    deviation = abs(volume.deviation) if volume else 0.0
    is_damage = volume is not None and deviation > LIMIT and not volume.is_like_a_weekend
    return row | {
        "expected_count": round(volume.expected) if volume else None,
        "volume_ratio": volume.ratio if volume and deviation > TOLD else None,
        "damage_ratio": volume.ratio if volume and is_damage else None,
    }
