"""What no API has, from CSV files beside the launch file.

    kpis[].measure.facts.file      date,value                  a line per fact
    pagerduty.action_items.file    incident,item,opened,done   a line per action item; done is empty while it is open

They become `rows` beside `file` when the launch file is read.

So a changed fact is a changed launch file, and a wrong line stops its own launch, by file and line.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from postlaunch.config.fields import in_reach

MOST_BYTES = 1_000_000  # of one file: a fact a day for a hundred years
MOST_LETTERS = 200  # of an action item
MOST_FAULTS = 5  # that are told of one file

# What a line says: a key that stands once in the file, and the rest.
Line = tuple[tuple[Any, ...], tuple[Any, ...]]


def with_facts(launch: Any, folder: Path, faults: list[str]) -> Any:
    """A launch file, as read, whose sections of FILES have their rows; what is wrong with a file is added to `faults`."""
    if isinstance(launch, list):
        return [with_facts(item, folder, faults) for item in launch]
    if not isinstance(launch, dict):
        return launch
    found = {key: with_facts(value, folder, faults) for key, value in launch.items()}
    for key, (header, read) in FILES.items():
        section = found.get(key)
        if not isinstance(section, dict) or not isinstance(section.get("file"), str):
            continue
        if "rows" in section:
            faults.append(f"{key}: give file or rows, not both")
        else:
            found[key] = {**section, "rows": _rows(folder, section["file"], header, read, faults)}
    return found


def _rows(folder: Path, name: str, header: list[str], read: Callable[[list[str]], Line], faults: list[str]) -> list[tuple[Any, ...]]:
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        faults.append(f"{file}: lies outside the folder of the launch files")
        return []
    try:
        if file.stat().st_size > MOST_BYTES:
            faults.append(f"{file}: longer than {MOST_BYTES:,} bytes")
            return []
        lines = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{file}: cannot be read: {error}")
        return []
    if not lines or [cell.strip().lower() for cell in lines[0]] != header:
        faults.append(f"{file}: line 1: the header `{','.join(header)}` is expected; found {','.join(lines[0]) if lines else 'nothing'!r}")
        return []
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    wrong: list[str] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            key, rest = read(_cells(cells, header))
            if key in found:
                wrong.append(f"{file}: line {number}: {', '.join(map(str, key))} stands twice")
            found[key] = rest
        except ValueError as error:
            wrong.append(f"{file}: line {number}: {error}")
    faults += wrong[:MOST_FAULTS] + ([f"{file}: {len(wrong) - MOST_FAULTS} more lines are wrong"] if len(wrong) > MOST_FAULTS else [])
    return sorted((*key, *rest) for key, rest in found.items())


def _cells(cells: list[str], header: list[str]) -> list[str]:
    if len(cells) != len(header):
        raise ValueError(f"{','.join(header)} is expected; found {','.join(cells)!r}")
    return [cell.strip() for cell in cells]


def _fact(cells: list[str]) -> Line:
    date, text = cells
    day = _date(date)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return (day,), (value,)


def _action_item(cells: list[str]) -> Line:
    incident, item, opened, done = cells
    if not re.fullmatch(r"[0-9]{1,18}", incident):
        raise ValueError(f"the number of an incident is expected; found {incident!r}")
    if not 0 < len(item) <= MOST_LETTERS:
        raise ValueError(f"what is to be done is expected, in {MOST_LETTERS} letters at most")
    if done and _date(done) < _date(opened):
        raise ValueError(f"done on {done}, before it was opened on {opened}")
    return (int(incident), item), (_date(opened), _date(done) if done else None)


def _date(text: str) -> str:
    try:
        in_reach(dt.date.fromisoformat(text))
    except ValueError:
        raise ValueError(f"a date such as 2026-01-12 is expected; found {text!r}") from None
    return text


FILES: dict[str, tuple[list[str], Callable[[list[str]], Line]]] = {
    "facts": (["date", "value"], _fact),
    "action_items": (["incident", "item", "opened", "done"], _action_item),
}
