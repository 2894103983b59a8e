"""What the YAML says of a model reaches the database whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from postlaunch.config.settings import REPOSITORY

FILES = sorted(path for path in (REPOSITORY / "dbt_project").glob("*/**/*.yml") if "target" not in path.parts)


def _keys_without_value(node: Any) -> Iterator[str]:
    """`{description: seconds, or null}` is a description "seconds" and a key "or null" without a value."""
    if isinstance(node, dict):
        yield from (str(key) for key, value in node.items() if value is None)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _keys_without_value(child)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY / "dbt_project")))
def test_no_description_is_cut_at_a_comma(path: Path) -> None:
    content = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    assert [key for part in ("models", "seeds", "sources") for key in _keys_without_value(content.get(part, []))] == []


def test_every_model_has_a_description() -> None:
    models = [
        model
        for path in FILES
        for model in (yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}).get("models", [])
    ]
    assert [model["name"] for model in models if not model.get("description")] == []
