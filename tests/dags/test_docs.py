"""docs/reference/dags.md says what the DAGs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from postlaunch.orchestration import docs


def test_the_page_is_fresh() -> None:
    assert docs.main(["--check"]) == 0, "run `python -m postlaunch.orchestration.docs`"


def test_a_stale_page_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(docs, "PAGE", tmp_path / "dags.md")
    assert docs.main(["--check"]) == 1
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    docs.PAGE.write_text(docs.page().replace("06:00", "07:00"))
    assert docs.main(["--check"]) == 1


def test_a_dag_without_a_docstring_is_named(tmp_path: Path) -> None:
    file = tmp_path / "silent.py"
    file.write_text("dag = None\n")
    with pytest.raises(ValueError, match=r"silent\.py: has no docstring"):
        docs.docstring(file)
