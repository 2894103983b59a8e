"""One Airflow pool a source: how many calls of its API may run at once, over all launches, runs and backfills.

    python -m postlaunch.orchestration.pools pools.json && airflow pools import pools.json

A task whose pool does not exist is never scheduled, so whoever starts Airflow imports them first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from postlaunch.config.launch import Source
from postlaunch.sources.registry import SPECS


def pool_name(source: Source) -> str:
    """Name of the pool that caps the calls of a source."""
    return f"postlaunch_{source}"


def pools() -> dict[str, dict[str, object]]:
    """Definitions in the form that `airflow pools import` reads."""
    return {pool_name(spec.name): {"slots": spec.slots, "description": spec.pace, "include_deferred": False} for spec in SPECS.values()}


def write_pools(file: Path) -> Path:
    """Write the definitions as JSON for `airflow pools import`."""
    file.write_text(json.dumps(pools(), indent=2) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    write_pools(Path(sys.argv[1] if len(sys.argv) > 1 else "pools.json"))
