"""What the three kinds of load share: rows in PostgreSQL's binary COPY format, lines that are refused, repeated keys.

Format: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4
"""

from __future__ import annotations

import datetime as dt
import re
import struct
import tempfile
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import psycopg

from postlaunch.errors import WarehouseError
from postlaunch.landing.bounds import LONGEST_LINE
from postlaunch.landing.zone import Batch, Pull
from postlaunch.warehouse.refusals import without_values

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)
SPOOL_BYTES = 1 << 20  # of rows that PostgreSQL may refuse, kept in memory before they go to a file
BEGINNING_BYTES = 4_000  # what quarantine keeps of a line that is too long
MOST_REFUSALS = 100  # of one load: with more, the fault is not in the lines
MOST_KEYS = 2_000_000  # 16 MiB
LONGEST_NAME = 1_000  # bytes; an entry of an index takes 2,704, and some hold two names

LENGTH = struct.Struct(">i")
JSON_START = struct.Struct(">iB")  # length and the version of jsonb, 1
_MOMENT = struct.Struct(">iq")
_EPOCH_2000 = 946_684_800  # PostgreSQL counts from 2000-01-01 UTC
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LARGE_NUMBER = re.compile(rb"[0-9][eE][+-]?[0-9]{4,}|[0-9]{10000,}")
_COPY_LINE = re.compile(r"^COPY [^,]+, line (\d+)", re.MULTILINE)

T = TypeVar("T")


class RefusedLineError(Exception):
    """This line (or sample) cannot be loaded; the message is the reason that quarantine keeps."""


@dataclass(frozen=True)
class LoadKey:
    """What a row says about the load that brought it."""

    load_id: int
    launch_id: str
    pull: Pull
    timezone: str


@dataclass
class Counts:
    """Accounting of one load: landed = loaded + duplicates + quarantined."""

    loaded: int = 0
    duplicates: int = 0
    quarantined: int = 0
    lag_seconds: float | None = None
    first_changed: dt.date | None = None
    last_changed: dt.date | None = None

    @property
    def landed(self) -> int:
        """Rows that the landing zone held."""
        return self.loaded + self.duplicates + self.quarantined


# --- binary COPY --------------------------------------------------------------------------------------------------------------


def text_field(text: str) -> bytes:
    """A text value."""
    data = text.encode()
    return LENGTH.pack(len(data)) + data


def bytes_field(data: bytes) -> bytes:
    """A bytea value."""
    return LENGTH.pack(len(data)) + data


def json_field(text: bytes) -> bytes:
    """A jsonb value from JSON text."""
    return LENGTH.pack(len(text) + 1) + b"\x01" + text


def bigint_field(number: int) -> bytes:
    """A bigint value."""
    return _MOMENT.pack(8, number)


def date_field(date: dt.date | None) -> bytes:
    """A date value."""
    return NULL if date is None else struct.pack(">ii", 4, (date - dt.date(2000, 1, 1)).days)


def moment_field(microseconds: int | None) -> bytes:
    """A timestamptz value from microseconds since 1970 UTC."""
    return NULL if microseconds is None else _MOMENT.pack(8, microseconds - _EPOCH_2000 * 1_000_000)


def microseconds(moment: dt.datetime) -> int:
    """Exact microseconds since 1970 UTC."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def check_length(line: bytes) -> None:
    """Raise RefusedLineError for a line that is longer than is ever read into objects."""
    if len(line) > LONGEST_LINE:
        raise RefusedLineError(f"longer than {LONGEST_LINE >> 20} MiB: only its first {BEGINNING_BYTES:,} bytes are kept here")


def check_name(kind: str, text: str) -> None:
    """Raise RefusedLineError for a name or an id that is longer than an index of PostgreSQL holds."""
    if len(text) > LONGEST_NAME // 4 and len(text.encode()) > LONGEST_NAME:
        raise RefusedLineError(f"{kind} is longer than {LONGEST_NAME:,} bytes")


def row_start(fields: int) -> bytes:
    """What a row begins with."""
    return struct.pack(">h", fields)


# --- what PostgreSQL refuses ----------------------------------------------------------------------------------------------------


def check_text(line: bytes) -> None:
    """Raise RefusedLineError for what is JSON, but no jsonb: the character U+0000."""
    if b"\\u0000" in line and _NUL.search(line):
        raise RefusedLineError("holds the character \\u0000, which PostgreSQL cannot store")


@dataclass
class Refusals:
    """Lines that PostgreSQL turned out to refuse, by their number over the whole pull; none in the first attempt.

    `seen` lines (samples) were read in this attempt, those in `skipped` (ascending) were not copied.
    """

    reasons: dict[int, str] = field(default_factory=dict)
    seen: int = 0
    skipped: array[int] = field(default_factory=lambda: array("L"))

    @property
    def copied(self) -> int:
        """How many rows went into the COPY."""
        return self.seen - len(self.skipped)

    def ordinal(self, copied: int) -> int:
        """The number of the line that became the row `copied` (both from 0)."""
        for skipped in self.skipped:
            if skipped > copied:
                break
            copied += 1
        return copied

    def check(self, ordinal: int, line: bytes) -> None:
        """Raise RefusedLineError for a line that was refused before, or is of the kind that is."""
        if not self.reasons:
            return
        if ordinal in self.reasons:
            raise RefusedLineError(self.reasons[ordinal])
        if _LARGE_NUMBER.search(line):
            raise RefusedLineError("holds a number beyond what PostgreSQL's numeric can store")


def attempt(session: psycopg.Connection, load: Callable[[Refusals], T]) -> T:
    """Call `load` in a savepoint; where PostgreSQL refuses a COPY line after all, do it again without that line."""
    refusals = Refusals()
    while True:
        refusals.seen, refusals.skipped = 0, array("L")
        try:
            with session.transaction():
                return load(refusals)
        except psycopg.DataError as error:
            found = _COPY_LINE.search(error.diag.context or "")
            if found is None:
                raise
            if len(refusals.reasons) >= MOST_REFUSALS:
                raise WarehouseError(f"PostgreSQL refuses more than {MOST_REFUSALS} lines, the last: {without_values(error)}") from error
            refusals.reasons[refusals.ordinal(int(found[1]) - 1)] = f"PostgreSQL: {without_values(error)}"


class Quarantine:
    """Refused lines of one load, kept on disk until the COPY before them is done."""

    def __init__(self, key: LoadKey) -> None:
        """No line yet."""
        manifest = key.pull.manifest
        self.count = self._records = 0
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  it lives as long as this object
        self._spool.write(HEADER)
        self._start = b"".join(
            [
                row_start(10),
                bigint_field(key.load_id),
                text_field(key.launch_id),
                text_field(manifest.source),
                text_field(manifest.stream),
                date_field(manifest.partition_date),
            ]
        )

    def add(self, reason: str, batch: Batch, index: int, part: bytes | None = None, rows: int = 1) -> None:
        """Keep line `index` of a batch (or a `part` of it) with the reason; accounting counts it as `rows`."""
        self.count += rows
        self._records += 1
        place = text_field(batch.path) + bigint_field(batch.first_number + index) + bigint_field(batch.offset(index))
        line = batch.lines[index] if part is None else part
        kept = line if len(line) <= LONGEST_LINE else line[:BEGINNING_BYTES]
        self._spool.write(self._start + text_field(reason) + place + bytes_field(kept))

    def store(self, session: psycopg.Connection) -> None:
        """Write the lines to quarantine.records."""
        if not self._records:
            return
        self._spool.write(TRAILER)
        self._spool.seek(0)
        columns = "load_id, launch_id, source, stream, partition_date, reason, landing_path, line_number, byte_offset, raw_line"
        with session.cursor() as cursor, cursor.copy(f"copy quarantine.records ({columns}) from stdin (format binary)") as copy:
            while block := self._spool.read(SPOOL_BYTES):
                copy.write(block)


class Keys:
    """64-bit hashes of the keys that a load has seen, 8 bytes a row: only where one stands twice is PostgreSQL asked for duplicates."""

    def __init__(self) -> None:
        """No key yet; a load appends to `hashes`."""
        self.hashes: array[int] = array("q")
        self._is_crowded = False

    def settle(self) -> None:
        """To be called once a batch: too many keys are forgotten, and PostgreSQL is asked in any case."""
        if len(self.hashes) > MOST_KEYS:
            self._is_crowded, self.hashes = True, array("q")

    def may_repeat(self) -> bool:
        """False if no key stands twice. Puts `hashes` in order."""
        values = np.frombuffer(self.hashes, dtype=np.int64)
        values.sort()
        return self._is_crowded or bool((values[1:] == values[:-1]).any())
