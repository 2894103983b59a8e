"""OpenMetrics export files, read to the lines that the server's answers would give.

    files in the order of their names -> lines -> the series that a selector of the launch takes -> the same grid -> landing zone

For `promtool tsdb dump-openmetrics` and whatever else writes OpenMetrics text with timestamps, gzipped or not, at a path, an http(s) URL
(one file), or any other URL that fsspec knows. A point of the grid gets the newest sample before it that is fresh, by the rule of
`prometheus.py`. A file that does not end in `# EOF` was cut: nothing of the pull is landed.

Memory: one line, and up to WAITING points. prometheus_client's parser would hold a whole family before it gives its first sample, and in
a dump one family is every sample of every series of a name; the tests hold these lines against it. Two things a text cannot say: the marker
of a series that ended (at most one step of its last sample stays) and native histograms.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch, Prometheus
from postlaunch.dates import Dates, Interval
from postlaunch.errors import ConfigError, SourceError
from postlaunch.landing.bounds import LONGEST_LINE, split_lines
from postlaunch.landing.gzip_stream import GzipError
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.progress import Progress
from postlaunch.sources.prometheus.export_files import Place, UnreadableError, places_of
from postlaunch.sources.prometheus.samples import BLOCK_POINTS, MetricQuery, block_line, grid, metrics, request_of
from postlaunch.sources.prometheus.selectors import Selector, unescaped
from postlaunch.sources.prometheus.spec import SAMPLES

WAITING = 200_000  # points in memory before they are written
KNOWN = 100_000  # spellings of series that are remembered
REPORT_LINES = 100_000  # between two words about how far the file is read
SECRET_LENGTH = 8  # a shorter value of a query may well be a word of a message
_EOF = b"# EOF"
_METADATA = re.compile(rb"# (?:TYPE|HELP|UNIT) ")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BRACES = rf"\{{(?:[^\"}}]|{_QUOTED})*\}}"
_SAMPLE = re.compile(rf"((?:[a-zA-Z_:][a-zA-Z0-9_:]*)?(?:{_BRACES})?) (\S+)(?: (\S+))?(?: # {_BRACES} \S+(?: \S+)?)?")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")
_HIDDEN = re.compile(r"(?<=://)(?:[^/@]*:(?!\d+/).*|[^/?#]*)@|[?#].*")  # user:password@ even if it has a slash in it, and the query
_LABEL = re.compile(rf"\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*)?({_QUOTED})\s*(?:,|$)")


@dataclass
class Series:
    """A series of the launch: its newest sample (milliseconds since 1970, value) and the points that wait to be written."""

    metric_ids: tuple[str, ...]
    labels: dict[str, str]
    moment: int | None = None
    value: str = ""
    points: list[list[Any]] = field(default_factory=list)


def extract_files(launch: Launch, config: Prometheus, dates: Dates, landing: Landing, progress: Progress) -> list[Pull]:
    """Land the samples of the inclusive dates, a partition a date. Raises SourceError or ConfigError; then nothing is landed."""
    places, pull_id, each = _places(config.openmetrics), new_pull_id(), dates.each
    writers = [PartitionWriter(landing, SAMPLES.source, launch.launch, SAMPLES.name, d, pull_id, launch.window(Dates.of(d))) for d in each]
    request = request_of(launch, config, files=[_public(str(place), config.openmetrics) for place in places])
    try:
        sampler = Sampler(launch, config, writers)
        for place in places:
            _read(place, sampler, progress, config.openmetrics)
        sampler.finish()
        pulls = [writer.finalise(request) for writer in writers]
    except BaseException:
        for writer in writers:
            writer.abort()  # those of finished dates stay
        raise
    progress("samples", len(each), len(each))
    return pulls


class Sampler:
    """Puts samples on the grid and writes them, a line a series, date and block of the grid."""

    def __init__(self, launch: Launch, config: Prometheus, writers: list[PartitionWriter]) -> None:
        """`writers`: of adjacent dates. Raises ConfigError for a query that is not a plain selector."""
        self._selectors = [(metric.metric_id, _selector(metric)) for metric in metrics(launch)]
        self._writers, self._bounds = writers, [writer.window.start.timestamp() for writer in writers]
        self._step, self._fresh = config.step_seconds, config.fresh_seconds * 1000
        now = dt.datetime.now(dt.UTC)
        start, points = grid(Interval(writers[0].window.start, min(writers[-1].window.end, now)), self._step)
        self._first, self._end = start // self._step, start // self._step + points
        self._spellings: dict[str, Series | None] = {}
        self._series: dict[tuple[tuple[str, str], ...], Series] = {}
        self._waiting = 0

    def series(self, text: str) -> Series | None:
        """The series of a spelling (`name{label="value"}`), None if the launch asks for none such. Raises ValueError for bad labels."""
        if text not in self._spellings:
            if len(self._spellings) >= KNOWN:
                self._spellings.clear()
            self._spellings[text] = self._find(_labels(text))
        return self._spellings[text]

    def take(self, series: Series, moment: int, value: str) -> None:
        """The next sample of a series. Raises ValueError if it is not a number, or does not follow the one before."""
        float(value)
        if series.moment is not None and moment <= series.moment:
            if (moment, value) == (series.moment, series.value):
                return
            raise ValueError(
                "it does not come after the sample before it: an export tells each series in order of time, "
                "and files are read in the order of their names"
            )
        self._fill(series, moment)
        series.moment, series.value = moment, value

    def finish(self) -> None:
        """There is no further sample: write what waits."""
        for series in self._series.values():
            if series.moment is not None:
                self._fill(series, series.moment + self._fresh)
        self._write_all()

    def _find(self, labels: dict[str, str]) -> Series | None:
        key = tuple(sorted(labels.items()))
        if key not in self._series:
            metric_ids = tuple(metric_id for metric_id, selector in self._selectors if selector.accepts(labels))
            if not metric_ids:
                return None
            self._series[key] = Series(metric_ids, dict(key))
        return self._series[key]

    def _fill(self, series: Series, until: int) -> None:
        """Give the newest sample to the points from it to before `until`, as long as it is fresh."""
        if series.moment is None:
            return
        step = self._step * 1000
        first = max(-(-series.moment // step), self._first)
        end = min(-(-min(until, series.moment + self._fresh) // step), self._end)
        for number in range(first, end):
            if series.points and series.points[-1][0] // self._step // BLOCK_POINTS != number // BLOCK_POINTS:
                self._write(series)
            series.points.append([number * self._step, series.value])
            self._waiting += 1
        if self._waiting > WAITING:
            self._write_all()

    def _write_all(self) -> None:
        for series in self._series.values():
            self._write(series)

    def _write(self, series: Series) -> None:
        for index, points in groupby(series.points, key=lambda point: bisect_right(self._bounds, point[0]) - 1):
            samples = list(points)
            for metric_id in series.metric_ids:
                self._writers[index].write(block_line(metric_id, series.labels, samples), len(samples))
        self._waiting -= len(series.points)
        series.points = []


def _read(place: Place, sampler: Sampler, progress: Progress, patterns: Sequence[str]) -> None:
    """Every sample of a file. Raises SourceError that names file and line."""
    shown, number = _public(str(place), patterns), 0
    try:
        for number, line in _lines(_raw_lines(place.blocks())):
            _take(line, sampler)
            if number % REPORT_LINES == 0:
                progress(f"lines of {shown.rpartition('/')[2]}", number, None)
    except (ValueError, EOFError, zlib.error, GzipError) as error:
        said = _public(str(error), patterns)
        raise SourceError(f"prometheus: {shown}, after line {number}: {said}; nothing was landed, export it again") from None
    except UnreadableError as error:
        raise SourceError(f"prometheus: {shown} cannot be read: {_public(str(error), patterns)}") from None


def _raw_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for found in split_lines(blocks):
        if len(found.lines[0]) > LONGEST_LINE:
            raise ValueError(f"the next line is longer than {LONGEST_LINE >> 20} MiB, which no sample is")
        yield from found.lines


def _lines(file: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold samples, with their numbers. Raises ValueError unless the last line is `# EOF`."""
    is_whole = False
    for number, line in enumerate(file, start=1):
        if is_whole:
            raise ValueError("it goes on after `# EOF`")
        if line == _EOF:
            is_whole = True
        elif not _METADATA.match(line):
            yield number, line
    if not is_whole:
        raise ValueError("it does not end in `# EOF`: the export was cut short")


def _take(line: bytes, sampler: Sampler) -> None:
    found = _SAMPLE.fullmatch(line.decode())
    if found is None:
        raise ValueError("the next line is not an OpenMetrics sample")
    series = sampler.series(found[1])
    if series is None:
        return
    if found[3] is None:
        raise ValueError(f"{found[1]} has no timestamp: a history tells when each sample was")
    sampler.take(series, round(float(found[3]) * 1000), found[2])


def _labels(text: str) -> dict[str, str]:
    """The labels of `name{label="value"}`, the name among them; one that is empty is none."""
    name, brace, inside = text.partition("{")
    labels = {"__name__": name} if name else {}
    inside, position = inside[:-1] if brace else "", 0
    while inside[position:].strip():
        match = _LABEL.match(inside, position)
        if match is None:
            raise ValueError(f"the labels of {text} are not readable")
        labels[match[1] or "__name__"] = unescaped(match[2][1:-1])
        position = match.end()
    return {label: value for label, value in labels.items() if value}


def _places(patterns: tuple[str, ...]) -> list[Place]:
    """The files of paths, globs and URLs. Raises SourceError if one names none."""
    found: list[Place] = []
    for pattern in patterns:
        shown = _public(pattern, patterns)
        try:
            places = places_of(pattern)
        except UnreadableError as error:
            raise SourceError(f"prometheus: {shown} cannot be read: {_public(str(error), patterns)}") from None
        if not places:
            raise SourceError(f"prometheus: there is no file {shown}; openmetrics of the launch file names it")
        found += places
    return found


def _public(text: str, patterns: Sequence[str]) -> str:
    """A place, or what a driver says of it: URLs without credentials and query, `***` where else those of `patterns` are repeated."""
    text = _URL.sub(lambda url: _HIDDEN.sub("", url[0]), text)
    for secret in sorted({secret for pattern in patterns for secret in _secrets(pattern)}, key=len, reverse=True):
        text = Connection("", "", "", password=secret).without_secrets(text)
    return text


def _secrets(pattern: str) -> Iterator[str]:
    """What is secret in a place, as it stands there and as it is meant: the password, the values of the query."""
    for hidden in _HIDDEN.findall(pattern) if "://" in pattern else ():
        if hidden.endswith("@"):
            account = hidden[:-1]
            found = [hidden, account.partition(":")[2] or account]
        else:
            found = [pair for pair in re.split("[?#&;]", hidden) if "=" in pair]
            found += [value for _, _, value in (pair.partition("=") for pair in found) if len(value) >= SECRET_LENGTH]
        yield from found
        yield from map(unquote, found)


def _selector(metric: MetricQuery) -> Selector:
    if metric.selector is None:
        raise ConfigError(
            f'the query of {metric.metric_id} is not a plain selector such as up{{job="api"}}: '
            f"files can be selected from, not calculated with (query: {metric.query})"
        )
    return metric.selector
