import math

import pytest

from postlaunch.reviews.histogram import quantile
from postlaunch.reviews.rows import LatencyBucket


def buckets(*counts: float, service: str = "api") -> list[LatencyBucket]:
    return [LatencyBucket(service, bound, count) for bound, count in zip((0.1, 0.5, 1.0, math.inf), counts, strict=True)]


def test_a_quantile_is_interpolated_inside_its_bucket_as_prometheus_does() -> None:
    # 100 requests: 50 to 0.1 s, 40 to 0.5 s, 10 to 1 s; p95 lies half way through the third bucket: 0.5 + 0.5 * 5/10
    assert quantile(buckets(50, 40, 10, 0), 0.95) == pytest.approx(0.75)
    assert quantile(buckets(50, 40, 10, 0), 0.5) == pytest.approx(0.1)


def test_the_p95_of_merged_days_is_not_the_average_of_their_p95s() -> None:
    quiet, busy = buckets(10, 0, 0, 0), buckets(0, 0, 1000, 0)
    average = (quantile(quiet, 0.95) + quantile(busy, 0.95)) / 2
    assert quantile(quiet + busy, 0.95) == pytest.approx(0.5 + 0.5 * (0.95 * 1010 - 10) / 1000)
    assert quantile(quiet + busy, 0.95) > average


def test_beyond_the_last_bound_the_bound_is_returned() -> None:
    assert quantile(buckets(0, 0, 0, 7), 0.95) == 1.0


def test_without_requests_there_is_no_quantile() -> None:
    assert quantile([], 0.95) is None
    assert quantile(buckets(0, 0, 0, 0), 0.95) is None
