"""Where things lie, from the environment: folders and the landing zone. Connections are in `connections.py`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Settings:
    """Folders of one installation. `landing` is a path or a URL (file://, s3://, gs://)."""

    launches: Path
    landing: str
    dbt_project: Path
    expectations: Path


def load_settings() -> Settings:
    """Read POSTLAUNCH_LAUNCHES, POSTLAUNCH_LANDING, POSTLAUNCH_DBT_PROJECT and POSTLAUNCH_EXPECTATIONS."""
    return Settings(
        launches=_path("POSTLAUNCH_LAUNCHES", "launches"),
        landing=os.environ.get("POSTLAUNCH_LANDING") or str(REPOSITORY / ".local" / "landing"),
        dbt_project=_path("POSTLAUNCH_DBT_PROJECT", "dbt_project"),
        expectations=_path("POSTLAUNCH_EXPECTATIONS", "expectations"),
    )


def _path(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or REPOSITORY / default)
