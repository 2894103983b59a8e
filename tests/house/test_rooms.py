"""The rooms of the house: who may import whom."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = {"postlaunch": Path("plugins/postlaunch"), "sandbox": Path("sandbox")}

# Ends every import of the sandbox, as where its packages are not installed.
_WITHOUT_SANDBOX = """
import sys
sys.modules["sandbox"] = None
"""


def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file of every module of a package."""
    folder = PACKAGES[package]
    names = {file: ".".join((package, *file.relative_to(folder).with_suffix("").parts)) for file in folder.rglob("*.py")}
    return {name.removesuffix(".__init__"): file for file, name in names.items()}


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Everything that a file imports, also within functions: of a package of ours the module, else the name as it is written."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def graph(package: str) -> dict[str, set[str]]:
    """Module -> the modules of the same package that it imports."""
    known = modules(package)
    return {name: {other for other in imported(file, known) if other in known and other != name} for name, file in known.items()}


def room(module: str) -> str:
    """`postlaunch.load.loader` stands in `load`; a module beside the rooms is a room of its own."""
    return ".".join(module.split(".")[1:2])


def types_of(file: Path) -> Iterator[str]:
    """Names that a module gives to types: classes, and `Name = Literal[...]`, `tuple[...]` or `Callable[...]`."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name) and not target.id.isupper())


def require_no_circle(edges: dict[str, set[str]]) -> None:
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"these import each other: {' <- '.join(error.args[1])}; move what both need to where neither imports the other")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other(package: str) -> None:
    edges = graph(package)
    assert len(edges) > 30  # an empty graph has no circle
    assert any(edges.values())
    require_no_circle(edges)


def test_no_rooms_import_each_other() -> None:
    rooms: dict[str, set[str]] = {}
    for name, others in graph("postlaunch").items():
        rooms.setdefault(room(name), set()).update(room(other) for other in others if room(other) != room(name))
    assert {"config", "landing", "load", "marts", "quality", "reviews", "sources", "warehouse"} <= set(rooms)
    require_no_circle(rooms)


def test_orchestration_alone_imports_airflow() -> None:
    known = modules("postlaunch")
    found = {room(name) for name, file in known.items() for other in imported(file, known) if other.split(".")[0] == "airflow"}
    assert found == {"orchestration"}


def test_every_module_beside_orchestration_is_imported_where_the_sandbox_is_not_installed() -> None:
    names = sorted(name for name in modules("postlaunch") if room(name) != "orchestration")
    lines = "".join(f"import {name}\n" for name in names)
    done = subprocess.run([sys.executable, "-c", _WITHOUT_SANDBOX + lines], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_without_sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"{_WITHOUT_SANDBOX}from postlaunch.cli import app\nsys.argv[1:] = {list(arguments)!r}\napp()\n"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_doctor_looks_at_everything_but_ports_where_the_sandbox_is_not_installed() -> None:
    done = run_without_sandbox("doctor")
    assert "Traceback" not in done.stderr
    assert "launch files" in done.stdout
    assert "warehouse" in done.stdout
    assert "ports" not in done.stdout


@pytest.mark.parametrize("command", ["up", "down", "demo"])
def test_a_command_of_the_local_stack_says_in_one_line_that_the_sandbox_is_not_installed(command: str) -> None:
    done = run_without_sandbox(command)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].endswith("the sandbox is not installed here; in a clone, `make setup` installs it")
    assert "Traceback" not in done.stderr


def test_the_name_of_a_type_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for name, file in modules("postlaunch").items():
        for found in types_of(file):
            places.setdefault(found, []).append(name)
    assert {"Launch", "Source", "Stream", "Progress"} <= set(places)
    twice = {found: names for found, names in places.items() if len(names) > 1}
    assert not twice, "give one of each another name"
