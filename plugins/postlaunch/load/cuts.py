"""Pulls of another time zone, cut anew: a date of the launch's zone from the landed dates that hold it.

    old dates   |--- 3rd ---|--- 4th ---|       each line goes by its own moment; one without a readable moment goes with the line
    new dates        |--- 3rd ---|              before it, as when it was landed (the first ones with the one behind them)

The cut is landed as a pull of its own beside the old ones, which stay: so it can be loaded again without the API, like any other. Its id
begins with the moment of the oldest pull it is made of, because nothing later than that was asked for. The same cut has the same id.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates, Interval
from postlaunch.landing.resume import began, window_of
from postlaunch.landing.streams import Moments, Stream
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import MANIFEST, Landing, Pull, read_pull
from postlaunch.sources.prometheus.samples import moment_of

MOST_WAITING = 1_000  # lines before the first with a readable moment; more of them go with the beginning of their pull
_READ_BY = ("timezone", "step_seconds")  # what a loader takes from the request; pulls that differ here cannot be one


@dataclass(frozen=True)
class Cut:
    """What lies in a window of one pull."""

    pull: Pull
    start: dt.datetime
    end: dt.datetime


def cuts(window: Interval, pulls: Sequence[Pull]) -> list[Cut] | None:
    """The window in pieces, each from the newest pull that holds it, in order of time; None where no pull does.

    A date that was still running when it was pulled is held up to that moment only.
    """
    found: list[Cut] = []
    missing = [window.utc]
    for pull in sorted(pulls, key=lambda pull: pull.manifest.pull_id, reverse=True):
        starts, ends = window_of(pull)
        ends = min(ends, max(starts, began(pull)))
        still: list[Interval] = []
        for start, end in missing:
            first, last = max(start, starts), min(end, ends)
            if first >= last:
                still.append(Interval(start, end))
                continue
            found.append(Cut(pull, first, last))
            still += [gap for gap in (Interval(start, first), Interval(last, end)) if gap.start < gap.end]
        missing = still
    is_one_kind = len({tuple(cut.pull.manifest.request.get(key) for key in _READ_BY) for cut in found}) == 1
    return sorted(found, key=lambda cut: cut.start) if not missing and is_one_kind else None


def land(landing: Landing, stream: Stream, launch: Launch, date: dt.date, parts: Sequence[Cut]) -> Pull:
    """The pull of a date that the cuts make, landed unless it is there already. Raises LandingError."""
    window = launch.window(Dates.of(date))
    if len(parts) == 1 and window_of(parts[0].pull) == (parts[0].start, parts[0].end):
        return parts[0].pull
    pull_id = _pull_id(parts)
    writer = PartitionWriter(landing, stream.source, launch.launch, stream.name, date, pull_id, window)
    if (writer.folder / MANIFEST).exists():
        return read_pull(writer.folder)
    try:
        for cut in parts:
            for line, rows in _events(cut, stream.moments) if stream.moments else _samples(cut):
                writer.write(line, rows)
        sources = [f"{cut.pull.manifest.partition}/{cut.pull.manifest.pull_id}" for cut in parts]
        warnings = dict.fromkeys(warning for cut in parts for warning in cut.pull.manifest.warnings)
        return writer.finalise({**parts[-1].pull.manifest.request, "cut_from": sources}, list(warnings))
    except BaseException:
        writer.abort()
        raise


def _pull_id(parts: Sequence[Cut]) -> str:
    text = " ".join(f"{cut.pull.manifest.pull_id} {cut.pull.manifest.content_hash} {cut.start} {cut.end}" for cut in parts)
    oldest = min(cut.pull.manifest.pull_id for cut in parts)
    return f"{oldest[:22]}-{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:6]}"


def _events(cut: Cut, moments: Moments) -> Iterator[tuple[bytes, int]]:
    """Lines of the cut. Lines outside of their own pull's window are as unreadable as those without a time."""
    read = moments(cut.pull.manifest.request)
    low, high = (edge.timestamp() for edge in window_of(cut.pull))

    def moment(line: bytes) -> float | None:
        found = read(line)
        return found if found is not None and low <= found < high else None

    start, end = cut.start.timestamp(), cut.end.timestamp()
    for place, line in _with_neighbours(_lines(cut.pull), moment, low):
        if start <= place < end:
            yield line, 1


def _with_neighbours(lines: Iterable[bytes], moment: Callable[[bytes], float | None], beginning: float) -> Iterator[tuple[float, bytes]]:
    here: float | None = None
    waiting: list[bytes] = []
    for line in lines:
        found = moment(line)
        if found is None and here is None and len(waiting) < MOST_WAITING:
            waiting.append(line)
            continue
        here = found if found is not None else beginning if here is None else here
        yield from ((here, waited) for waited in waiting)
        waiting = []
        yield here, line
    yield from ((beginning, waited) for waited in waiting)


def _samples(cut: Cut) -> Iterator[tuple[bytes, int]]:
    """The samples of the cut, with the rest of their line; a sample without a readable time goes with the one before it in its line."""
    start, end = cut.start.timestamp(), cut.end.timestamp()
    low, high = (edge.timestamp() for edge in window_of(cut.pull))
    for line in _lines(cut.pull):
        block = _block(line)
        if block is None:
            if start <= low < end:
                yield line, 1
            continue
        values: list[Any] = block["values"]
        kept, here = [], low
        for sample in values:
            moment = moment_of(sample)
            here = here if moment is None or not low <= moment < high else moment
            if start <= here < end:
                kept.append(sample)
        if len(kept) == len(values):
            yield line, len(values)
        elif kept:
            yield orjson.dumps({**block, "values": kept}), len(kept)


def _block(line: bytes) -> dict[str, Any] | None:
    try:
        block = orjson.loads(line)
    except ValueError:
        return None
    return block if isinstance(block, dict) and isinstance(block.get("values"), list) else None


def _lines(pull: Pull) -> Iterator[bytes]:
    for batch in pull.batches():
        yield from batch.lines
