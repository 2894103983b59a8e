"""How much of one answer is read: whatever a server sends, an ingest stays within about 130 MiB.

    a line        of a stream (export, landed file): the rest of a longer one is passed over, and the loader quarantines its beginning
    a body        of JSON: as it comes from the wire, unpacked here piece by piece, given up as soon as it is too large
    its values    because `[[],[],` takes twenty times as much memory as text

The limits are far above what the vendors document: an event of Mixpanel has at most 1 MB, a page of Zendesk 1,000 records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from postlaunch.config.launch import Source
from postlaunch.errors import SourceError
from postlaunch.landing.gzip_stream import unzipped

READ_BYTES = 1 << 16  # asked for at once
LONGEST_LINE = 2 << 20  # bytes; a Mixpanel event may be 1 MB, and JSON may escape it
MOST_BODY_BYTES = 4 << 20  # as text it may take four times as much
MOST_JSON_VALUES = 250_000  # commas, colons and brackets: up to 130 bytes of Python objects each
SHRINK = 4  # so much less is asked for after an answer that was too large
SAID_BYTES = 2_000  # of a refusal: enough to quote it
_MARKS = {b",": 1, b":": 1, b"[": 1, b"{": 3}  # an object takes as much as three values


class TooLargeError(Exception):
    """The answer is larger than we care to read; the message says by which limit."""


class AnswerTooLargeError(SourceError):
    """The same, of a named request. Whoever can ask for less at once does."""

    def __init__(self, source: Source, url: str, asked: str, limit: TooLargeError) -> None:
        """`url` without secrets; `asked`: what tells this request from others of the same address."""
        super().__init__(
            f"{source}: {url}{f' ({asked})' if asked else ''} answers with {limit}, and no more is read of one answer; nothing of it was "
            "landed. Is it the API itself that answers? If one record truly is that large, have it made smaller where it was written"
        )


@dataclass(frozen=True)
class Lines:
    """Some lines without their newlines, and how many bytes they took with them. The very last line of a stream may be `unfinished`."""

    lines: list[bytes]
    size: int
    is_unfinished: bool = False


def split_lines(blocks: Iterable[bytes]) -> Iterator[Lines]:
    """The lines of a stream in bounded memory. Of a line longer than LONGEST_LINE its first LONGEST_LINE + 1 bytes come, alone.

    What is left of a block waits in pieces: adding each block to one growing text takes quadratic time.
    """
    waiting: list[bytes] = []
    kept = size = 0
    for block in blocks:
        first, *lines = block.split(b"\n")
        if kept <= LONGEST_LINE and first:
            waiting.append(first[: LONGEST_LINE + 1 - kept])
            kept += len(waiting[-1])
        size += len(first)
        if not lines:
            continue
        line, its_size = b"".join(waiting), size + 1
        rest = lines.pop()
        if its_size - 1 > len(line):
            yield Lines([line], its_size)
            if lines:
                yield Lines(lines, sum(map(len, lines)) + len(lines))
        else:
            yield Lines([line, *lines], its_size + sum(map(len, lines)) + len(lines))
        waiting, kept, size = [rest] if rest else [], len(rest), len(rest)
    if size:
        yield Lines([b"".join(waiting)], size, is_unfinished=True)


def body_of(blocks: Iterable[bytes], encoding: str | None, most: int = MOST_BODY_BYTES) -> bytes:
    """A whole body from the blocks of the wire. Raises TooLargeError or GzipError."""
    plain, size = list[bytes](), 0
    for block in plain_blocks(blocks, encoding):
        size += len(block)
        if size > most:
            raise TooLargeError(f"more than {most >> 20} MiB")
        plain.append(block)
    return b"".join(plain)


def beginning_of(blocks: Iterable[bytes], encoding: str | None, most: int = SAID_BYTES) -> bytes:
    """What a refusal says, to quote it. Raises GzipError."""
    said = b""
    for block in plain_blocks(blocks, encoding):
        said += block[: most - len(said)]
        if len(said) == most:
            break
    return said


def plain_blocks(blocks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """Blocks of the wire without their Content-Encoding; we ask for none but gzip."""
    return unzipped(blocks) if (encoding or "").strip().lower() == "gzip" else iter(blocks)


def check_values(body: bytes, most: int = MOST_JSON_VALUES) -> bytes:
    """The JSON text itself, if it does not hold too much to be read. Raises TooLargeError."""
    if len(body) > most and sum(weight * body.count(mark) for mark, weight in _MARKS.items()) > most:
        raise TooLargeError(f"more than {most:,} values")
    return body
