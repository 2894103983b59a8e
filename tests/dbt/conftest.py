"""Launch files come from a folder of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
