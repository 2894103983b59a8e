"""The Wilson score interval of a proportion (Wilson 1927, Journal of the American Statistical Association 22, 209-212)."""

from __future__ import annotations

import math

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution: two-sided 95 %


def wilson(successes: float, total: float) -> tuple[float, float]:
    """95 % Wilson score interval of `successes` out of `total` trials, as ratios; `total` must be positive."""
    ratio, square = min(1.0, max(0.0, successes / total)), Z * Z / total
    middle = (ratio + square / 2) / (1 + square)
    half = math.sqrt(square * (ratio * (1 - ratio) + square / 4)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
