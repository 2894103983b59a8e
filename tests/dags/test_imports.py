"""Airflow at its place only, and DAG files that are quick to import and touch nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
PYTHON_FILES = [file for folder in ("plugins", "sandbox", "benchmarks") for file in sorted((ROOT / folder).rglob("*.py"))]
ALLOWED = ROOT / "plugins" / "postlaunch" / "orchestration"
SECONDS = 1.0

# Imports Airflow once, then each DAG file in a child of its own with every way out barred; prints the seconds of the second step as
# processor time, which other programs on the machine do not lengthen as they do the clock's.
PROBE = """
import importlib.util, json, os, sys, time, warnings
import airflow.sdk
import croniter  # of Airflow: asks the program `file` about the interpreter
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "sqlite3.connect"):
        forbidden.append(f"{event} {arguments[:2]!r}")
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(os.environ["POSTLAUNCH_LAUNCHES"]):
        forbidden.append(f"open {arguments[0]}")
for file in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    forbidden = []
    sys.addaudithook(watch)
    spec = importlib.util.spec_from_file_location("dag_file", file)
    module = importlib.util.module_from_spec(spec)
    started = time.process_time()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        spec.loader.exec_module(module)
    seconds = time.process_time() - started
    warned = [f"{one.category.__name__}: {one.message}" for one in warned]
    result = {"file": file, "seconds": seconds, "forbidden": forbidden, "warned": warned, "dag": module.dag.dag_id}
    print(json.dumps(result), flush=True)
    os._exit(0)
"""


def imported_modules(file: Path) -> set[str]:
    """Every module that a file names in an import, at any depth, or as a text for importlib."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                found.add(node.args[0].value)
    return found


def test_airflow_is_imported_only_in_dags_and_orchestration() -> None:
    assert len(PYTHON_FILES) > 50
    for file in PYTHON_FILES:
        strange = {name for name in imported_modules(file) if name.split(".")[0] == "airflow"}
        if ALLOWED not in file.parents:
            assert not strange, (
                f"{file.relative_to(ROOT)} imports {', '.join(strange)}: move that part to plugins/postlaunch/orchestration/"
            )


def test_the_walk_finds_an_import_inside_a_function(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "def f():\n    from airflow.sdk import DAG\n    import importlib\n    importlib.import_module('airflow.configuration')\n"
    )
    assert imported_modules(file) == {"airflow.sdk", "importlib", "airflow.configuration"}


def test_the_rest_of_the_package_runs_without_airflow() -> None:
    code = (
        "import sys; sys.modules['airflow'] = None\n"
        "import postlaunch.cli, postlaunch.ingest, postlaunch.quality, postlaunch.reviews\n"
        "import postlaunch.marts.build, postlaunch.marts.publish"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What importing each DAG file took, and did, with the database down; the better of two measurements."""
    down = "postgresql+psycopg://nobody:nothing@127.0.0.1:9/airflow"  # nothing listens on port 9
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": down,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": down,
        "POSTLAUNCH_LAUNCHES": str(ROOT / "launches"),
    }
    files = [str(file) for file in DAG_FILES]
    done = subprocess.run([sys.executable, "-c", PROBE, *files, *files], check=False, capture_output=True, text=True, env=environment)
    found: dict[str, dict[str, Any]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            name = Path(result["file"]).stem
            found[name] = min(result, found.get(name, result), key=lambda one: one["seconds"])
    assert set(found) == {file.stem for file in DAG_FILES}, done.stderr
    return found


@pytest.mark.parametrize("name", [file.stem for file in DAG_FILES])
def test_a_dag_file_imports_in_under_a_second_with_the_database_down(name: str, probe: dict[str, dict[str, Any]]) -> None:
    seconds = probe[name]["seconds"]
    assert seconds < SECONDS, f"dags/{name}.py takes {seconds:.2f} s to import: import heavy libraries inside the tasks"


@pytest.mark.parametrize("name", [file.stem for file in DAG_FILES])
def test_a_dag_file_reads_neither_database_nor_network_nor_launch_files(name: str, probe: dict[str, dict[str, Any]]) -> None:
    assert probe[name]["forbidden"] == [], f"dags/{name}.py reaches out while it is parsed: move that into a task"
    assert probe[name]["dag"] == name


@pytest.mark.parametrize("name", [file.stem for file in DAG_FILES])
def test_a_dag_file_is_parsed_without_a_warning(name: str, probe: dict[str, dict[str, Any]]) -> None:
    assert probe[name]["warned"] == [], f"dags/{name}.py: the DAG processor and every task would log it each time"
