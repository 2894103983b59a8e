"""Files at paths, globs and URLs, as blocks of plain bytes.

http(s)://     one file, read with httpx: fsspec's own driver needs aiohttp, which nothing else here does
anything else  whatever fsspec has a driver for; a path or URL may be a glob
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from upath import UPath

from postlaunch.landing.bounds import READ_BYTES, plain_blocks
from postlaunch.landing.gzip_stream import GzipError, unzipped
from postlaunch.sources.base import CONNECT_SECONDS

ANSWER_SECONDS = 120.0  # between two blocks


class UnreadableError(Exception):
    """What the driver of a path or URL says, each in a class of its own. May hold credentials of the place."""


@dataclass(frozen=True)
class Place:
    """One file. `str(place)` may hold credentials."""

    address: str

    def __str__(self) -> str:
        """The path or URL."""
        return self.address

    def blocks(self) -> Iterator[bytes]:
        """The file, unzipped if its name ends in .gz. Raises UnreadableError; GzipError, EOFError or zlib.error if it is cut."""
        try:
            yield from _of_http(self.address) if _is_http(self.address) else _of_fsspec(UPath(self.address))
        except (ValueError, EOFError, zlib.error, GzipError):
            raise
        except Exception as error:
            raise UnreadableError(error) from error


def places_of(pattern: str) -> list[Place]:
    """The files that a path, a glob or a URL names, in the order of their names. Raises UnreadableError."""
    if _is_http(pattern):
        return [Place(pattern)]
    try:
        root = UPath(pattern)
        names = sorted(map(str, root.fs.glob(root.path)))
        return [Place(root.fs.unstrip_protocol(name) if "://" in pattern else name) for name in names]
    except Exception as error:
        raise UnreadableError(error) from error


def _is_http(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _of_fsspec(path: UPath) -> Iterator[bytes]:
    with path.fs.open(path.path, "rb", compression="infer") as file:
        while block := file.read(READ_BYTES):
            yield block


def _of_http(url: str) -> Iterator[bytes]:
    """User and password of the URL are sent as basic authentication, and not to another host that it may redirect to."""
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}, timeout=timeout, follow_redirects=True) as response:
        if not response.is_success:
            raise UnreadableError(f"it answered {response.status_code}")
        plain = plain_blocks(response.iter_raw(READ_BYTES), response.headers.get("Content-Encoding"))
        yield from unzipped(plain) if urlsplit(url).path.endswith(".gz") else plain
