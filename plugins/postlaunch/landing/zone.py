"""The landing zone: what a source said, kept as it came, so that a reload never calls an API again.

    {landing}/{source}/{launch}/{stream}/{partition}/{pull_id}/part-0000.jsonl.gz
                                                               manifest.json      <- written last: without it there is no pull

A partition is a launch-local date (streams that are replaced a day at a time) or `first_last` (streams that are merged by id).
Pull ids sort by time; the newest manifest is the truth. The root is a path or a URL (file://, s3://, gs://).
Files are written by `writer`, checked against their manifest whenever they are read (`Pull.batches`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from upath import UPath
from xxhash import xxh3_128_intdigest

from postlaunch.config.launch import Source
from postlaunch.dates import Dates
from postlaunch.errors import LandingError
from postlaunch.landing.bounds import READ_BYTES, split_lines
from postlaunch.landing.gzip_stream import GzipError, unzipped
from postlaunch.landing.private_files import write_file

MANIFEST = "manifest.json"
BLOCK_BYTES = 1 << 18  # gathered before they are compressed
_HASH_BITS = 128  # the sum of the hashes of all lines wraps here, so their order does not matter

Partition = dt.date | Dates
RowsInLine = Callable[[bytes], int]


@dataclass(frozen=True)
class PartFile:
    """One gzip file of JSON lines. `rows` is what accounting counts: lines, or the samples that they hold."""

    name: str
    rows: int
    lines: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a pull holds and how it was asked for. Never a secret. Times are ISO 8601 with offset."""

    source: Source
    launch: str
    stream: str
    partition: str
    pull_id: str
    window_start: str
    window_end: str
    pulled_at: str
    rows: int
    lines: int
    bytes: int
    sha256: str  # of all files, one after the other
    content_hash: str  # of all lines, whatever their order
    files: list[PartFile]
    request: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    accepted_changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def partition_date(self) -> dt.date | None:
        """The launch-local date of a stream that is replaced a day at a time; None for merged streams."""
        return None if "_" in self.partition else dt.date.fromisoformat(self.partition)


@dataclass(frozen=True)
class Batch:
    """Consecutive lines of one file, and where the first begins: its 1-based number, and its offset in the unzipped file."""

    path: str
    first_number: int
    first_offset: int
    lines: list[bytes]

    def offset(self, index: int) -> int:
        """Byte offset of a line in the unzipped file: `zcat part-0000.jsonl.gz | tail --bytes=+{offset + 1}` begins with it."""
        return self.first_offset + sum(map(len, self.lines[:index])) + index


class ContentHash:
    """A hash of a bag of lines: the sum of their 128-bit XXH3 hashes modulo 2^128. Order does not matter, repetition does.

    It tells a changed pull from an unchanged one; that files are whole is what SHA-256 is for.
    """

    def __init__(self) -> None:
        """No line yet."""
        self._sum = 0

    def add(self, lines: list[bytes]) -> None:
        """Take in lines, each without its newline."""
        self._sum += sum(map(xxh3_128_intdigest, lines))

    def merge(self, other: ContentHash) -> None:
        """Take in all lines of another hash."""
        self._sum += other._sum

    @property
    def hex(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._sum % (1 << _HASH_BITS):032x}"


@dataclass(frozen=True)
class Pull:
    """A complete pull of one partition."""

    path: UPath
    manifest: Manifest

    def batches(self) -> Iterator[Batch]:
        """Every line, in batches of bounded size. Raises LandingError at the end if files and manifest differ; load nothing then."""
        total = hashlib.sha256()
        lines = size = 0
        for file in self.manifest.files:
            reader = _PartReader(self.path / file.name, total)
            yield from reader.batches()
            lines += reader.lines
            size += reader.bytes
            if reader.sha256 != file.sha256:
                raise self.changed(f"{file.name} has another checksum than its manifest says")
        found = {"lines": lines, "bytes": size, "sha256": total.hexdigest()}
        for name, value in found.items():
            if value != getattr(self.manifest, name):
                raise self.changed(f"{name} is {value} but the manifest says {getattr(self.manifest, name)}")

    def changed(self, what: str) -> LandingError:
        """The error for files that are not what the manifest says."""
        source, launch, partition = self.manifest.source, self.manifest.launch, self.manifest.partition
        first, last = partition.split("_") if "_" in partition else (partition, partition)
        window = f"{source} --launch {launch} --from {first} --to {last}"
        return LandingError(
            f"{self.path}: {what}; nothing of it was loaded. Pull it again with `postlaunch ingest {window}`, "
            f"or if the file was fixed on purpose take it with `postlaunch load {window} --accept-changed`"
        )

    def accept_changes(self, rows_in_line: RowsInLine) -> Pull:
        """Write the manifest anew for files that a person has fixed; what it said before is kept in `accepted_changes`."""
        content, total = ContentHash(), hashlib.sha256()
        files: list[PartFile] = []
        for path in sorted(self.path.glob("part-*.jsonl.gz"), key=str):
            reader, rows = _PartReader(path, total), 0
            for batch in reader.batches():
                content.add(batch.lines)
                rows += sum(map(rows_in_line, batch.lines))
            files.append(PartFile(path.name, rows, reader.lines, reader.bytes, reader.sha256))
        before = {name: getattr(self.manifest, name) for name in ("rows", "lines", "bytes", "sha256", "content_hash")}
        if total.hexdigest() == before["sha256"] and content.hex == before["content_hash"]:
            return self
        manifest = replace(
            self.manifest,
            rows=sum(file.rows for file in files),
            lines=sum(file.lines for file in files),
            bytes=sum(file.bytes for file in files),
            sha256=total.hexdigest(),
            content_hash=content.hex,
            files=files,
            accepted_changes=[*self.manifest.accepted_changes, {"accepted_at": dt.datetime.now(dt.UTC).isoformat(), "before": before}],
        )
        write_manifest(self.path, manifest)
        return Pull(self.path, manifest)


class Landing:
    """The landing zone under one root."""

    def __init__(self, root: str) -> None:
        """`root`: a path or URL. Raises LandingError if no driver for the URL is installed."""
        try:
            self.root = UPath(root)
            self.root.fs  # noqa: B018  the driver of s3:// or gs:// is imported here
        except (ImportError, ValueError) as error:
            raise LandingError(f"POSTLAUNCH_LANDING={root}: {error}") from error

    def folder(self, source: Source, launch: str, stream: str, partition: Partition | None = None) -> UPath:
        """Where the pulls of a stream, or of one of its partitions, lie."""
        folder = self.root / source / launch / stream
        return folder if partition is None else folder / partition_name(partition)

    def pulls(self, source: Source, launch: str, stream: str, partition: Partition) -> list[UPath]:
        """The folders of a partition's pulls, the oldest first, complete or not."""
        return _folders(self.folder(source, launch, stream, partition))

    def newest(self, source: Source, launch: str, stream: str, partition: Partition) -> Pull | None:
        """The newest complete pull of a partition."""
        return _newest(self.folder(source, launch, stream, partition))

    def windows(self, source: Source, launch: str, stream: str) -> list[Dates]:
        """The `first_last` partitions of a merged stream, in order of time."""
        found: list[Dates] = []
        for folder in _folders(self.folder(source, launch, stream)):
            first, _, last = folder.name.partition("_")
            try:
                found.append(Dates(dt.date.fromisoformat(first), dt.date.fromisoformat(last)))
            except ValueError:
                continue
        return sorted(found)


def new_pull_id() -> str:
    """An id that sorts by time and is never given twice."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(3)}"


def partition_name(partition: Partition) -> str:
    """`2026-01-12` for a date, `2026-01-12_2026-01-18` for a window."""
    return partition.isoformat() if isinstance(partition, dt.date) else f"{partition.first}_{partition.last}"


def write_manifest(folder: UPath, manifest: Manifest) -> None:
    """Write a manifest in one step: by a rename on disk, by a single upload in object storage."""
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n"
    target = folder / MANIFEST
    if isinstance(target, os.PathLike):
        draft = folder / f"{MANIFEST}.partial"
        write_file(draft, text)
        draft.rename(target)
    else:
        write_file(target, text)


def read_pull(folder: UPath) -> Pull:
    """The pull of a folder. Raises LandingError if its manifest is missing or unreadable."""
    try:
        fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Pull(folder, Manifest(**{**fields, "files": [PartFile(**file) for file in fields["files"]]}))
    except FileNotFoundError as error:
        raise LandingError(f"{folder}: no {MANIFEST}, hence no complete pull; pull it again with `postlaunch ingest`") from error
    except (ValueError, TypeError, KeyError) as error:
        raise LandingError(
            f"{folder / MANIFEST}: not a readable manifest ({error}); pull the partition again with `postlaunch ingest`"
        ) from error


def _folders(folder: UPath) -> list[UPath]:
    try:
        return sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: str(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _newest(folder: UPath) -> Pull | None:
    for pull in reversed(_folders(folder)):
        if (pull / MANIFEST).exists():
            return read_pull(pull)
    return None


class _PartReader:
    """Reads one gzip file line by line, counting and hashing as it goes. Memory: one block."""

    def __init__(self, path: UPath, total: Any) -> None:
        self.path, self._total, self._own = path, total, hashlib.sha256()
        self.lines = self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._own.hexdigest()

    def batches(self) -> Iterator[Batch]:
        offset = 0
        for found in split_lines(self._unzipped()):
            yield self._batch(found.lines, offset)
            offset += found.size

    def _batch(self, lines: list[bytes], offset: int) -> Batch:
        first = self.lines + 1
        self.lines += len(lines)
        return Batch(str(self.path), first, offset, lines)

    def _blocks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while block := file.read(READ_BYTES):
                self.bytes += len(block)
                self._own.update(block)
                self._total.update(block)
                yield block

    def _unzipped(self) -> Iterator[bytes]:
        try:
            yield from unzipped(self._blocks())
        except FileNotFoundError as error:
            raise LandingError(f"{self.path}: missing, though the manifest beside it names it; pull the partition again") from error
        except GzipError as error:
            raise LandingError(f"{self.path}: no whole gzip file ({error}); nothing was loaded, pull the partition again") from error
