"""What Prometheus is told of a tale: gauges by formula, counters that grow minute by minute.

Minutes are those of a UTC day, arrays of shape (series, 1440).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.story.plan import Floats, Ints
from sandbox.story.series import Labels, bound_label
from sandbox.tales.calendar import Calendar

Frozen = tuple[tuple[str, str], ...]
"""Labels that can be a key of a cache."""


@dataclass(frozen=True)
class Signal:
    """One or more series that are drawn together: levels, or what counters grow by in each minute."""

    series: tuple[Frozen, ...]
    draw: Callable[[Calendar, Ints, np.random.Generator], Floats]  # minutes of shape (1440,) -> (series, 1440)
    is_counter: bool = False

    @property
    def labels(self) -> list[Labels]:
        """As Prometheus has them, `__name__` included."""
        return [dict(each) for each in self.series]


def gauge(name: str, labels: Labels, level: Callable[[Calendar, Ints, np.random.Generator], Floats]) -> Signal:
    """One series whose value is a formula of the minute."""
    return Signal((_frozen(name, labels),), lambda told, minutes, rng: level(told, minutes, rng)[None, :])


def between(name: str, labels: Labels, low: float, high: float) -> Signal:
    """One series that is anywhere between two values."""
    return gauge(name, labels, lambda _, minutes, rng: np.round(rng.uniform(low, high, len(minutes)), 3))


def now_and_then(name: str, labels: Labels, share: float) -> Signal:
    """A counter that grows by one in a share of the minutes."""
    return counter(name, [labels], lambda _, minutes, rng: (rng.random((1, len(minutes))) < share).astype(np.float64))


def counter(name: str, labels: Sequence[Labels], grown: Callable[[Calendar, Ints, np.random.Generator], Floats]) -> Signal:
    """Counters of one name; `grown` gives what each grows by, of shape (labels, 1440)."""
    return Signal(tuple(_frozen(name, each) for each in labels), grown, is_counter=True)


@dataclass(frozen=True)
class Service:
    """An HTTP service: requests a minute, the share that fails, the share of requests within each bound (seconds)."""

    job: str
    per_minute: float
    shares: tuple[tuple[float, float], ...]  # bound -> share of requests between the bound before and this one
    failing: Callable[[Calendar, Ints], Floats]  # share of requests at each minute
    slower: Callable[[Calendar, int], float] | None = None  # a factor on the seconds of a launch day

    @property
    def bounds(self) -> tuple[float, ...]:
        """Upper bounds of the buckets, the infinite one included."""
        return (*(bound for bound, _ in self.shares), float("inf"))

    def signals(self) -> tuple[Signal, ...]:
        """`up`, requests by code, latency buckets with their sum and count."""
        labels = {"job": self.job, "instance": f"{self.job}-1:8080"}
        name = "http_request_duration_seconds"
        frozen = (
            *(_frozen("http_requests_total", labels | {"code": code}) for code in ("200", "500")),
            *(_frozen(f"{name}_bucket", labels | {"le": bound_label(bound)}) for bound in self.bounds),
            _frozen(f"{name}_sum", labels),
            _frozen(f"{name}_count", labels),
        )
        up = gauge("up", labels, lambda _, minutes, __: np.ones(len(minutes)))
        return (up, Signal(frozen, self._grown, is_counter=True))

    def _grown(self, told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
        asked = rng.poisson(self.per_minute, len(minutes))
        failed = rng.binomial(asked, self.failing(told, minutes))
        given = np.array([share for _, share in self.shares])
        landed = rng.multinomial(asked, [*given, max(0.0, 1 - given.sum())])
        factor = 1.0 if self.slower is None else self.slower(told, told.day_of(int(minutes[len(minutes) // 2])))
        middles = np.array(_middles(self.bounds)) * factor
        within = np.cumsum(landed, axis=1)
        columns = [asked - failed, failed, *within.T, np.round(landed @ middles, 3), asked]
        return np.stack(columns).astype(np.float64)


def _middles(bounds: Sequence[float]) -> list[float]:
    """What a request of each bucket takes: the middle of its bounds, and twice the last one beyond it."""
    found, below = [], 0.0
    for bound in bounds[:-1]:
        found.append((below + bound) / 2)
        below = bound
    return [*found, 2 * below]


def _frozen(name: str, labels: Labels) -> Frozen:
    return tuple(({"__name__": name} | labels).items())
