"""HTTP to an API whose client library carries no call, or that has none: httpx, and answers as they come from the wire.

Redirects are not followed, for credentials go to the address of the connection alone. How much of an answer is read is for
landing/bounds.py to say. A client library that brings a session of its own carries its calls with that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Source
from postlaunch.landing.gzip_stream import GzipError
from postlaunch.sources.base import CONNECT_SECONDS, unreachable

_HEADERS = {"Accept-Encoding": "gzip"}  # unpacked here, within our bounds


def open_client(user: str | None, password: str, answer_seconds: float) -> httpx.Client:
    """A client with basic authentication, if there is a user. `answer_seconds`: until an answer that does not go on is given up."""
    auth = httpx.BasicAuth(user, password) if user else None
    return httpx.Client(auth=auth, timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS), headers=_HEADERS)


@contextmanager
def answer_of(client: httpx.Client, request: httpx.Request, connection: Connection, source: Source) -> Iterator[httpx.Response]:
    """The open answer to a request, of any status. Raises TransientError, from within the block too, if it does not come whole."""
    try:
        response = client.send(request, stream=True)
        try:
            yield response
        finally:
            response.close()
    except (httpx.HTTPError, GzipError) as error:
        raise unreachable(connection, source, str(request.url), error) from None
