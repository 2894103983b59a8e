"""Writing one partition of the landing zone, a line at a time, in bounded memory.

writer.write(line) ... writer.close_part()     the lines so far are kept
                       writer.drop_part()      the lines since the last close never were (a call is tried again)
writer.finalise()                              the manifest is written: now the pull exists
writer.abort()                                 nothing remains, unless the pull exists: then nothing happens
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from isal import isal_zlib
from upath import UPath

from postlaunch.config.launch import Source
from postlaunch.dates import Interval
from postlaunch.errors import LandingError
from postlaunch.landing.private_files import make_folder, open_file
from postlaunch.landing.zone import (
    BLOCK_BYTES,
    MANIFEST,
    ContentHash,
    Landing,
    Manifest,
    PartFile,
    Partition,
    Pull,
    partition_name,
    write_manifest,
)

LEAST_FREE_BYTES = 1 << 30  # PostgreSQL may live on the same disk, and stops where there is none left


class PartitionWriter:
    """Lands the lines of one partition of one pull."""

    def __init__(
        self,
        landing: Landing,
        source: Source,
        launch: str,
        stream: str,
        partition: Partition,
        pull_id: str,
        window: Interval,
    ) -> None:
        """`window` is what the partition is to hold. Nothing is written yet."""
        self._key: dict[str, Any] = {"source": source, "launch": launch, "stream": stream, "partition": partition_name(partition)}
        self.folder: UPath = landing.folder(source, launch, stream, partition) / pull_id
        self.window = window
        self.rows = 0
        self._pull_id = pull_id
        self._files: list[PartFile] = []
        self._content, self._total = ContentHash(), hashlib.sha256()
        self._part: _Part | None = None
        self._exists = False

    def write(self, line: bytes, rows: int = 1) -> None:
        """Land one line (without newline) that holds `rows` rows."""
        self.write_all((line,), rows)

    def write_all(self, lines: Sequence[bytes], rows: int | None = None) -> None:
        """Land lines (without newlines) that hold `rows` rows together, by default one each."""
        if not lines:
            return
        if self._part is None:
            self._part = _Part(self._path(len(self._files)), self._total)
        self._part.write(lines, len(lines) if rows is None else rows)

    @property
    def rows_so_far(self) -> int:
        """Rows written, those of the open part included."""
        return self.rows + (self._part.rows if self._part else 0)

    def close_part(self) -> None:
        """Keep the lines since the last close."""
        if self._part is None:
            return
        file = self._part.close()
        self._content.merge(self._part.content)
        self._total = self._part.total
        self._files.append(file)
        self.rows += file.rows
        self._part = None

    def drop_part(self) -> None:
        """Forget the lines since the last close."""
        if self._part is not None:
            self._part.drop()
            self._part = None

    def finalise(self, request: dict[str, Any], warnings: Sequence[str] = ()) -> Pull:
        """Write the manifest. `request` is what was asked of the API, without secrets."""
        self.close_part()
        manifest = Manifest(
            **self._key,
            pull_id=self._pull_id,
            window_start=self.window.start.isoformat(),
            window_end=self.window.end.isoformat(),
            pulled_at=dt.datetime.now(dt.UTC).isoformat(),
            rows=self.rows,
            lines=sum(file.lines for file in self._files),
            bytes=sum(file.bytes for file in self._files),
            sha256=self._total.hexdigest(),
            content_hash=self._content.hex,
            files=self._files,
            request=request,
            warnings=list(warnings),
        )
        try:
            make_folder(self.folder)
            write_manifest(self.folder, manifest)
        except OSError as error:
            raise LandingError(f"cannot write to the landing zone at {self.folder}: {error}") from error
        self._exists = True
        return Pull(self.folder, manifest)

    def abort(self) -> None:
        """Remove what was written; to be called when the pull cannot be completed. A pull that exists stays as it is.

        A manifest of which `finalise` was not told goes first, and while it stays its files do: never is there one without them.
        """
        if self._exists:
            return
        self.drop_part()
        try:
            (self.folder / MANIFEST).unlink(missing_ok=True)
        except OSError:
            return
        for path in (self.folder / f"{MANIFEST}.partial", *map(self._path, range(len(self._files) + 1))):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _path(self, number: int) -> UPath:
        return self.folder / f"part-{number:04d}.jsonl.gz"


class _Part:
    """One gzip file being written, by a thread beside the one that reads the source: zipping is a quarter of the work.

    Takes over a copy of the running checksum, so that dropping it loses nothing.
    """

    def __init__(self, path: UPath, total: Any) -> None:
        self._path, self.total, self._own = path, total.copy(), hashlib.sha256()
        self.content = ContentHash()
        self.rows = self._lines = self._bytes = self._waiting_bytes = 0
        self._waiting: list[bytes] = []
        self._zip = isal_zlib.compressobj(1, wbits=31)
        self._thread, self._writing = ThreadPoolExecutor(1, "landing"), Future[None]()
        self._writing.set_result(None)
        try:
            make_folder(path.parent)
            self._file = open_file(path)
        except OSError as error:
            raise self._unwritten(error) from error

    def write(self, lines: Sequence[bytes], rows: int) -> None:
        self._waiting.extend(lines)
        self.rows += rows
        self._waiting_bytes += sum(map(len, lines))
        if self._waiting_bytes >= BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        lines = self._waiting
        if not lines:
            return
        self.content.add(lines)
        self._lines += len(lines)
        block = b"\n".join(lines) + b"\n"
        self._waiting, self._waiting_bytes = [], 0
        self._leave_room()
        self._writing.result()  # one block at a time is on its way
        self._writing = self._thread.submit(self._put, block)

    def _leave_room(self) -> None:
        """Raises LandingError before an answer without an end takes the disk from everybody; an object store has no such end."""
        folder: UPath = self._path.parent
        if isinstance(folder, os.PathLike) and (free := shutil.disk_usage(os.fspath(folder)).free) < LEAST_FREE_BYTES:
            raise LandingError(
                f"the disk of the landing zone has {free / 2**30:.1f} GiB left, and the last {LEAST_FREE_BYTES / 2**30:.0f} GiB are not "
                f"filled: {self._path} is given up after {self.rows:,} rows; make room, or set POSTLAUNCH_LANDING to another place"
            )

    def _put(self, block: bytes) -> None:
        self._append(self._zip.compress(block))

    def _append(self, block: bytes) -> None:
        try:
            self._file.write(block)
        except OSError as error:
            raise self._unwritten(error) from error
        self._own.update(block)
        self.total.update(block)
        self._bytes += len(block)

    def _unwritten(self, error: OSError) -> LandingError:
        return LandingError(f"cannot write to the landing zone at {self._path}: {error}")

    def close(self) -> PartFile:
        self._flush()
        self._thread.shutdown()
        self._writing.result()
        self._append(self._zip.flush())
        try:
            self._file.close()
        except OSError as error:
            raise self._unwritten(error) from error
        return PartFile(self._path.name, self.rows, self._lines, self._bytes, self._own.hexdigest())

    def drop(self) -> None:
        self._thread.shutdown()
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
