"""Fast fakes of the four APIs, each in a process of its own, so that neither its memory nor its work counts as ours.

    with served("mixpanel", folder="/tmp/days") as api:     python -m benchmarks.serve mixpanel '{"folder": "/tmp/days"}'
        api.env                                             {"AIRFLOW_CONN_POSTLAUNCH_MIXPANEL": "http://bench:bench@127.0.0.1:41234?limits=none"}
        api.calls()                                         {"/api/2.0/export": 3}

A fake is benchmarks/fakes/<api>.py with `make(**options)`, which returns a function from a request to a `Reply`. The process ends when
the one that started it does.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from postlaunch.config.settings import REPOSITORY

CALLS = "/-/calls"  # the counts themselves


@dataclass(frozen=True)
class Request:
    """Path, and the parameters of query and form together; of a repeated one the last value counts."""

    path: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """A body, or files that are sent one behind the other from disk."""

    body: bytes = b"{}"
    files: tuple[Path, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


Answer = Callable[[Request], Reply]


@dataclass(frozen=True)
class Served:
    """A fake that runs."""

    api: str
    port: int

    @property
    def env(self) -> dict[str, str]:
        """The connection that leads to it, as fast as we like."""
        return {f"AIRFLOW_CONN_POSTLAUNCH_{self.api.upper()}": f"http://bench:bench@127.0.0.1:{self.port}?limits=none"}

    def calls(self) -> dict[str, int]:
        """How often each path was asked for."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{CALLS}", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts


@contextmanager
def served(api: str, **options: Any) -> Iterator[Served]:
    """Start the fake of an API and end it. Raises RuntimeError if it does not start."""
    command = [sys.executable, "-m", "benchmarks.serve", api, json.dumps(options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdigit():
                raise RuntimeError(f"the fake of {api} does not start: {' '.join(command)}")
            yield Served(api, int(line))
        finally:
            process.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer: Answer
    counts: Counter[str]

    def _any(self) -> None:
        url = urlsplit(self.path)
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        given = {**parse_qs(url.query), **parse_qs(form)}
        if url.path == CALLS:
            self._send(Reply(json.dumps(self.counts).encode()))
            return
        self.counts[url.path] += 1
        self._send(self.answer(Request(url.path, {name: values[-1] for name, values in given.items()})))

    def _send(self, reply: Reply) -> None:
        length = sum(file.stat().st_size for file in reply.files) if reply.files else len(reply.body)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if not reply.files:
            self.wfile.write(reply.body)
        for path in reply.files:
            with path.open("rb") as file:
                shutil.copyfileobj(file, self.wfile, 1 << 18)

    do_GET = do_POST = _any  # noqa: N815  the names that http.server calls

    def log_message(self, *_: object) -> None:
        return


def main(api: str, options: str) -> None:
    """Answer on a free port, which is printed, until stdin ends."""
    answer: Answer = importlib.import_module(f"benchmarks.fakes.{api}").make(**json.loads(options))
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer), "counts": Counter()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)  # noqa: T201
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
