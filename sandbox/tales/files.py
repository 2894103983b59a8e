"""Launch files of launches/ on the story's calendar: every date in them moves by as many days as the launch date does."""

from __future__ import annotations

import csv
import datetime as dt
import re
from pathlib import Path

from postlaunch.config.settings import REPOSITORY
from sandbox.tales.tale import Told

_DATE = re.compile(r"\b(20\d\d-\d\d-\d\d)\b")
_LAUNCH_DATE = re.compile(r"^date: (20\d\d-\d\d-\d\d)$", re.MULTILINE)
_STEP = re.compile(r"^  step_seconds: \d+", re.MULTILINE)


def render(target: Path, told: Told, until: int) -> Path:
    """Write a tale's launch file and its facts up to a launch day into the folder `target`; returns the launch file."""
    text = (REPOSITORY / "launches" / f"{told.tale.launch}.yaml").read_text(encoding="utf-8")
    found = _LAUNCH_DATE.search(text)
    assert found is not None  # noqa: S101  # a launch file has a date
    moved = told.launch_date - dt.date.fromisoformat(found[1])
    text = _DATE.sub(lambda date: str(dt.date.fromisoformat(date[1]) + moved), text)
    if told.tale.step_seconds is not None:
        text = _STEP.sub(f"  step_seconds: {told.tale.step_seconds}", text)
    target.mkdir(parents=True, exist_ok=True)
    for name, rows in (told.tale.facts(told, until) if told.tale.facts else {}).items():
        file = target / "facts" / told.tale.launch / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened, lineterminator="\n").writerows(rows)
    written = target / f"{told.tale.launch}.yaml"
    written.write_text(text, encoding="utf-8")
    return written
