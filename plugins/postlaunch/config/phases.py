"""Phases of a launch by name: `phase: month_1` means the days that `phases: {month_1: [0, 29]}` says, wherever a launch file uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def with_phase_days(launch: Any) -> Any:
    """A launch file, as read, whose entries with `phase` have its from_day and to_day too. What is not a mapping passes as it is.

    Raises ValueError with the key path of a phase that is not there, of one that says its days twice, and of one without an end that
    something is compared with.
    """
    if not isinstance(launch, dict) or not isinstance(launch.get("phases", {}), dict):
        return launch
    phases = {name: days for name, days in launch.get("phases", {}).items() if isinstance(days, list | tuple) and len(days) == 2}
    faults: list[str] = []
    resolved = {key: value if key == "phases" else _resolve(value, key, phases, faults) for key, value in launch.items()}
    for path, name in _since(launch):
        if name not in phases:
            faults.append(_unknown(path, name, phases))
        elif phases[name][1] is None:
            faults.append(f"{path}: phase {name!r} has no last day and is never over; compare with one that has")
    if faults:
        raise ValueError("; ".join(faults))
    return resolved


def _resolve(value: Any, path: str, phases: dict[str, Any], faults: list[str]) -> Any:
    if isinstance(value, list | tuple):
        return [_resolve(item, f"{path}[{number}]", phases, faults) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {key: _resolve(item, f"{path}.{key}", phases, faults) for key, item in value.items()}
    name = found.get("phase")
    if not isinstance(name, str):
        return found
    if name not in phases:
        faults.append(_unknown(f"{path}.phase", name, phases))
        return found
    days = dict(zip(("from_day", "to_day"), phases[name], strict=True))
    if any(found.get(key) not in (None, day) for key, day in days.items()):
        faults.append(f"{path}: phase {name!r} says its days, leave out from_day and to_day")
    return {**found, **days}


def _since(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _since(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if key == "since" and isinstance(item, str):
                yield inner, item
            else:
                yield from _since(item, inner)


def _unknown(path: str, name: str, phases: dict[str, Any]) -> str:
    known = ", ".join(phases) or "none, add it under `phases`"
    return f"{path}: no such phase; found {name!r}; the file has: {known}"
