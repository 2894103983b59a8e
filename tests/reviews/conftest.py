"""Published marts with a launch's 100 days in them, and a real mail server."""

from __future__ import annotations

# ruff: noqa: ARG002  (aiosmtpd names the arguments of its hooks)
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from postlaunch.warehouse.db import connect
from sandbox.ports import free_port


def _load_story() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reviews_story", Path(__file__).with_name("story.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def story() -> ModuleType:
    return _load_story()


@pytest.fixture(scope="module")
def published(module_warehouse: str, story: ModuleType) -> ModuleType:
    """The story in a warehouse of this module; tests that change it must change it back."""
    with connect() as session:
        story.fill(session)
    return story


class Inbox:
    """Keeps what a client really sent; refuses what the test says."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refused: set[str] = set()
        self.is_full = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.is_full:
            return "452 the disk is full"
        self.mails.append(envelope.content)
        return "250 taken"


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """An SMTP server on a free port that the connection postlaunch_smtp points at."""
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), data_size_limit=50_000_000)
    controller.start()
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_SMTP", f"smtp://127.0.0.1:{controller.port}/?from_email=reviews%40company.example")
    yield inbox
    controller.stop()
