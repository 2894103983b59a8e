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
_PROJECT, _BRAND, _STEP = (re.compile(rf"^(  {key}: )\d+", re.MULTILINE) for key in ("project_id", "brand_id", "step_seconds"))


def render(target: Path, told: Told, until: int) -> Path:
    """Write a tale's launch file and its facts up to a launch day into the folder `target`; returns the launch file."""
    text = (REPOSITORY / "launches" / f"{told.tale.launch}.yaml").read_text(encoding="utf-8")
    found = _LAUNCH_DATE.search(text)
    assert found is not None  # noqa: S101  # a launch file has a date
    moved = told.launch_date - dt.date.fromisoformat(found[1])
    for line, value in ((_PROJECT, told.tale.project), (_BRAND, told.tale.brand), (_STEP, told.tale.step_seconds)):
        text = line.sub(rf"\g<1>{value}", text)
    for before, after in told.tale.words:
        text = text.replace(before, after)
    text = _DATE.sub(lambda date: str(dt.date.fromisoformat(date[1]) + moved), text)
    target.mkdir(parents=True, exist_ok=True)
    for name, rows in (told.tale.facts(told, until) if told.tale.facts else {}).items():
        file = target / "facts" / told.tale.launch / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened, lineterminator="\n").writerows(rows)
    written = target / f"{told.tale.launch}.yaml"
    written.write_text(text, encoding="utf-8")
    return written
