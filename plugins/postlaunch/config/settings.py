"""Where things lie and how long they are kept, from the environment. Connections are in `connections.py`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from postlaunch.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Retention:
    """Whole months that are kept before the running one; None: for ever. What is removed in the end: docs/cookbooks/retention.md.

    `raw_months`: of events and samples in the warehouse. `landing_months`: of pulls that a newer one has replaced.
    """

    raw_months: int | None = None
    landing_months: int | None = None


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


def load_retention() -> Retention:
    """Read POSTLAUNCH_RETENTION_RAW_MONTHS and POSTLAUNCH_RETENTION_LANDING_MONTHS. Raises ConfigError for what is no number of months."""
    return Retention(_months("POSTLAUNCH_RETENTION_RAW_MONTHS"), _months("POSTLAUNCH_RETENTION_LANDING_MONTHS"))


def _path(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or REPOSITORY / default)


def _months(variable: str) -> int | None:
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1200:
        raise ConfigError(f"{variable}={text}: expected whole months, 1 or more; without the variable everything is kept")
    return int(text)
