"""One Airflow pool a source: how many calls of its API may run at once, over all launches, runs and backfills.

    python -m postlaunch.orchestration.pools pools.json && airflow pools import pools.json

A task whose pool does not exist is never scheduled, so whoever starts Airflow imports them first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from postlaunch.config.launch import SOURCES, Source

_SLOTS: dict[Source, tuple[int, str]] = {
    "mixpanel": (2, "Mixpanel raw export: 60 calls an hour and 3 a second for a whole project"),
    "zendesk": (1, "Zendesk incremental exports: 10 calls a minute"),
    "pagerduty": (2, "PagerDuty REST: 960 calls a minute"),
    "prometheus": (2, "Prometheus: the server of production, so be gentle"),
}


def pool_name(source: Source) -> str:
    """Name of the pool that caps the calls of a source."""
    return f"postlaunch_{source}"


def pools() -> dict[str, dict[str, object]]:
    """Definitions in the form that `airflow pools import` reads."""
    return {
        pool_name(source): {"slots": _SLOTS[source][0], "description": _SLOTS[source][1], "include_deferred": False} for source in SOURCES
    }


def write_pools(file: Path) -> Path:
    """Write the definitions as JSON for `airflow pools import`."""
    file.write_text(json.dumps(pools(), indent=2) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    write_pools(Path(sys.argv[1] if len(sys.argv) > 1 else "pools.json"))
