"""Gzip read as it comes: its checksum is verified, and a stream that ends too early is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from isal import isal_zlib


class GzipError(Exception):
    """The bytes are no gzip, or not all of it."""


def unzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes, block by block. Files put one behind the other are one file. Raises GzipError."""
    unzip = isal_zlib.decompressobj(wbits=31)
    for block in blocks:
        rest = block
        while rest:
            if unzip.eof:
                unzip = isal_zlib.decompressobj(wbits=31)
            yield _plain(unzip.decompress, rest)
            rest = unzip.unused_data
    if not unzip.eof:
        raise GzipError("it ends in the middle")


def _plain(decompress: Callable[[bytes], bytes], block: bytes) -> bytes:
    try:
        return decompress(block)
    except Exception as error:  # IsalError; its stub is no class that could be named here
        raise GzipError(str(error)) from error
