"""A warehouse with every mart built by hand and every date loaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.quality.hand_built import FIRST, LAST, Warehouse, marts_alone


@pytest.fixture(scope="module", autouse=True)
def _marts_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTLAUNCH_DBT_PROJECT", str(marts_alone(tmp_path_factory.mktemp("marts"))))
        yield


@pytest.fixture
def built(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """One launch: events and samples of every date loaded and built, nothing audited yet."""
    hand = Warehouse()
    hand.configure()
    hand.load(1000, FIRST, LAST)
    hand.load(50, FIRST, LAST, stream="samples")
    hand.build()
    return hand
