"""Mixpanel raw export: source days in, launch-local dates out.

    from_date..to_date (project's zone, at most 31 days a call)
        --> lines --> `time` to UTC --> launch-local date --> landing zone, one partition a date

The source days that cover the window are asked for; lines of other local dates are dropped, they belong to other pulls. A call is landed
only after the whole answer is proven complete (mixpanel/http.py); a date's manifest is written when every call that can hold its events is.
A date without events gets a manifest with 0 rows: it was asked for, and it was quiet.

A line that no date can be read from, or that lies outside the days that were asked for, is landed with the date of the line before it
in the stream (of the one behind it, where there is none before), where the loader puts it into quarantine: seen, once, never lost.
"""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch, Mixpanel
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, SourceError
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.progress import Progress
from postlaunch.sources.base import call, check_window
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.mixpanel.http import Export
from postlaunch.sources.mixpanel.profiles import land_profiles
from postlaunch.sources.mixpanel.spec import DAYS_PER_CALL, EVENTS
from postlaunch.sources.mixpanel.time import ProjectClock, event_time

MOST_WAITING_BYTES = 1 << 20  # of lines without a readable time that wait for a neighbour with one
_DAY = dt.timedelta(days=1)
_TIME_FIRST = re.compile(rb'\{\s*"event"\s*:\s*"[^"\\]*"\s*,\s*"properties"\s*:\s*\{\s*"time"\s*:\s*([0-9]{1,18})\s*[,}]').match


def extract(
    launch: Launch,
    connection: Connection,
    dates: Dates,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
    landed: Sequence[Pull] = (),
) -> list[Pull]:
    """Pull the events of the inclusive launch-local dates, the first of which may be `landed`.

    Raises SourceError; then no date is landed that is not complete.
    """
    if launch.mixpanel is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `mixpanel`")
    check_window(launch, dates)
    dates = Dates(dates.first + len(landed) * _DAY, dates.last)
    writers = _writers(launch, dates, landing)
    pulls: list[Pull] = []
    try:
        router = _Router(launch.mixpanel, writers)
        for days in _calls(launch, launch.mixpanel, dates):
            call(budget, _land_call, router, connection, days, progress)
            request = {
                "url": f"{connection.base_url}/api/2.0/export",
                "project_id": launch.mixpanel.project_id,
                "timezone": launch.mixpanel.timezone,
            }
            pulls += router.finalise(days, request)
    except BaseException:
        for writer in writers:
            writer.abort()  # those of finished dates stay
        raise
    return [*landed, *pulls, *land_profiles(launch, connection, dates, landing, progress, budget)]


class _Call:
    """Inclusive source days of one call, and the moment through which it (and those before it) tell everything."""

    def __init__(self, first: dt.date, last: dt.date, told_until: dt.datetime) -> None:
        self.first, self.last, self.told_until = first, last, told_until


def _calls(launch: Launch, config: Mixpanel, dates: Dates) -> Iterator[_Call]:
    """The calls that cover the window. Never a day after the project's today: Mixpanel refuses it with a 400."""
    clock = ProjectClock(config.timezone)
    start, end = launch.window(dates)
    day, today = clock.date(start), clock.date(dt.datetime.now(dt.UTC))
    final = min(clock.date(end - dt.timedelta(microseconds=1)), today)
    while day <= final:
        through = min(day + (DAYS_PER_CALL - 1) * _DAY, final)
        yield _Call(day, through, end if through == final else clock.end_of(through))
        day = through + _DAY


def _writers(launch: Launch, dates: Dates, landing: Landing) -> list[PartitionWriter]:
    pull_id = new_pull_id()
    return [
        PartitionWriter(landing, EVENTS.source, launch.launch, EVENTS.name, date, pull_id, launch.window(Dates.of(date)))
        for date in dates.each
    ]


def _land_call(router: _Router, connection: Connection, call: _Call, progress: Progress) -> None:
    """Land one call. If it fails, none of its lines remain, and those of the calls before it do."""
    label = f"events of {call.first}..{call.last}"
    count = 0
    progress(label, count, None)
    try:
        export = Export(connection, router.config.project_id, call.first.isoformat(), call.last.isoformat())
        for lines in export.lines():
            router.take(lines, call)
            count += len(lines)
            progress(label, count, None)
        router.check(call, export.url)
    except BaseException:
        router.drop()
        raise
    router.keep()


class _Router:
    """Sends each line to the writer of its launch-local date."""

    def __init__(self, config: Mixpanel, writers: list[PartitionWriter]) -> None:
        self.config = config
        self._clock = ProjectClock(config.timezone)
        self._writers = writers
        self._bounds = [writer.window.start.timestamp() for writer in writers] + [writers[-1].window.end.timestamp()]
        self._next = self._placed = self._elsewhere = 0
        self._here: int | None = None  # the writer of the last line whose date could be read
        self._waiting: list[bytes] = []  # lines before the first such line

    def take(self, lines: list[bytes], call: _Call) -> None:
        """Land the lines that belong to the window, and those that cannot be placed."""
        low, high = _wall_seconds(call.first), _wall_seconds(call.last + _DAY)
        times = _times(lines)
        known = [time for time in times if time is not None]
        earliest, latest = min(known, default=low), max(known, default=low)
        if len(known) == len(lines) and low <= earliest and latest < high and self._slot(earliest) == self._slot(latest):
            self._settle(self._slot(earliest))
            self._write(self._slot(earliest), lines)  # events come a day after the other: mostly a block is of one date
            self._placed += len(lines)
            return
        slots: list[list[bytes]] = [[] for _ in range(len(self._writers) + 2)]
        for line, time in zip(lines, times, strict=True):
            if time is not None and low <= time < high:
                self._settle(self._slot(time))
                self._placed += 1
            elif not line:
                continue
            elif time is not None:
                self._elsewhere += 1
            (self._waiting if self._here is None else slots[self._here + 1]).append(line)
        for slot, its_lines in enumerate(slots, start=-1):
            self._write(slot, its_lines)
        if sum(map(len, self._waiting)) > MOST_WAITING_BYTES:
            self._settle(self._next)
            self._here = None

    def _settle(self, slot: int) -> None:
        """The stream is at the date of a writer now; what waited for the first date that can be read belongs there too."""
        if self._waiting:
            self._write(slot, self._waiting)
            self._waiting = []
        self._here = slot

    def _slot(self, time: int) -> int:
        """Which writer a `time` value belongs to; -1 before the window, their number after it."""
        return bisect_right(self._bounds, self._clock.moment(time)) - 1

    def _write(self, slot: int, lines: list[bytes]) -> None:
        if 0 <= slot < len(self._writers):
            self._writers[slot].write_all(lines)

    def check(self, call: _Call, url: str) -> None:
        """Raise SourceError if the answer holds events, but none of the days that were asked for."""
        if self._elsewhere and not self._placed:
            raise SourceError(f"mixpanel: {url} answers with other days than {call.first}..{call.last}; nothing of it was landed")

    def keep(self) -> None:
        """The call is complete. Where no line of it could be read, the first date has them."""
        self._settle(self._next)
        self._here, self._placed, self._elsewhere = None, 0, 0
        for writer in self._writers[self._next :]:
            writer.close_part()

    def drop(self) -> None:
        """The call failed: forget its lines."""
        self._waiting, self._here, self._placed, self._elsewhere = [], None, 0, 0
        for writer in self._writers[self._next :]:
            writer.drop_part()

    def finalise(self, call: _Call, request: dict[str, Any]) -> list[Pull]:
        """Write the manifests of the dates that no later call can add to."""
        pulls: list[Pull] = []
        for writer in self._writers[self._next :]:
            if writer.window.end > call.told_until:
                break
            pulls.append(
                writer.finalise({**request, "from_date": _source_day(self._clock, writer.window.start), "to_date": call.last.isoformat()})
            )
            self._next += 1
        return pulls


def _source_day(clock: ProjectClock, moment: dt.datetime) -> str:
    return clock.date(moment).isoformat()


def _times(lines: list[bytes]) -> list[int | None]:
    """`properties.time` of each line, without parsing where it is the first property, as Mixpanel writes it; the loader looks again."""
    return [int(found[1]) if found else _parsed_time(line) for found, line in zip(map(_TIME_FIRST, lines), lines, strict=True)]


def _parsed_time(line: bytes) -> int | None:
    try:
        return event_time(orjson.loads(line))
    except ValueError:
        return None


def _wall_seconds(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * 86400
