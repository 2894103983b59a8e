"""Intervals of proportions and of their difference.

Wilson 1927, Journal of the American Statistical Association 22, 209-212; Newcombe 1998, Statistics in Medicine 17, 873-890 (method 10).
"""

from __future__ import annotations

import math

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution: two-sided 95 %


def wilson(successes: float, total: float) -> tuple[float, float]:
    """95 % Wilson score interval of `successes` out of `total` trials, as ratios; `total` must be positive."""
    ratio, square = min(1.0, max(0.0, successes / total)), Z * Z / total
    middle = (ratio + square / 2) / (1 + square)
    half = math.sqrt(square * (ratio * (1 - ratio) + square / 4)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference(successes: float, total: float, other_successes: float, other_total: float) -> tuple[float, float]:
    """95 % interval of a first proportion less a second one, from their Wilson intervals; both totals must be positive."""
    first, second = successes / total, other_successes / other_total
    (low, high), (other_low, other_high) = wilson(successes, total), wilson(other_successes, other_total)
    below = math.hypot(first - low, other_high - second)
    above = math.hypot(high - first, second - other_low)
    return first - second - below, first - second + above
