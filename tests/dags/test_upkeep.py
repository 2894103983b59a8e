"""prune_storage: what its task does, and what it tells Airflow where a retry cannot help."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_the_task_says_what_was_removed_and_fails_for_good_where_a_setting_is_wrong(
    warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postlaunch.orchestration.upkeep import run_prune

    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    assert run_prune().startswith("everything is kept")
    monkeypatch.setenv("POSTLAUNCH_RETENTION_RAW_MONTHS", "6")
    assert run_prune() == "0 months of raw are dropped, 0 bytes (POSTLAUNCH_RETENTION_RAW_MONTHS=6)"
    monkeypatch.setenv("POSTLAUNCH_RETENTION_RAW_MONTHS", "half a year")
    with pytest.raises(Exception, match="expected whole months") as failed:
        run_prune()
    assert type(failed.value).__name__ == "AirflowFailException"
