"""The unit tests and the invariants that stand beside the models, run by dbt itself in an empty warehouse."""

from __future__ import annotations

from pathlib import Path

import pytest

from postlaunch.config.settings import load_settings
from postlaunch.marts.dbt_run import dbt_environment

pytestmark = pytest.mark.slow


def test_every_unit_test_and_invariant_of_the_models_holds(warehouse: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dbt.cli.main import dbtRunner

    for name, value in dbt_environment().items():
        monkeypatch.setenv(name, value)
    project = str(load_settings().dbt_project)
    folders = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path)]
    outcome = dbtRunner().invoke(["--log-level", "none", "build", *folders])
    results = outcome.result.results  # type: ignore[union-attr]
    bad = {result.node.name: result.message for result in results if result.status not in ("success", "pass", "skipped")}
    unit_tests = [result for result in results if result.node.resource_type == "unit_test"]
    assert bad == {}
    assert [result.node.name for result in results if result.status == "skipped"] == []
    assert len(unit_tests) >= 20
