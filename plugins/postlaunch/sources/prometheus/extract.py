"""Prometheus range queries: the samples of every metric that a launch names, on a grid of whole steps since 1970.

    launch file -> (metric_id, PromQL) -> query_range over [a, b - step] -> one landed line a series and block of 60 points

`start` and `end` are both inclusive, so a chunk ends one step before the next begins: no sample twice, none lost. The grid does not depend
on the window, hence two pulls of a day ask for the same instants. A chunk never crosses a launch-local midnight and is small enough for
the server's limit of 11,000 points a series, and for our memory: by the number of series so far it holds ANSWER_SAMPLES. If there are
more than twice as many, because series appeared, it is not read to its end but asked for again in smaller chunks. Only an instant is never
cut. So memory is that of one answer, and where a chunk is less than a block some 3 KB a series for what is known of its block.

Values stay the strings that Prometheus sent (`NaN`, `+Inf`). A sample that is missing stays missing: no data is not zero. But for five
minutes after the last true sample the server answers with that one again. For selectors a second query, `time() - timestamp(...)`, names
such points (mostly none): they are left out, and counted in the warnings of the manifest (staleness.py).

A metric whose query the server refuses, or whose answer cannot be read, costs that metric alone: nothing of it is landed, a warning is.

A launch that names OpenMetrics files is read from these instead, to the same lines (openmetrics.py).
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import httpx
import orjson

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch, Prometheus
from postlaunch.dates import Dates, Interval
from postlaunch.errors import ConfigError, SourceError
from postlaunch.landing.bounds import READ_BYTES, TooLargeError, beginning_of, body_of, check_values, plain_blocks
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.progress import Progress
from postlaunch.sources.base import (
    TransientError,
    call,
    check_status,
    check_window,
    garbage,
    quoted,
    wait_of,
)
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.http import answer_of, open_client
from postlaunch.sources.prometheus.native_histograms import classic
from postlaunch.sources.prometheus.openmetrics import extract_files
from postlaunch.sources.prometheus.samples import BLOCK_POINTS, BlockLines, MetricQuery, grid, metrics, moment_of, request_of
from postlaunch.sources.prometheus.spec import SAMPLES
from postlaunch.sources.prometheus.staleness import Staleness

MAXIMUM_POINTS = 11_000  # of a series in one answer: Prometheus refuses more
ANSWER_SAMPLES = 200_000  # about 30 MB of Python objects
MOST_ANSWER_BYTES = 8 << 20  # of one answer; a block of points is asked for so that it stays below
MOST_ANSWER_VALUES = 800_000  # three to a sample; the costliest take 50 bytes each once they are read
FIRST_POINTS = 10  # the first chunk of a metric is small: it tells how many series there are
SHRINK = 4  # so much smaller is the chunk after one that was too large
ANSWER_SECONDS = 120.0  # Prometheus itself gives a query up after two minutes


def extract(
    launch: Launch,
    connection: Connection,
    dates: Dates,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
    landed: Sequence[Pull] = (),
) -> list[Pull]:
    """Pull the samples of the inclusive launch-local dates, a partition a date, the first of which may be `landed`.

    Raises SourceError; complete dates stay landed.
    """
    config = launch.prometheus
    if config is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `prometheus`")
    check_window(launch, dates)
    dates = Dates(dates.first + dt.timedelta(days=len(landed)), dates.last)
    if config.openmetrics:
        return [*landed, *extract_files(launch, config, dates, landing, progress)]
    pull_id, pulls, each = new_pull_id(), list(landed), dates.each
    now = dt.datetime.now(dt.UTC)  # the server would answer for the next five minutes too, with the last sample it has
    with RangeApi(connection, config, budget) as api:
        for number, date in enumerate(each):
            window = launch.window(Dates.of(date))
            progress(f"samples of {date}", number, len(each))
            writer = PartitionWriter(landing, SAMPLES.source, launch.launch, SAMPLES.name, date, pull_id, window)
            try:
                _land_metrics(writer, api, metrics(launch), Interval(window.start, min(window.end, now)))
                pulls.append(writer.finalise(request_of(launch, config, url=api.url), api.take_warnings()))
            except BaseException:
                writer.abort()
                raise
    progress("samples", len(each), len(each))
    return pulls


def _land_metrics(writer: PartitionWriter, api: RangeApi, asked: list[MetricQuery], window: Interval) -> None:
    """Land every metric that can be had. Raises the QueryError of the first if none can."""
    failures: list[QueryError] = []
    for metric in asked:
        try:
            _land(writer, api, metric, window)
        except QueryError as error:
            writer.drop_part()
            api.warn(f"{metric.metric_id} was not pulled: {error}")
            failures.append(error)
        writer.close_part()
    if failures and len(failures) == len(asked):
        raise failures[0]


def _land(writer: PartitionWriter, api: RangeApi, metric: MetricQuery, window: Interval) -> None:
    start, points = grid(window, api.step)
    end, block = start + points * api.step, BLOCK_POINTS * api.step
    lines = BlockLines(metric, api.step)
    while start < end:
        found, start = api.chunk(metric, start, end)
        for line, samples in lines.take(found, is_whole=start == end or start % block == 0):
            writer.write(line, samples)


def _chunk_end(start: int, points: int, step: int) -> int:
    """A chunk ends within the block that it begins in, or on a block's edge: only one block is ever unfinished."""
    block = BLOCK_POINTS * step
    end = start + points * step
    return end if end // block == start // block else end // block * block


class QueryError(SourceError):
    """The query of one metric cannot be answered, or its answer cannot be read; the other metrics can."""


class _QueryTimeoutError(TransientError):
    """The server gave a query up: it may have been busy, or the query is too much for it."""


class RangeApi:
    """Range queries to one server."""

    def __init__(self, connection: Connection, config: Prometheus, budget: Budget = UNLIMITED) -> None:
        """Basic authentication if the connection has a login."""
        self.url, self.step = f"{connection.base_url}/api/v1/query_range", config.step_seconds
        self._format_url = f"{connection.base_url}/api/v1/format_query"
        self._connection, self._budget, self._fresh = connection, budget, config.fresh_seconds
        self._staleness = Staleness(self._formatted)
        self._client = open_client(connection.login, connection.password or "", ANSWER_SECONDS)
        self._series_count: dict[str, int] = {}
        self._most_points: dict[str, int] = {}
        self._warnings: dict[str, None] = {}
        self._repeated: Counter[str] = Counter()

    def __enter__(self) -> RangeApi:
        """The open client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._client.close()

    def chunk(self, metric: MetricQuery, start: int, end: int) -> tuple[list[dict[str, Any]], int]:
        """Every series with its samples at the grid points from `start` to as far as memory allows, and how far that is."""
        while True:
            until = min(end, _chunk_end(start, self._points_for(metric), self.step))
            try:
                return self._series(metric, start, until), until
            except TooLargeError as limit:
                if until - start <= self.step:
                    raise QueryError(
                        f"prometheus: {self.url} answers the query of {metric.metric_id} with {limit} at one instant, and no more is read "
                        f"of one answer; let the server add series up, for example sum by (le) (...) (query: {metric.query})"
                    ) from None
                self._most_points[metric.metric_id] = max(1, (until - start) // self.step // SHRINK)

    def _points_for(self, metric: MetricQuery) -> int:
        """Points a series to ask for next, from the number of series that the metric had so far, and from what was too large."""
        count = self._series_count.get(metric.metric_id)
        points = FIRST_POINTS if count is None else max(1, ANSWER_SAMPLES // count)
        return min(points, MAXIMUM_POINTS, self._most_points.get(metric.metric_id, points))

    def _series(self, metric: MetricQuery, start: int, end: int) -> list[dict[str, Any]]:
        """Every series with its samples at the grid points of [start, end). Seconds since 1970."""
        found = self._ask(metric, metric.query, start, end)
        ends = [sample for series in found for samples in _samples_of(series) for sample in samples[:1] + samples[-1:]]
        moments = [moment for moment in map(moment_of, ends) if moment is not None]
        if moments and (max(moments) < start or min(moments) >= end):
            raise SourceError(f"prometheus: {self.url} answers with other times than {start} to {end}; nothing of it was landed")
        if found and self._staleness.is_told(metric, self.warn):
            self._leave_out_repeated(metric, found, start, end)
        found = self._without_native(metric, found)
        self._series_count[metric.metric_id] = max(len(found), self._series_count.get(metric.metric_id, 1))
        return found

    def _without_native(self, metric: MetricQuery, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Native histograms as cumulative buckets, where those are wanted."""
        native = [series for series in found if series.get("histograms")]
        if not native:
            return found
        if not metric.takes_buckets:
            raise QueryError(
                f"prometheus: the query of {metric.metric_id} gives native histograms, and numbers are wanted; "
                f"take one of them, for example histogram_count(...) (query: {metric.query})"
            )
        try:
            return [each for each in found if each["values"]] + [each for series in native for each in classic(series)]
        except ValueError as error:
            raise QueryError(f"prometheus: {self.url}, {metric.metric_id}: {error} (query: {metric.query})") from None

    def warn(self, text: str) -> None:
        """Put a warning, once, into the manifest of the date that is being pulled."""
        self._warnings[self._connection.without_secrets(text)] = None

    def take_warnings(self) -> list[str]:
        """What the server warned of since the last call, and how many points were left out."""
        left_out = [
            f"{metric_id}: {count} points left out, their newest sample was {self._fresh} s old or older: nothing was scraped then, or "
            "samples lie further apart than gap_seconds of the launch file"
            for metric_id, count in self._repeated.items()
        ]
        found, self._warnings, self._repeated = [*self._warnings, *left_out], {}, Counter()
        return found

    def _leave_out_repeated(self, metric: MetricQuery, found: list[dict[str, Any]], start: int, end: int) -> None:
        """Take the points out that only repeat a sample too old for them. The answer has no names, all else is as in `found`."""
        selector = metric.query if metric.selector else f"\n{metric.query}\n"  # a comment at its end goes no further
        query = f"time() - timestamp({selector}) >= {self._fresh}"
        old = {_nameless(each): {*map(moment_of, each["values"])} - {None} for each in self._ask(metric, query, start, end)}
        for series in found if old else ():
            instants = old.get(_nameless(series), set())
            for samples in _samples_of(series):
                kept = [sample for sample in samples if moment_of(sample) not in instants]
                self._repeated[metric.metric_id] += len(samples) - len(kept)
                samples[:] = kept

    def _ask(self, metric: MetricQuery, query: str, start: int, end: int) -> list[dict[str, Any]]:
        try:
            answer = call(self._budget, self._post, metric, query, start, end)
        except _QueryTimeoutError as error:
            raise QueryError(str(error)) from None
        for warning in [*(answer.get("warnings") or []), *(answer.get("infos") or [])]:
            self.warn(f"{metric.metric_id}: {warning}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def _post(self, metric: MetricQuery, query: str, start: int, end: int) -> dict[str, Any]:
        form = {"query": query, "start": str(start), "end": str(end - self.step), "step": str(self.step)}
        with self._answer(self.url, form) as response:
            body = _body(response, 2 * ANSWER_SAMPLES if end - start > self.step else math.inf)
        answer = _json(body)
        if answer is not None and answer.get("status") == "error":
            self._check_refusal(metric, query, response.status_code, answer)
        said = body[:2000].decode("utf-8", "replace")
        check_status(self._connection, "prometheus", self.url, response.status_code, wait_of(response.headers), said)
        if answer is None or not _is_matrix(answer):
            raise garbage(self._connection, "prometheus", self.url, body, "a matrix in JSON")
        return answer

    def _check_refusal(self, metric: MetricQuery, query: str, status: int, answer: dict[str, Any]) -> None:
        """Raise QueryError or _QueryTimeoutError if it is about the query, not about the server."""
        said = quoted(self._connection, str(answer.get("error")))
        place = f"prometheus: {self.url}"
        if status in (400, 422):
            raise QueryError(f"{place} refuses the query of {metric.metric_id}: {said}; fix it in the launch file (query: {query})")
        if status == 503 and answer.get("errorType") in ("timeout", "canceled"):
            raise _QueryTimeoutError(
                f"{place} gave the query of {metric.metric_id} up: {said}; make it cheaper, or give the server more time (query: {query})"
            )

    def _formatted(self, query: str) -> str | None:
        """The server's own spelling of a query; None if it knows no such call (older than 2.40, or not Prometheus itself)."""

        def ask() -> str | None:
            try:
                with self._answer(self._format_url, {"query": query}) as response:
                    answer = _json(_body(response, math.inf))
            except TooLargeError:
                return None
            found = answer.get("data") if answer and answer.get("status") == "success" else None
            return found if isinstance(found, str) else None

        return call(self._budget, ask)

    def _answer(self, url: str, form: dict[str, str]) -> AbstractContextManager[httpx.Response]:
        return answer_of(self._client, self._client.build_request("POST", url, data=form), self._connection, "prometheus")


def _body(response: httpx.Response, most_samples: float) -> bytes:
    """The whole body. Raises TooLargeError when it has more samples, each of which ends in `"]`, or more of anything than can be read."""
    encoding = response.headers.get("Content-Encoding")
    if not response.is_success:
        return beginning_of(response.iter_raw(), encoding, READ_BYTES)  # JSON, if it is about the query
    samples = 0

    def counted() -> Iterator[bytes]:
        nonlocal samples
        for block in plain_blocks(response.iter_raw(), encoding):
            samples += block.count(b'"]')
            if samples > most_samples:
                raise TooLargeError(f"more than {most_samples:,} samples")
            yield block

    return check_values(body_of(counted(), None, MOST_ANSWER_BYTES), MOST_ANSWER_VALUES)


def _samples_of(series: dict[str, Any]) -> list[list[Any]]:
    """The numbers of a series, and its native histograms."""
    return [series["values"], *([series["histograms"]] if series.get("histograms") else [])]


def _is_matrix(answer: dict[str, Any]) -> bool:
    data = answer.get("data")
    if answer.get("status") != "success" or not isinstance(data, dict) or data.get("resultType") != "matrix":
        return False
    series = data.get("result")
    return isinstance(series, list) and all(map(_is_series, series))


def _is_series(each: Any) -> bool:
    """Labels with values, or histograms, or both; `values` is there afterwards in any case."""
    if not isinstance(each, dict) or not isinstance(each.get("metric"), dict):
        return False
    histograms = each.get("histograms")
    if isinstance(histograms, list) and histograms and all(isinstance(pair, list) and len(pair) == 2 for pair in histograms):
        each.setdefault("values", [])
    return isinstance(each.get("values"), list)


def _nameless(series: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((label, value) for label, value in series["metric"].items() if label != "__name__")


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
