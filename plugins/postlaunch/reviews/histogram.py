"""Quantiles of merged latency histograms, interpolated as Prometheus does it (`histogram_quantile`).

https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from postlaunch.reviews.rows import LatencyBucket


def quantile(buckets: Sequence[LatencyBucket], rank: float) -> float | None:
    """Seconds below which a share `rank` of all requests lies; None without requests, or without a last bucket (+Inf) beside another.

    In the last bucket nothing is known but its lower bound, which is returned; the lowest one begins at 0 unless its bound is not above 0.
    tests/golden/reliability/histogram-quantile.yaml holds for this function and for the dbt macro of the same name.
    """
    counts: defaultdict[float, float] = defaultdict(float)
    for bucket in buckets:
        counts[bucket.upper_bound_seconds] += bucket.request_count
    bounds, total = sorted(counts), sum(counts.values())
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or total <= 0:
        return None
    below, lower = 0.0, min(bounds[0], 0.0)
    for upper in bounds:
        inside = counts[upper]
        if below + inside >= rank * total and inside > 0:
            return lower if math.isinf(upper) else lower + (upper - lower) * (rank * total - below) / inside
        below, lower = below + inside, upper
    return bounds[-2]
