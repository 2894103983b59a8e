"""A scriptable HTTP server for answers that no decent API gives: cut, garbled, refused."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import pytest

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.sources import base

SECRET = "s3cret-do-not-tell"


@dataclass
class Answer:
    """`framing`: length (Content-Length), chunked, or close. `cut`: only so many bytes of the body are sent, then the connection closes."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    framing: str = "length"
    cut: int | None = None

    @classmethod
    def zipped(cls, body: bytes, **options: object) -> Answer:
        return cls(gzip.compress(body), headers={"Content-Encoding": "gzip"}, **options)  # type: ignore[arg-type]


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


class Api:
    """Answers with what `answer` returns, and remembers what was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: Answer(b"not scripted", 500)

    def script(self, *answers: Answer) -> None:
        """Give these answers in turn, the last one for ever."""
        rest = list(answers)
        self.answer = lambda _: rest.pop(0) if len(rest) > 1 else rest[0]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api

    def _any(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        request = Request(self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers.items()), dict(parse_qsl(body)))
        self.api.requests.append(request)
        self._send(self.api.answer(request))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.framing == "length":
            self.send_header("Content-Length", str(len(answer.body)))
        elif answer.framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        if answer.framing != "chunked":
            self.wfile.write(body)
            return
        for start in range(0, len(body), 1000):
            piece = body[start : start + 1000]
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = _any  # noqa: N815  the names that http.server calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    """A server on a free port; `api.url` is its base URL."""
    api = Api()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    api.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def connection(api: Api) -> Connection:
    """A connection to `api` whose secret must never show."""
    port = int(api.url.rsplit(":", 1)[1])  # type: ignore[attr-defined]
    return Connection("postlaunch_source", "http", "127.0.0.1", port, login="robot@example.com", password=SECRET)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts, a few milliseconds apart."""
    monkeypatch.setattr(base.PATIENCE, "attempts", 3)
    monkeypatch.setattr(base.PATIENCE, "first_wait", 0.01)
    monkeypatch.setattr(base.PATIENCE, "longest_wait", 0.02)


def make_launch(**sections: object) -> Launch:
    owner = {"name": "Ada", "email": "ada@example.com"}
    return Launch.model_validate(
        {"launch": "shop", "name": "Shop", "owner": owner, "date": "2026-01-12", "timezone": "America/New_York", **sections}
    )


@pytest.fixture(name="make_launch")
def _make_launch() -> Callable[..., Launch]:
    """Makes a launch in New York with the given sections."""
    return make_launch


@pytest.fixture(name="answer")
def _answer() -> type[Answer]:
    """The class of scripted answers."""
    return Answer
