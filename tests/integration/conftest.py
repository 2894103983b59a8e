"""The story's two launches, ingested, built, audited and published once a session; every test gets a copy of warehouse and landing zone."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launches
from sandbox.postgres import PostgresServer
from tests.conftest import LAUNCH_DATE, LOGIN, WAREHOUSE, connect_apis

STORY_FIRST, STORY_LAST = LAUNCH_DATE - dt.timedelta(days=9), LAUNCH_DATE + dt.timedelta(days=90)
CDNOW_FIRST, CDNOW_LAST = dt.date(1997, 1, 1), dt.date(1998, 6, 30)
WINDOWS = {"emr-platform": (STORY_FIRST, STORY_LAST), "cdnow": (CDNOW_FIRST, CDNOW_LAST)}
TEMPLATE = "template_published"


@dataclass(frozen=True)
class Story:
    """A published warehouse with its landing zone and launch files; the environment points at all three."""

    landing: Path
    launches: dict[str, Launch]
    audit_summary: str
    publish_summary: str


@pytest.fixture(scope="session")
def _published(
    server: PostgresServer, template: str, _apis_server: tuple[str, Path], sandbox_launches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    from postlaunch.ingest import ingest
    from postlaunch.quality import audit
    from postlaunch.warehouse.build import build
    from postlaunch.warehouse.publish import publish

    landing = tmp_path_factory.mktemp("landing")
    server.clone_database(template, TEMPLATE, LOGIN)
    with pytest.MonkeyPatch.context() as patch:
        connect_apis(_apis_server, patch)
        patch.setenv(WAREHOUSE, server.uri(TEMPLATE, LOGIN))
        _set_folders(patch, landing, sandbox_launches, tmp_path_factory)
        launches = load_launches(sandbox_launches)
        for name, (first, last) in WINDOWS.items():
            for source in launches[name].sources:
                ingest(source, launches[name], first, last)
        build()
        story = Story(landing, launches, audit().summary, publish().summary)
    _seal(server)
    return story


def _seal(server: PostgresServer) -> None:
    """PostgreSQL copies only a database that nobody is in: end what libraries left open, and let nobody in again."""
    with psycopg.connect(server.uri(), autocommit=True) as session:
        session.execute(f"alter database {TEMPLATE} with allow_connections false")
        session.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [TEMPLATE])


def _set_folders(patch: pytest.MonkeyPatch, landing: Path, launches: Path, factory: pytest.TempPathFactory) -> None:
    target = factory.mktemp("dbt")
    patch.setenv("POSTLAUNCH_LANDING", str(landing))
    patch.setenv("POSTLAUNCH_LAUNCHES", str(launches))
    patch.setenv("DBT_TARGET_PATH", str(target / "target"))
    patch.setenv("DBT_LOG_PATH", str(target / "logs"))


@contextlib.contextmanager
def _copy(
    published: Story,
    server: PostgresServer,
    apis: tuple[str, Path],
    launches: Path,
    factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """A copy of the published story, and an environment that points at it and at the simulated APIs."""
    name = f"story_{secrets.token_hex(4)}"
    server.clone_database(TEMPLATE, name, LOGIN)
    landing = factory.mktemp("landing") / "zone"
    shutil.copytree(published.landing, landing)
    connect_apis(apis, patch)
    patch.setenv(WAREHOUSE, server.uri(name, LOGIN))
    _set_folders(patch, landing, launches, factory)
    try:
        yield replace(published, landing=landing)
    finally:
        server.drop_database(name)


@pytest.fixture
def story(
    _published: Story,
    server: PostgresServer,
    _apis_server: tuple[str, Path],
    sandbox_launches: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """A copy of the published story for this test alone."""
    with _copy(_published, server, _apis_server, sandbox_launches, tmp_path_factory, monkeypatch) as copy:
        yield copy


@pytest.fixture(scope="module")
def module_story(
    _published: Story,
    server: PostgresServer,
    _apis_server: tuple[str, Path],
    sandbox_launches: Path,
    tmp_path_factory: pytest.TempPathFactory,
    module_patch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """One copy for the tests of a module, which only read it or build on one another."""
    with _copy(_published, server, _apis_server, sandbox_launches, tmp_path_factory, module_patch) as copy:
        yield copy
