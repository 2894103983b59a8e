"""Launch files of a test's own folder, and the nights that files of random launches share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.conftest import Warehouses
from tests.dbt import stream_accounts, stream_products, stream_segments
from tests.dbt.event_rows import hashes_of_build
from tests.dbt.event_streams import NIGHTS
from tests.warehouse.conftest import own_server  # noqa: F401  a server of the test alone, here too


@pytest.fixture
def launch_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that POSTLAUNCH_LAUNCHES points at."""
    folder = tmp_path / "launches"
    folder.mkdir()
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
    return folder


@pytest.fixture(scope="module")
def module_launch_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """As `launch_files`, for the tests of one module."""
    folder = tmp_path_factory.mktemp("launches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        yield folder


@dataclass
class Played:
    """What was read after each night of the random launches, and hashes of all tables before and after the full refresh that came last."""

    session: psycopg.Connection
    products: list[stream_products.Marts] = field(default_factory=list)
    accounts: list[tuple[stream_accounts.Rows, ...]] = field(default_factory=list)
    segments: list[tuple[stream_segments.Values, stream_segments.Values]] = field(default_factory=list)
    incremental: dict[str, tuple[int, str]] = field(default_factory=dict)
    refreshed: dict[str, tuple[int, str]] = field(default_factory=dict)


@pytest.fixture(scope="package")
def played(warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All random launches live through their nights in one warehouse: most of the time of a build is dbt's own."""
    folder = tmp_path_factory.mktemp("launches")
    with pytest.MonkeyPatch.context() as patch, warehouses.copied(template, patch), connect(autocommit=True) as session:
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        found = Played(session)
        for night in range(len(NIGHTS)):
            for launches in (stream_products, stream_accounts, stream_segments):
                launches.load(session, folder, night)
            build()
            found.products.append(stream_products.read(session))
            found.accounts.append(stream_accounts.read(session))
            found.segments.append(stream_segments.read(session))
        found.incremental = hashes_of_build(session)
        build(full_refresh=True)
        found.refreshed = hashes_of_build(session)
        patch.undo()
        yield found
