"""Native histograms as cumulative `le` buckets, which the models read.

    [seconds, {"count": "9", "sum": "3.1", "buckets": [[0, "0.25", "0.5", "4"], ...]}]        one histogram of a query's answer
        --> {le="0.5"} [seconds, "7"], {le="0.7071067811865476"} [seconds, "8.6"], ..., {le="+Inf"} [seconds, "9"]

Format: https://prometheus.io/docs/prometheus/latest/querying/api/#native-histograms (boundary rule, lower bound, upper bound, count).
The bounds are always the same ones, two to a doubling: the server leaves empty buckets out, so that bounds of its own would come and go,
and a cumulative series that is born in the middle of a day looks like that many observations at once. A bound within a native bucket
(custom bounds, or a resolution that was reduced) takes its share of it, in proportion to the width.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

BOUNDS = [2 ** (half / 2) for half in range(-40, 49)]  # a microsecond to half a year in seconds
_LABELS = [repr(bound).removesuffix(".0") for bound in BOUNDS]


def classic(series: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The series of buckets that a series of native histograms stands for. Raises ValueError for what is not a histogram.

    A bucket with nothing in it is left out below the first that has something: such a series truly begins at 0.
    """
    found: dict[str, list[list[Any]]] = {}
    for moment, histogram in series["histograms"]:
        for le, count in _cumulative(histogram):
            found.setdefault(le, []).append([moment, count])
    for le, values in found.items():
        yield {"metric": {**series["metric"], "le": le}, "values": values}


def _cumulative(histogram: Any) -> Iterator[tuple[str, str]]:
    try:
        buckets = [(float(lower), float(upper), float(count)) for _, lower, upper, count in histogram.get("buckets") or []]
        total = str(histogram["count"])
        float(total)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"a native histogram cannot be read: {error}") from None
    counts = [0.0] * len(BOUNDS)
    for lower, upper, count in buckets:
        whole = bisect_left(BOUNDS, upper * (1 - 1e-9) if upper > 0 else upper)  # the first bound that takes all of it
        for index in range(whole, len(BOUNDS)):
            counts[index] += count
        for index in range(bisect_left(BOUNDS, lower), whole):
            if 0 <= lower < BOUNDS[index] and upper < float("inf"):
                counts[index] += count * (BOUNDS[index] - lower) / (upper - lower)
    for le, number in zip(_LABELS, counts, strict=True):
        if number > 0:
            yield le, repr(number).removesuffix(".0")
    yield "+Inf", total
