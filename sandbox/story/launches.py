"""Writes the launch files of the sandbox: templates of sandbox/launches with the launch date of the story filled in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

TEMPLATES = Path(__file__).parents[1] / "launches"
_LAUNCH_DATE = "{{ launch_date }}"


def render(target: Path, launch_date: dt.date) -> list[Path]:
    """Write every template into the folder `target`, made if missing; returns the files, sorted by name."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for template in sorted(TEMPLATES.glob("*.yaml")):
        file = target / template.name
        file.write_text(template.read_text(encoding="utf-8").replace(_LAUNCH_DATE, launch_date.isoformat()), encoding="utf-8")
        written.append(file)
    return written
