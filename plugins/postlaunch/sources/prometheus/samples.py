"""What the answers of a Prometheus server and OpenMetrics export files have in common: the metrics, the grid, the landed lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from postlaunch.config.declared import prometheus_metrics
from postlaunch.config.launch import Launch, Prometheus
from postlaunch.dates import Interval
from postlaunch.sources.prometheus.selectors import Selector, parse_selector

BLOCK_POINTS = 60  # of a series in one landed line


@dataclass(frozen=True)
class MetricQuery:
    """A query of a launch file; `metric_id` is `<subject>.<kind>`."""

    metric_id: str
    query: str

    @property
    def takes_buckets(self) -> bool:
        """True if cumulative buckets are what is wanted, so that a native histogram can stand for them."""
        return self.metric_id.endswith((".latency_buckets", ".histogram"))

    @property
    def selector(self) -> Selector | None:
        """The plain selector that the query is; None for any other expression."""
        return parse_selector(self.query)


def metrics(launch: Launch) -> list[MetricQuery]:
    """What a launch asks for: service levels, resources and KPIs of its own."""
    return [MetricQuery(metric.metric_id, metric.query) for metric in prometheus_metrics(launch)]


def request_of(launch: Launch, config: Prometheus, **place: Any) -> dict[str, Any]:
    """What a manifest says was asked for. `place`: of whom."""
    asked = {metric.metric_id: metric.query for metric in metrics(launch)}
    return {**place, "step_seconds": config.step_seconds, "fresh_seconds": config.fresh_seconds, "queries": asked}


def grid(window: Interval, step: int) -> tuple[int, int]:
    """First point (seconds since 1970, a multiple of `step`) and number of points in an interval."""
    first = math.ceil(window.start.timestamp() / step)
    return first * step, math.ceil(window.end.timestamp() / step) - first


def moment_of(sample: Any) -> float | None:
    """Seconds since 1970 of a [seconds, value]; None if they cannot be read, which the loader says of that sample alone."""
    moment = sample[0] if isinstance(sample, list) and sample else None
    return moment if isinstance(moment, int | float) else None


class BlockLines:
    """Makes the lines of a metric, one a series and block, whatever answers its samples come in.

    What an answer says of a block that the next one goes on with is kept as text: some 3 KB a series when the block is nearly whole.
    """

    def __init__(self, metric: MetricQuery, step: int) -> None:
        """Nothing is kept yet."""
        self._metric_id, self._block_seconds = metric.metric_id, BLOCK_POINTS * step
        self._kept: dict[tuple[bytes, float | None], _Piece] = {}

    def take(self, found: list[dict[str, Any]], is_whole: bool) -> Iterator[tuple[bytes, int]]:
        """The lines that are complete, with the number of their samples. `is_whole`: the answer ends with a block, or is the last one."""
        for series in found:
            start = orjson.dumps({"metric_id": self._metric_id, "labels": dict(sorted(series["metric"].items()))})[:-1]
            for number, samples in self._blocks(series["values"]):
                piece = self._kept.pop((start, number), None) or _Piece()
                piece.add(orjson.dumps(samples)[1:-1], len(samples))
                if is_whole:
                    yield piece.line(start), piece.samples
                else:
                    self._kept[start, number] = piece
        if is_whole:
            yield from ((piece.line(start), piece.samples) for (start, _), piece in self._kept.items())
            self._kept.clear()

    def _blocks(self, samples: list[Any]) -> Iterator[tuple[float | None, list[Any]]]:
        """Numbers of blocks and their samples; one whose time cannot be read goes with the one before it."""
        block: list[Any] = []
        number = None
        for sample in samples:
            its_number = number if (moment := moment_of(sample)) is None else moment // self._block_seconds
            if its_number != number and block:
                yield number, block
                block = []
            number = its_number
            block.append(sample)
        if block:
            yield number, block


@dataclass(slots=True)
class _Piece:
    """Samples of a block, in JSON without the brackets."""

    text: bytes = b""
    samples: int = 0

    def add(self, text: bytes, samples: int) -> None:
        self.text = b"%b,%b" % (self.text, text) if self.text else text
        self.samples += samples

    def line(self, start: bytes) -> bytes:
        """The same as `block_line` writes, of parts that are JSON already."""
        return b'%b,"values":[%b]}' % (start, self.text)


def block_line(metric_id: str, labels: dict[str, str], samples: list[Any]) -> bytes:
    """A landed line: some [seconds, value] of a series."""
    return orjson.dumps({"metric_id": metric_id, "labels": labels, "values": samples})
