"""Gzip read as it comes: its checksum is verified, one that ends too early is an error, and a small one may unpack to much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from isal import isal_zlib

PIECE_BYTES = 1 << 18  # a block of 64 KiB may unpack to 64 MiB: never at once


class GzipError(Exception):
    """The bytes are not gzip, or not all of it."""


def unzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes, in pieces of at most PIECE_BYTES. Files put one behind the other are one file. Raises GzipError."""
    unzip = isal_zlib.decompressobj(wbits=31)
    for block in blocks:
        rest, is_full = block, False
        while rest or is_full:
            if unzip.eof:
                unzip = isal_zlib.decompressobj(wbits=31)
            piece = _piece(unzip, rest)
            if piece:
                yield piece
            is_full = len(piece) == PIECE_BYTES and not unzip.eof
            rest = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
    if not unzip.eof:
        raise GzipError("it ends in the middle")


def _piece(unzip: Any, block: bytes) -> bytes:
    try:
        plain: bytes = unzip.decompress(block, PIECE_BYTES)
    except isal_zlib.error as error:  # type: ignore[misc]  # a class, though its stub says an instance
        raise GzipError(str(error)) from error
    return plain
