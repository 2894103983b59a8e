"""What lies in the landing zone already: which pull of a partition counts, and what a killed run left behind.

{pull_id}/manifest.json                   a complete pull
          manifest.json + refused.json    complete, but refused by the warehouse: passed over until a person takes it
          part-0000.jsonl.gz alone        a killed run was writing it: swept by the next run of its dates
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator, Sequence

from upath import UPath

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates, Interval
from postlaunch.errors import LandingError
from postlaunch.landing.private_files import write_file
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import MANIFEST, Landing, Partition, Pull, read_pull

REFUSED = "refused.json"


def newest_pull(landing: Landing, stream: Stream, launch: Launch, partition: Partition, *, even_refused: bool = False) -> Pull | None:
    """The newest complete pull of a partition; one that was refused only if `even_refused`.

    A date that was pulled in another time zone is another date: such pulls are passed over.
    """
    for folder in reversed(_folders(landing.folder(stream.source, launch.launch, stream.name, partition))):
        if (folder / MANIFEST).exists() and (even_refused or not (folder / REFUSED).exists()):
            pull = read_pull(folder)
            if isinstance(partition, tuple) or window_of(pull) == launch.window(Dates.of(partition)).utc:
                return pull
    return None


def is_landed(landing: Landing, stream: Stream, launch: Launch, partition: Partition) -> bool:
    """Whether there is any complete pull of a partition, refused or in whatever time zone."""
    folders = _folders(landing.folder(stream.source, launch.launch, stream.name, partition))
    return any((folder / MANIFEST).exists() for folder in folders)


def window_of(pull: Pull) -> Interval:
    """What was pulled, in UTC."""
    return Interval(dt.datetime.fromisoformat(pull.manifest.window_start), dt.datetime.fromisoformat(pull.manifest.window_end)).utc


def began(pull: Pull) -> dt.datetime:
    """When the run made the pull's id, before its first call."""
    return dt.datetime.strptime(pull.manifest.pull_id[:22], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=dt.UTC)


def mark_refused(pull: Pull, reason: str) -> None:
    """From now on the pull is passed over; it stays for a person to look at, or to take."""
    text = json.dumps({"refused_at": dt.datetime.now(dt.UTC).isoformat(), "reason": reason}, indent=2, ensure_ascii=False) + "\n"
    try:
        write_file(pull.path / REFUSED, text)
    except OSError as error:
        raise LandingError(f"cannot write to the landing zone at {pull.path}: {error}") from error


def clear_refusal(pull: Pull) -> None:
    """The pull was taken after all."""
    (pull.path / REFUSED).unlink(missing_ok=True)


def landed_since(landing: Landing, launch: Launch, streams: Sequence[Stream], dates: Dates, since: dt.datetime) -> list[Pull]:
    """What was pulled whole after `since` and need not be pulled again: the first of the dates, or the first streams of all of them.

    A pull counts if its dates were over when it began. The last date is always pulled again.
    """
    pulls: list[Pull] = []
    parts: list[tuple[Stream, Partition, Dates]] = [(streams[0], date, Dates.of(date)) for date in dates.each[:-1]]
    if not streams[0].is_replaced:
        parts = [(stream, dates, dates) for stream in streams]
    for stream, partition, held in parts:
        pull = newest_pull(landing, stream, launch, partition)
        if pull is None or began(pull) < max(since, launch.window(held).end):
            break
        pulls.append(pull)
    return pulls


def sweep(landing: Landing, streams: Sequence[Stream], launch: str, windows: Sequence[Dates], busy: Sequence[Dates]) -> None:
    """Remove what killed runs of `windows` left unfinished. Dates of `busy` are left alone: a run may be writing there."""
    for stream in streams:
        for folder, (first, last) in _partitions(landing.folder(stream.source, launch, stream.name)):
            is_dead = any(start <= first and last <= end for start, end in windows)
            if is_dead and not any(start <= last and first <= end for start, end in busy):
                for pull in _folders(folder):
                    if not (pull / MANIFEST).exists():
                        remove_pull(pull)


def _partitions(folder: UPath) -> Iterator[tuple[UPath, Dates]]:
    for entry in _folders(folder):
        first, _, last = entry.name.partition("_")
        try:
            yield entry, Dates(dt.date.fromisoformat(first), dt.date.fromisoformat(last or first))
        except ValueError:
            continue


def _folders(folder: UPath) -> list[UPath]:
    try:
        return sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: str(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_pull(folder: UPath) -> None:
    """The manifest goes first: a pull that is removed in part is one that was never complete."""
    with contextlib.suppress(OSError):  # what cannot be removed does no harm, and is tried again by the next run of its dates
        for file in sorted(folder.iterdir(), key=lambda file: str(file.name) != MANIFEST):
            file.unlink(missing_ok=True)
        folder.rmdir()
