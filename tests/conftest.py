"""What every test may ask for: a real warehouse of its own, the simulated APIs, and the reason when a program is missing.

server ── template (migrated once) ──┬── warehouse          a fresh copy for one test
                                     └── module_warehouse   one copy for all tests of a module
apis   ── the four simulators, their clock stopped at 2026-04-13 06:00 UTC
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from postlaunch.marts import dbt_run
from sandbox.ports import free_port
from sandbox.postgres import PostgresServer
from tests import dbt_forks

if TYPE_CHECKING:
    from postlaunch.landing.zone import Landing

LOGIN = "postlaunch"
WAREHOUSE = "AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"
PARSED = "partial_parse.msgpack"  # dbt's
REAL_DBT = dbt_run._started
LAUNCH_DATE = dt.date(2026, 1, 12)
CLOCK = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
_FOLDER = "postlaunch-test-"
_MEMORY, _TEMPORARY = Path("/dev/shm"), Path("/tmp")
_PLENTY = 10 * 2**30  # bytes; the servers of four workers take a third of it

_PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "node-exporter": ("prometheus-node-exporter", "node_exporter"),
}


def pytest_configure(config: pytest.Config) -> None:
    """The markers of this suite, and no variable of the caller that could lead a test to a real system."""
    config.addinivalue_line(
        "markers", "needs(program): skipped, with the reason, on a machine without chromium, prometheus, promtool or node-exporter"
    )
    config.addinivalue_line("markers", "xdist_group(name): stays on one worker; registered here too, for a run without xdist")
    config.addinivalue_line("markers", "airflow: starts Airflow processes (slow)")
    config.addinivalue_line("markers", "slow: takes more than ten seconds")
    config.addinivalue_line("markers", "soak: takes long; run by `make soak`, not by `make test`")
    for name in list(os.environ):
        if name.startswith(("AIRFLOW_CONN_POSTLAUNCH_", "POSTLAUNCH_")):
            del os.environ[name]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For the workers of `make test`: a file stays on one of them, so do all tests of a warehouse they share; the long ones begin."""

    def weight(item: pytest.Item) -> int:
        if item.get_closest_marker("airflow"):
            return 0  # mostly waits: beside it the other workers have the machine
        return 1 if _shared(item) else 2 if item.get_closest_marker("slow") else 3

    items.sort(key=lambda item: (weight(item), _shared(item) or ""))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_shared(item) or item.nodeid.split("::")[0]))


def _shared(item: pytest.Item) -> str | None:
    """The warehouse of many files that a test asks for, which takes a minute to make: of the story, the golden cases, random launches."""
    for fixture, name in (("_published", "story"), ("played", "played")):
        if fixture in getattr(item, "fixturenames", ()):
            return name
    return "operations" if "built" in getattr(item, "fixturenames", ()) and item.path.parent.name == "operations" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is missing, and say what fixes it."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if program not in _PROGRAMS:
                pytest.fail(f"needs({program!r}): tests/conftest.py knows {', '.join(_PROGRAMS)}")
            if not _is_installed(program):
                pytest.skip(f"{program} is not installed on this machine; 'make system' installs it")


def _is_installed(program: str) -> bool:
    if program == "chromium" and os.environ.get("BROWSER_PATH"):
        return Path(os.environ["BROWSER_PATH"]).exists()
    return any(shutil.which(name) for name in _PROGRAMS[program])


@pytest.fixture(scope="module", autouse=True)
def _no_variable_of_another_module() -> None:
    """A module that leaves a variable behind would lead the next one on its worker to another project or warehouse."""
    left = sorted(name for name in os.environ if name.startswith(("AIRFLOW_CONN_POSTLAUNCH_", "POSTLAUNCH_")))
    assert not left, f"{', '.join(left)} was set for longer than one module: use a fixture of scope function or module"


@pytest.fixture(scope="session", autouse=True)
def _no_dbt_folder_of_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where dbt writes for a test that has no warehouse of ours."""
    folder = tmp_path_factory.mktemp("dbt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _forked_dbt() -> Iterator[None]:
    """Builds in this process have their dbt forked (`dbt_forks.py`)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt_run, "_started", dbt_forks.started)
        yield


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other accounts may enter (pytest's own are closed to them): for a server that must not run as root."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=_open_place()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        _remove(folder)


def _open_place() -> Path:
    """Memory, if there is plenty: with files on a disk a build costs a sixth more. Else the temporary folder, if it is open to others."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and _room() > _PLENTY:
        return _MEMORY
    place = Path(tempfile.gettempdir()).resolve()
    return place if all(folder.stat().st_mode & 0o001 for folder in (place, *place.parents)) else _TEMPORARY


def _room() -> int:
    """Bytes that files in memory may take."""
    return min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available)


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a PostgreSQL of one test."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """One throw-away PostgreSQL for the whole session, on a free port, with the login that owns warehouses."""
    with open_folder() as folder:
        server = PostgresServer(folder / "data", free_port(), secrets.token_hex(8), throwaway=True)
        try:
            server.start()
            server.ensure_login(LOGIN, server.password, createrole=True)
            yield server
        finally:
            server.stop()


def _sweep() -> None:
    """Stop and remove servers of test sessions that were killed before they could do it themselves."""
    places = {_MEMORY, _TEMPORARY, Path(tempfile.gettempdir())}
    for folder in (folder for place in places for folder in place.glob(f"{_FOLDER}*")):
        pid = folder.name.removeprefix(_FOLDER).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with contextlib.suppress(Exception):
                PostgresServer(folder / "data", 0, "", throwaway=True).stop()
            _remove(folder)


def _remove(folder: Path) -> None:
    """The folder, and the data that moved out of it because the temporary folder is closed to the server's account."""
    with contextlib.suppress(FileNotFoundError):  # another session sweeps too
        for marker in folder.rglob("*.moved-to"):
            shutil.rmtree(marker.read_text().strip(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: PostgresServer) -> str:
    """Name of a migrated, empty warehouse that is only ever copied."""
    from postlaunch.warehouse.migrate import migrate

    server.ensure_database("template_warehouse", LOGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WAREHOUSE, server.uri("template_warehouse", LOGIN))
        migrate()
    return "template_warehouse"


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    """`monkeypatch` for what the tests of one module share."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@dataclass(frozen=True)
class Warehouses:
    """Makes warehouses of the session's server, each with a folder for dbt."""

    server: PostgresServer
    folder: Path
    parsed: Path | None = None  # where all workers of a run put what dbt has parsed for a name
    in_use: set[str] = field(default_factory=set)

    @contextlib.contextmanager
    def copied(self, template: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
        """A copy of `template` that AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE points at; yields its URI and drops it in the end.

        It has the first name that is free, and shares dbt's folder with those that had it before: dbt parses the whole project anew, in
        eight seconds, when the database has another name than the last time. `patch` is the one that the test itself uses: two of them,
        undone in another order than they were made, leave a variable behind.
        """
        name = next(name for number in itertools.count(1) if (name := f"warehouse_{number}") not in self.in_use)
        self.server.clone_database(template, name, LOGIN)
        self.in_use.add(name)
        try:
            yield self.point_to(name, patch)
        finally:
            self.server.drop_database(name)
            self._share()
            self.in_use.remove(name)

    def _share(self) -> None:
        """Give the other workers what dbt has parsed for the names in use, unless one of them was first."""
        if self.parsed is None:
            return
        for name in self.in_use:
            own, theirs = self.folder / name / "target" / PARSED, self.parsed / f"{name}.msgpack"
            if own.exists() and not theirs.exists():
                theirs.parent.mkdir(exist_ok=True)
                shutil.copy(own, fresh := theirs.with_suffix(f".{os.getpid()}"))
                fresh.rename(theirs)

    def point_to(self, name: str, patch: pytest.MonkeyPatch) -> str:
        """Let the environment lead to that warehouse and to its folder of dbt; returns its URI."""
        self._share()
        uri, target = self.server.uri(name, LOGIN), self.folder / name / "target"
        if self.parsed is not None and not target.exists() and (theirs := self.parsed / f"{name}.msgpack").exists():
            target.mkdir(parents=True)
            shutil.copy(theirs, target / PARSED)
        patch.setenv(WAREHOUSE, uri)
        patch.setenv("DBT_TARGET_PATH", str(target))
        patch.setenv("DBT_LOG_PATH", str(self.folder / name / "logs"))
        return uri


@pytest.fixture(scope="session")
def warehouses(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Warehouses:
    """For a fixture that wants a warehouse of its own."""
    parsed = tmp_path_factory.getbasetemp().parent / "dbt_parsed" if "PYTEST_XDIST_WORKER" in os.environ else None
    return Warehouses(server, tmp_path_factory.mktemp("dbt"), parsed)


@pytest.fixture
def warehouse(warehouses: Warehouses, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URI of an empty migrated warehouse for this test alone."""
    with warehouses.copied(template, monkeypatch) as uri:
        yield uri


@pytest.fixture(scope="module")
def module_warehouse(warehouses: Warehouses, template: str, module_patch: pytest.MonkeyPatch) -> Iterator[str]:
    """URI of an empty migrated warehouse for the tests of one module, which may build on one another."""
    with warehouses.copied(template, module_patch) as uri:
        yield uri


@pytest.fixture(scope="session")
def _apis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The simulators on a free port, their clock stopped on the morning after launch day 90."""
    from sandbox.apis import Limits, create_app
    from sandbox.apis.server import running_server

    state = tmp_path_factory.mktemp("sandbox")
    app = create_app(state_dir=state, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none())
    with running_server(app) as url:
        yield url, state


def connect_apis(server: tuple[str, Path], patch: pytest.MonkeyPatch) -> str:
    """Point the four connections at the simulators, and their clock at its moment whatever the test before did to it."""
    from sandbox.state import source_connections
    from sandbox.story.clock import SandboxClock

    url, state = server
    SandboxClock(state).freeze(CLOCK)
    for name, value in source_connections(url).items():
        patch.setenv(name, f"{value}?limits=none")  # these simulators count nothing either
    return url


@pytest.fixture
def apis(_apis_server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """Base URL of the simulated APIs; AIRFLOW_CONN_POSTLAUNCH_{MIXPANEL,ZENDESK,PAGERDUTY,PROMETHEUS} point at it."""
    return connect_apis(_apis_server, monkeypatch)


@pytest.fixture(scope="module")
def module_apis(_apis_server: tuple[str, Path], module_patch: pytest.MonkeyPatch) -> str:
    """As `apis`, for the tests of one module."""
    return connect_apis(_apis_server, module_patch)


@pytest.fixture(scope="session")
def sandbox_launches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the launch files of the story."""
    from sandbox.story.launches import render

    folder = tmp_path_factory.mktemp("launches")
    render(folder, LAUNCH_DATE)
    return folder


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """An empty landing zone."""
    from postlaunch.landing.zone import Landing

    return Landing(str(tmp_path / "landing"))
