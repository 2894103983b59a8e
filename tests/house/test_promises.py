"""docs/promises.csv: what it says of a launch file is there, and no target of these launches is without its promise."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from docs.generate import STATUSES
from postlaunch.config.load import load_launches

LAUNCHES = load_launches(Path("launches"))
with Path("docs/promises.csv").open(encoding="utf-8", newline="") as file:
    PROMISES = list(csv.DictReader(file))


@pytest.mark.parametrize("launch_id", sorted({row["launch"] for row in PROMISES}))
def test_every_kpi_that_keeps_a_promise_is_in_its_launch_file(launch_id: str) -> None:
    known = {entry.kpi for entry in LAUNCHES[launch_id].kpis}
    named = {name for row in PROMISES if row["launch"] == launch_id for name in re.findall(r"kpis\[([a-z0-9_]+)", row["where"])}
    assert named - known == set()
    assert {row["status"] for row in PROMISES} <= set(STATUSES)


@pytest.mark.parametrize("launch_id", sorted({row["launch"] for row in PROMISES}))
def test_every_target_says_the_promise_that_it_comes_from(launch_id: str) -> None:
    launch = LAUNCHES[launch_id]
    without = [f"{entry.kpi} {entry.of}" for entry in launch.kpis for target in entry.targets if not target.promise and not entry.promise]
    assert without == []
