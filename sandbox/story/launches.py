"""Writes the launch files of the sandbox: templates of sandbox/launches with the dates of the story filled in."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

TEMPLATES = Path(__file__).parents[1] / "launches"
_LAUNCH_DATE = "{{ launch_date }}"
_DAY = re.compile(r"\{\{ day (-?\d+) \}\}")  # the date of a launch day


def render(target: Path, launch_date: dt.date) -> list[Path]:
    """Write every template into the folder `target`, made if missing; returns the files, sorted by name."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for template in sorted(TEMPLATES.glob("*.yaml")):
        file = target / template.name
        text = template.read_text(encoding="utf-8").replace(_LAUNCH_DATE, launch_date.isoformat())
        file.write_text(_DAY.sub(lambda day: (launch_date + dt.timedelta(days=int(day[1]))).isoformat(), text), encoding="utf-8")
        written.append(file)
    return written
