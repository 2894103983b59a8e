"""Numbers that no API has, from CSV files beside the launch file: `date,value` and a line per fact.

    kpis[].measure.facts.file  ->  rows of that measure, when the launch file is read

So a changed fact is a changed launch file, and a wrong line stops its own launch, by file and line.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from typing import Any

from postlaunch.config.fields import in_reach

MOST_BYTES = 1_000_000
MOST_FAULTS = 5  # that are told of one file
HEADER = ["date", "value"]


def with_facts(launch: Any, folder: Path, faults: list[str]) -> Any:
    """A launch file, as read, whose `facts` have their rows; what is wrong with a file of facts is added to `faults`."""
    if isinstance(launch, list):
        return [with_facts(item, folder, faults) for item in launch]
    if not isinstance(launch, dict):
        return launch
    found = {key: with_facts(value, folder, faults) for key, value in launch.items()}
    facts = found.get("facts")
    if isinstance(facts, dict) and isinstance(facts.get("file"), str) and "rows" not in facts:
        found["facts"] = {**facts, "rows": _rows(folder, facts["file"], faults)}
    return found


def _rows(folder: Path, name: str, faults: list[str]) -> list[tuple[str, float]]:
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        faults.append(f"{file}: lies outside the folder of the launch files")
        return []
    try:
        if file.stat().st_size > MOST_BYTES:
            faults.append(f"{file}: longer than {MOST_BYTES:,} bytes; facts are a line per date")
            return []
        lines = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{file}: cannot be read: {error}")
        return []
    if not lines or [cell.strip().lower() for cell in lines[0]] != HEADER:
        faults.append(f"{file}: line 1: the header `date,value` is expected; found {','.join(lines[0]) if lines else 'nothing'!r}")
        return []
    found: dict[str, float] = {}
    wrong: list[str] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            date, value = _fact(cells, found)
            found[date] = value
        except ValueError as error:
            wrong.append(f"{file}: line {number}: {error}")
    faults += wrong[:MOST_FAULTS] + ([f"{file}: {len(wrong) - MOST_FAULTS} more lines are wrong"] if len(wrong) > MOST_FAULTS else [])
    return sorted(found.items())


def _fact(cells: list[str], before: dict[str, float]) -> tuple[str, float]:
    if len(cells) != len(HEADER):
        raise ValueError(f"a date and a value are expected; found {','.join(cells)!r}")
    date, text = (cell.strip() for cell in cells)
    try:
        in_reach(dt.date.fromisoformat(date))
    except ValueError:
        raise ValueError(f"a date such as 2026-01-12 is expected; found {date!r}") from None
    if date in before:
        raise ValueError(f"{date} stands twice")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return date, value
