"""What the answers of a Prometheus server and OpenMetrics export files have in common: the metrics, the grid, the landed lines."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from postlaunch.config.launch import Prometheus
from postlaunch.sources.selectors import Selector, parse_selector

BLOCK_POINTS = 60


@dataclass(frozen=True)
class Metric:
    """A query of a launch file; `metric_id` is `<subject>.<kind>`."""

    metric_id: str
    query: str

    @property
    def selector(self) -> Selector | None:
        """The plain selector that the query is; None for any other expression."""
        return parse_selector(self.query)


def metrics(config: Prometheus) -> list[Metric]:
    """What a launch asks for: up, requests and latency_buckets of each service level, and each resource."""
    found: list[Metric] = []
    for level in config.service_levels:
        found += [Metric(f"{level.id}.up", level.up), Metric(f"{level.id}.requests", level.requests)]
        if level.latency_buckets is not None:
            found.append(Metric(f"{level.id}.latency_buckets", level.latency_buckets))
    return found + [Metric(f"{resource.id}.resource", resource.query) for resource in config.resources]


def request_of(config: Prometheus, **place: Any) -> dict[str, Any]:
    """What a manifest says was asked for. `place`: of whom."""
    asked = {metric.metric_id: metric.query for metric in metrics(config)}
    return {**place, "step_seconds": config.step_seconds, "fresh_seconds": config.fresh_seconds, "queries": asked}


def grid(window: tuple[dt.datetime, dt.datetime], step: int) -> tuple[int, int]:
    """First point (seconds since 1970, a multiple of `step`) and number of points in a half-open window."""
    first = math.ceil(window[0].timestamp() / step)
    return first * step, math.ceil(window[1].timestamp() / step) - first


def moment_of(sample: Any) -> float | None:
    """Seconds since 1970 of a [seconds, value]; None if they cannot be read, which the loader says of that sample alone."""
    moment = sample[0] if isinstance(sample, list) and sample else None
    return moment if isinstance(moment, int | float) else None


def lines_of(metric: Metric, series: dict[str, Any], step: int) -> Iterator[tuple[bytes, int]]:
    """The samples of a series, a line a block, with their number."""
    labels = dict(sorted(series["metric"].items()))
    block_seconds = BLOCK_POINTS * step
    block: list[Any] = []
    number = None
    for sample in series["values"]:
        its_number = number if (moment := moment_of(sample)) is None else moment // block_seconds
        if its_number != number and block:
            yield block_line(metric.metric_id, labels, block), len(block)
            block = []
        number = its_number
        block.append(sample)
    if block:
        yield block_line(metric.metric_id, labels, block), len(block)


def block_line(metric_id: str, labels: dict[str, str], samples: list[Any]) -> bytes:
    """A landed line: some [seconds, value] of a series."""
    return orjson.dumps({"metric_id": metric_id, "labels": labels, "values": samples})
