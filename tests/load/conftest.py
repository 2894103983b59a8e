"""What the tests of loading ask of the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from postlaunch.load.loader import LoadResult


@pytest.fixture
def query(warehouse: str) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of a statement, in a session of its own."""

    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(warehouse) as session:
            return session.execute(statement).fetchall()  # type: ignore[arg-type]

    return run


def counts(result: LoadResult) -> tuple[int, int, int, int]:
    """Lines landed; of them loaded, duplicates, quarantined."""
    return result.landed, result.loaded, result.duplicates, result.quarantined
