"""Prometheus range queries: the samples of every metric that a launch names, on a grid of whole steps since 1970.

    launch file -> (metric_id, PromQL) -> query_range over [a, b - step] -> one landed line a series and block of 60 points

`start` and `end` are both inclusive, so a chunk ends one step before the next begins: no sample twice, none lost. The grid does not depend
on the window, hence two pulls of a day ask for the same instants. A chunk never crosses a launch-local midnight and is small enough for
the server's limit of 11,000 points a series, and for our memory whatever the number of series.

Values stay the strings that Prometheus sent (`NaN`, `+Inf`). A sample that is missing stays missing: no data is not zero.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch, Prometheus
from postlaunch.errors import ConfigError, SourceError
from postlaunch.sources.base import (
    CONNECT_SECONDS,
    Progress,
    check_status,
    check_window,
    each_date,
    garbage,
    retrying,
    unreachable,
    wait_of,
)
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.landing import Landing, Pull, new_pull_id
from postlaunch.sources.landing_writer import PartitionWriter
from postlaunch.sources.streams import SAMPLES

MAXIMUM_POINTS = 11_000
ANSWER_SAMPLES = 200_000  # about 30 MB of Python objects
FIRST_POINTS = 120  # the first chunk of a metric is small: it tells how many series there are
BLOCK_POINTS = 60
ANSWER_SECONDS = 120.0


@dataclass(frozen=True)
class Metric:
    """A query of a launch file; `metric_id` is `<subject>.<kind>`."""

    metric_id: str
    query: str


def metrics(config: Prometheus) -> list[Metric]:
    """What a launch asks for: up, requests and latency_buckets of each service level, and each resource."""
    found: list[Metric] = []
    for level in config.service_levels:
        found += [Metric(f"{level.id}.up", level.up), Metric(f"{level.id}.requests", level.requests)]
        if level.latency_buckets is not None:
            found.append(Metric(f"{level.id}.latency_buckets", level.latency_buckets))
    return found + [Metric(f"{resource.id}.resource", resource.query) for resource in config.resources]


def extract(
    launch: Launch,
    connection: Connection,
    first: dt.date,
    last: dt.date,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
) -> list[Pull]:
    """Pull the samples of the inclusive launch-local dates, a partition a date. Raises SourceError; complete dates stay landed."""
    config = launch.prometheus
    if config is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `prometheus`")
    check_window(launch, first, last)
    pull_id, pulls, dates = new_pull_id(), [], each_date(first, last)
    now = dt.datetime.now(dt.UTC)  # the server would answer for the next five minutes too, with the last sample it has
    with RangeApi(connection, config.step_seconds) as api:
        for number, date in enumerate(dates):
            window = launch.window(date, date)
            progress(f"samples of {date}", number, len(dates))
            writer = PartitionWriter(landing, SAMPLES.source, launch.launch, SAMPLES.name, date, pull_id, window)
            try:
                for metric in metrics(config):
                    _land(writer, api, metric, (window[0], min(window[1], now)))
                request = {"url": api.url, "step_seconds": config.step_seconds, "queries": {m.metric_id: m.query for m in metrics(config)}}
                pulls.append(writer.finalise(request, api.take_warnings()))
            except BaseException:
                writer.abort()
                raise
    progress("samples", len(dates), len(dates))
    return pulls


def grid(window: tuple[dt.datetime, dt.datetime], step: int) -> tuple[int, int]:
    """First point (seconds since 1970, a multiple of `step`) and number of points in a half-open window."""
    first = math.ceil(window[0].timestamp() / step)
    return first * step, math.ceil(window[1].timestamp() / step) - first


def _land(writer: PartitionWriter, api: RangeApi, metric: Metric, window: tuple[dt.datetime, dt.datetime]) -> None:
    start, points = grid(window, api.step)
    end = start + points * api.step
    while start < end:
        chunk = min(end, _chunk_end(start, api.points_for(metric), api.step))
        for series in api.series(metric, start, chunk):
            for line, samples in _lines(metric, series, api.step):
                writer.write(line, samples)
        start = chunk


def _chunk_end(start: int, points: int, step: int) -> int:
    """A chunk ends on a block's edge, so that the lines of a day do not depend on how it was cut."""
    block = BLOCK_POINTS * step
    return max(start // block + 1, (start + points * step) // block) * block


def _lines(metric: Metric, series: dict[str, Any], step: int) -> Iterator[tuple[bytes, int]]:
    """The samples of a series, a line a block, with their number."""
    labels = dict(sorted(series["metric"].items()))
    block_seconds = BLOCK_POINTS * step
    block: list[Any] = []
    number = None
    for sample in series["values"]:
        its_number = sample[0] // block_seconds
        if its_number != number and block:
            yield _line(metric, labels, block), len(block)
            block = []
        number = its_number
        block.append(sample)
    if block:
        yield _line(metric, labels, block), len(block)


def _line(metric: Metric, labels: dict[str, str], samples: list[Any]) -> bytes:
    return orjson.dumps({"metric_id": metric.metric_id, "labels": labels, "values": samples})


class RangeApi:
    """The query_range endpoint of one server. `step` in seconds."""

    def __init__(self, connection: Connection, step: int) -> None:
        """Basic authentication if the connection has a login."""
        self.url, self.step = f"{connection.base_url}/api/v1/query_range", step
        self._connection = connection
        auth = httpx.BasicAuth(connection.login, connection.password or "") if connection.login else None
        self._client = httpx.Client(auth=auth, timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS))
        self._series_count: dict[str, int] = {}
        self._warnings: dict[str, None] = {}

    def __enter__(self) -> RangeApi:
        """The open client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._client.close()

    def points_for(self, metric: Metric) -> int:
        """Points a series to ask for next, from the number of series that the metric had so far."""
        count = self._series_count.get(metric.metric_id)
        return FIRST_POINTS if count is None else max(BLOCK_POINTS, min(MAXIMUM_POINTS, ANSWER_SAMPLES // max(count, 1)))

    def series(self, metric: Metric, start: int, end: int) -> list[dict[str, Any]]:
        """Every series with its samples at the grid points of [start, end). Seconds since 1970."""
        answer = retrying()(self._post, metric, start, end)
        for warning in [*(answer.get("warnings") or []), *(answer.get("infos") or [])]:
            self._warnings[f"{metric.metric_id}: {warning}"] = None
        result: list[dict[str, Any]] = answer["data"]["result"]
        self._series_count[metric.metric_id] = max(len(result), self._series_count.get(metric.metric_id, 1))
        return result

    def take_warnings(self) -> list[str]:
        """What the server warned of since the last call."""
        found, self._warnings = list(self._warnings), {}
        return found

    def _post(self, metric: Metric, start: int, end: int) -> dict[str, Any]:
        form = {"query": metric.query, "start": str(start), "end": str(end - self.step), "step": str(self.step)}
        try:
            response = self._client.post(self.url, data=form)
        except httpx.HTTPError as error:
            raise unreachable(self._connection, "prometheus", self.url, error) from None
        answer = _json(response.content)
        if answer is not None and answer.get("status") == "error" and response.status_code in (400, 422):
            raise SourceError(
                f"prometheus: {self.url} refuses the query of {metric.metric_id}: {answer.get('error')}; "
                f"mend it in the launch file (query: {metric.query})"
            )
        check_status(self._connection, "prometheus", self.url, response.status_code, wait_of(response.headers), response.text[:2000])
        if answer is None or answer.get("status") != "success" or (answer.get("data") or {}).get("resultType") != "matrix":
            raise garbage(self._connection, "prometheus", self.url, response.content, "a matrix in JSON")
        return answer


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
