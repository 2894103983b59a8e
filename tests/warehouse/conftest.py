"""A PostgreSQL that a test may stop and start."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ports import free_port
from sandbox.postgres import PostgresServer
from tests.conftest import LOGIN, WAREHOUSE


@pytest.fixture
def own_server(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    """A server of this test alone, with a migrated warehouse that the environment points at."""
    from postlaunch.warehouse.migrate import migrate

    server = PostgresServer(server_folder / "data", free_port(), secrets.token_hex(8), throwaway=True)
    try:
        server.start()
        server.ensure_login(LOGIN, server.password, createrole=True)
        server.ensure_database("warehouse", LOGIN)
        monkeypatch.setenv(WAREHOUSE, server.uri("warehouse", LOGIN))
        migrate()
        yield server
    finally:
        server.stop()
