"""Runs the simulators on a real socket: for a process of their own (`python -m sandbox.apis`) and, in a thread, for tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from sandbox.apis.faults import FaultyApp

_START_SECONDS = 20.0


def serve(app: FastAPI, port: int) -> None:
    """Serve on 127.0.0.1 until the process is told to stop."""
    uvicorn.Server(_config(app)).run(sockets=[_listen(port)])


@contextmanager
def running_server(app: FastAPI) -> Iterator[str]:
    """Serve on a free port in a thread; yields the base URL, for example http://127.0.0.1:40123."""
    listening = _listen(0)
    server = uvicorn.Server(_config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the simulated APIs did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=_START_SECONDS)


def _config(app: FastAPI) -> uvicorn.Config:
    faulty = FaultyApp(app, app.state.faults)
    return uvicorn.Config(faulty, log_level="warning", access_log=False, timeout_graceful_shutdown=2)


def _listen(port: int) -> socket.socket:
    """A listening socket; OSError if the port is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.close()
        raise
    return listening
