"""Answers of a struck request, written by hand to uvicorn's connection: cut short, dripped or reset as no web framework would.

A request comes in as `Asked`, what the simulator says to it is an `Answer`; `send` puts an answer on the wire and ends the connection.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import http
import itertools
import socket
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qs, urlencode

from starlette.types import ASGIApp, Message, Scope

Api = Literal["mixpanel", "zendesk", "pagerduty", "prometheus"]

_CHUNK = 1000
_PIECES = 20
_NO_LINGER = struct.pack("ii", 1, 0)  # close() then resets the connection
_KEPT_HEADERS = ("content-type", "retry-after", "x-rate-limit", "x-rate-limit-remaining")


@dataclass(frozen=True)
class Asked:
    """One request. Its values are those of the query, and of the form if it is a POST."""

    api: Api
    scope: Scope
    body: bytes

    @property
    def path(self) -> str:
        """The path without query."""
        return str(self.scope["path"])

    def value(self, name: str) -> str | None:
        """The first value of a name."""
        found = (self._query() | self._form()).get(name)
        return found[0] if found else None

    def with_values(self, **values: str | int) -> Asked:
        """The same request with other values."""
        query, form = self._query(), self._form()
        for name, value in values.items():
            (form if name in form else query)[name] = [str(value)]
        scope = {**self.scope, "query_string": urlencode(query, doseq=True).encode()}
        return replace(self, scope=scope, body=urlencode(form, doseq=True).encode() if form else self.body)

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(self.scope["query_string"].decode(), keep_blank_values=True)

    def _form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True) if self.scope["method"] == "POST" else {}


@dataclass(frozen=True)
class Answer:
    """What is said, the body never gzipped here, and how: `share` of its bytes are sent before the connection ends."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_gzipped: bool = False
    framing: Literal["length", "chunked", "close"] = "length"
    share: float = 1.0
    is_reset: bool = False
    seconds: float = 0.0  # from the first byte of the body to the last

    def rendered(self) -> tuple[bytes, bytes]:
        """Status line with headers, and the body as the wire has it."""
        body = gzip.compress(self.body, compresslevel=1) if self.is_gzipped else self.body
        headers = {"date": http_date(dt.datetime.now(dt.UTC)), **self.headers, "connection": "close"}
        if self.is_gzipped:
            headers["content-encoding"] = "gzip"
        if self.framing == "length":
            headers["content-length"] = str(len(body))
        elif self.framing == "chunked":
            headers["transfer-encoding"] = "chunked"
            parts = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
            body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"
        lines = [f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode(), body[: int(len(body) * self.share)]


def http_date(moment: dt.datetime) -> str:
    """A moment in UTC as HTTP headers have it."""
    return f"{moment:%a, %d %b %Y %H:%M:%S GMT}"


async def ask(app: ASGIApp, asked: Asked) -> Answer:
    """The simulator's own answer to a request, all of it."""
    waiting: list[Message] = [{"type": "http.request", "body": asked.body, "more_body": False}]
    gone = asyncio.Event()
    status, headers, body = 500, dict[str, str](), bytearray()

    async def receive() -> Message:
        if not waiting:
            await gone.wait()
        return waiting.pop()

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            body.extend(message.get("body", b""))

    await app(asked.scope, receive, send)
    is_gzipped = headers.get("content-encoding") == "gzip"
    kept = {name: value for name, value in headers.items() if name in _KEPT_HEADERS or name.startswith("ratelimit-")}
    return Answer(status, kept, zlib.decompress(body, wbits=31) if is_gzipped else bytes(body), is_gzipped)


async def send(connection: asyncio.Transport, answer: Answer) -> None:
    """Write an answer and end the connection: by FIN, or by RST where it is reset."""
    head, body = answer.rendered()
    connection.write(head)
    size = max(len(body) // _PIECES, 1) if answer.seconds else max(len(body), 1)
    for start, end in itertools.pairwise([*range(0, len(body), size), len(body)]):
        await asyncio.sleep(answer.seconds * (end - start) / len(body))
        connection.write(body[start:end])
    if answer.is_reset:
        connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        connection.abort()
    else:
        connection.close()
