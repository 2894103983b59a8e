"""Launch files: YAML to `Launch`, with errors that name file, key path, what was found and what is allowed.

    launches/*.yaml  ──> read_launches() ──> LaunchFiles: the launches that are right, and the faults of the others

One wrong file costs its own launch: the pipeline goes on with `.launches` and tells `.faults`; `launches check` is strict.
"""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from postlaunch.config.checks import kpi_faults
from postlaunch.config.facts import with_facts
from postlaunch.config.launch import Launch
from postlaunch.config.yaml_file import read_yaml
from postlaunch.errors import ConfigError


@dataclass(frozen=True)
class LaunchFault:
    """A file that is wrong: `launch_id` is what it says, or the file's name where it does not say; `reason` has a line per fault."""

    launch_id: str
    file: Path
    reason: str


@dataclass(frozen=True)
class LaunchFiles:
    """What a folder holds: launches by id, and the files that are wrong. A launch is in one of the two, never in both."""

    folder: Path
    launches: dict[str, Launch]
    faults: tuple[LaunchFault, ...]

    def require(self, launch_id: str) -> Launch:
        """One launch. Raises ConfigError with the faults of its file, or with the ids that are known."""
        if launch_id in self.launches:
            return self.launches[launch_id]
        own = [fault.reason for fault in self.faults if launch_id in (fault.launch_id, fault.file.stem)]
        if own:
            raise ConfigError("\n".join(own))
        wrong = f"; wrong files: {', '.join(fault.file.name for fault in self.faults)}" if self.faults else ""
        raise ConfigError(f"no launch {launch_id!r} in {self.folder}; known: {', '.join(sorted(self.launches))}{wrong}")


def read_launches(folder: Path) -> LaunchFiles:
    """Every launch file of a folder, each for itself. Raises ConfigError only if there is no folder or no file at all."""
    if not folder.is_dir():
        raise ConfigError(f"no launch folder at {folder}: create it, or set POSTLAUNCH_LAUNCHES")
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        raise ConfigError(f"no launch file (*.yaml) in {folder}: add one, or set POSTLAUNCH_LAUNCHES")
    read: list[tuple[Path, Launch]] = []
    faults: list[LaunchFault] = []
    for file in files:
        try:
            read.append((file, load_launch_file(file)))
        except ConfigError as error:
            faults.append(LaunchFault(_launch_id(file), file, str(error)))
        except Exception as error:  # noqa: BLE001  a fault of ours in reading one file must not cost the other launches
            reason = f"{file}: cannot be read ({type(error).__name__}: {error}); this is a fault of postlaunch, please report it"
            faults.append(LaunchFault(_launch_id(file), file, reason))
    claims: dict[str, list[Path]] = {}
    for file, launch_id in [*((file, launch.launch) for file, launch in read), *((fault.file, fault.launch_id) for fault in faults)]:
        claims.setdefault(launch_id, []).append(file)
    faults += [_shared_id(file, launch.launch, claims[launch.launch]) for file, launch in read if len(claims[launch.launch]) > 1]
    launches = {launch.launch: launch for _, launch in read if len(claims[launch.launch]) == 1}
    return LaunchFiles(folder, launches, tuple(sorted(faults, key=lambda fault: fault.file)))


def load_launches(folder: Path) -> dict[str, Launch]:
    """Every launch of a folder by id. Raises one ConfigError that lists all faults of all files."""
    found = read_launches(folder)
    if found.faults:
        raise ConfigError("\n".join(fault.reason for fault in found.faults))
    return found.launches


def load_launch(folder: Path, launch_id: str) -> Launch:
    """One launch of a folder: a fault in another launch's file does not matter. Raises ConfigError."""
    return read_launches(folder).require(launch_id)


def load_launch_file(file: Path) -> Launch:
    """One launch file. Raises ConfigError with one line per fault: file, key path, what is wrong, what was found."""
    wrong_facts: list[str] = []
    given = with_facts(read_yaml(file), file.parent, wrong_facts)
    if wrong_facts:
        raise ConfigError("\n".join(wrong_facts))
    try:
        launch = Launch.model_validate(given)
    except ValidationError as error:
        raise ConfigError("\n".join(_fault(file, detail) for detail in error.errors())) from error
    faults = list(kpi_faults(launch))
    if faults:
        raise ConfigError("\n".join(f"{file}: {fault}" for fault in faults))
    return launch


def _shared_id(file: Path, launch_id: str, claims: list[Path]) -> LaunchFault:
    others = ", ".join(other.name for other in claims if other != file)
    reason = f"{file}: launch: {launch_id!r} is also the id of {others}; ids are unique, and neither is used until one is changed"
    return LaunchFault(launch_id, file, reason)


def _launch_id(file: Path) -> str:
    """The id that a wrong file claims: its own word where one can be read, else its name."""
    try:
        found = re.search(r"^launch:\s*[\"']?([a-z][a-z0-9_-]{1,62})[\"']?\s*(?:#.*)?$", file.read_text(encoding="utf-8-sig"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1] if found else file.stem


def _fault(file: Path, detail: Any) -> str:
    path = _path(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{file}: {path}: unknown key; allowed here: {', '.join(_allowed(detail['loc']))}"
    if detail["type"] == "missing":
        return f"{file}: {path}: missing"
    message = detail["msg"].removeprefix("Value error, ")
    found = detail["input"]
    is_section = isinstance(found, dict | list | tuple) or type(found).__module__.startswith("postlaunch.")
    shown = "" if is_section else f"; found {reprlib.repr(found)}"  # the message names what is wrong in a section
    return f"{file}: {path}: {message}{shown}"


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
