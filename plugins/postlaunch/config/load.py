"""Launch files: YAML to `Launch`, with errors that name file, key path, what was found and what is allowed."""

from __future__ import annotations

import contextlib
import csv
import functools
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from postlaunch.config.launch import Launch
from postlaunch.config.settings import load_settings
from postlaunch.errors import ConfigError


def load_launches(folder: Path) -> dict[str, Launch]:
    """Every launch of a folder by id. Raises one ConfigError that lists all faults of all files."""
    if not folder.is_dir():
        raise ConfigError(f"no launch folder at {folder}: create it, or set POSTLAUNCH_LAUNCHES")
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        raise ConfigError(f"no launch file (*.yaml) in {folder}: add one, or set POSTLAUNCH_LAUNCHES")
    launches: dict[str, Launch] = {}
    faults: list[str] = []
    for file in files:
        try:
            launch = load_launch_file(file)
        except ConfigError as error:
            faults.append(str(error))
            continue
        if launch.launch in launches:
            faults.append(f"{file}: launch: {launch.launch!r} is already the id of another file; ids are unique")
        launches[launch.launch] = launch
    if faults:
        raise ConfigError("\n".join(faults))
    return launches


def load_launch(folder: Path, launch_id: str) -> Launch:
    """One launch of a folder: a fault in another launch's file does not matter. Raises ConfigError that lists the known ids."""
    with contextlib.suppress(ConfigError, OSError):
        for file in (folder / f"{launch_id}.yaml", folder / f"{launch_id}.yml"):
            if file.is_file() and (launch := load_launch_file(file)).launch == launch_id:
                return launch
    launches = load_launches(folder)
    if launch_id not in launches:
        raise ConfigError(f"no launch {launch_id!r} in {folder}; known: {', '.join(sorted(launches))}")
    return launches[launch_id]


def load_launch_file(file: Path) -> Launch:
    """One launch file. Raises ConfigError with one line a fault: file, key path, what is wrong, what was found."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: expected keys and values at the top, found {type(content).__name__}")
    try:
        launch = Launch.model_validate(content)
    except ValidationError as error:
        raise ConfigError("\n".join(_fault(file, detail) for detail in error.errors())) from error
    _check_kpis(file, launch)
    return launch


def _check_kpis(file: Path, launch: Launch) -> None:
    seen: set[str] = set()
    for number, entry in enumerate(launch.kpis):
        if entry.kpi not in kpi_ids():
            raise ConfigError(f"{file}: kpis[{number}].kpi: no such KPI; found {entry.kpi!r}; allowed: {', '.join(kpi_ids())}")
        if entry.kpi in seen:
            raise ConfigError(f"{file}: kpis[{number}].kpi: {entry.kpi!r} stands twice; list all its targets in one entry")
        seen.add(entry.kpi)


@functools.cache
def kpi_ids() -> tuple[str, ...]:
    """Ids of the KPI catalogue, which is a dbt seed."""
    with (load_settings().dbt_project / "seeds" / "kpi_catalogue.csv").open(encoding="utf-8", newline="") as catalogue:
        return tuple(row["kpi_id"] for row in csv.DictReader(catalogue))


def _fault(file: Path, detail: ErrorDetails) -> str:
    path = _path(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{file}: {path}: unknown key; allowed here: {', '.join(_allowed(detail['loc']))}"
    if detail["type"] == "missing":
        return f"{file}: {path}: missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{file}: {path}: {message}; found {detail['input']!r}"


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _allowed(location: tuple[int | str, ...]) -> list[str]:
    """Keys that the schema allows beside an unknown one, found by walking the JSON schema along its path."""
    schema = Launch.model_json_schema()
    node: dict[str, Any] = schema
    for part in location[:-1]:
        node = _resolve(schema, node)
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
    return sorted(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf", []):
        if "$ref" in option:
            node = option
    if "$ref" in node:
        resolved: dict[str, Any] = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        return resolved
    return node
