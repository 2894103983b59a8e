"""The story's two launches, ingested, built, audited and published once a session; every test gets a copy of warehouse and landing zone."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launches
from sandbox.postgres import PostgresServer
from tests.conftest import LAUNCH_DATE, Warehouses, connect_apis

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
    warehouses: Warehouses, template: str, _apis_server: tuple[str, Path], sandbox_launches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    from postlaunch.ingest import ingest
    from postlaunch.marts.build import build
    from postlaunch.marts.publish import publish
    from postlaunch.quality import audit

    landing = tmp_path_factory.mktemp("landing")
    with pytest.MonkeyPatch.context() as patch, warehouses.copied(template, patch) as uri:
        connect_apis(_apis_server, patch)
        _set_folders(patch, landing, sandbox_launches)
        launches = load_launches(sandbox_launches)
        for name, (first, last) in WINDOWS.items():
            for source in launches[name].sources:
                ingest(source, launches[name], first, last)
        build()
        story = Story(landing, launches, audit().summary, publish().summary)
        _seal(warehouses.server, uri.rpartition("/")[2])
    return story


def _seal(server: PostgresServer, story: str) -> None:
    """The story becomes the template of its copies. PostgreSQL copies only a database that nobody is in: end what libraries left open."""
    with psycopg.connect(server.uri(), autocommit=True) as session:
        session.execute(f"alter database {story} with allow_connections false")
        session.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [story])
        session.execute(f"alter database {story} rename to {TEMPLATE}")


def _set_folders(patch: pytest.MonkeyPatch, landing: Path, launches: Path) -> None:
    patch.setenv("POSTLAUNCH_LANDING", str(landing))
    patch.setenv("POSTLAUNCH_LAUNCHES", str(launches))


@contextlib.contextmanager
def _copy(
    published: Story,
    warehouses: Warehouses,
    apis: tuple[str, Path],
    launches: Path,
    factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """A copy of the published story, and an environment that points at it and at the simulated APIs."""
    landing = factory.mktemp("landing") / "zone"
    shutil.copytree(published.landing, landing)
    connect_apis(apis, patch)
    _set_folders(patch, landing, launches)
    with warehouses.copied(TEMPLATE, patch):
        yield replace(published, landing=landing)


@pytest.fixture
def story(
    _published: Story,
    warehouses: Warehouses,
    _apis_server: tuple[str, Path],
    sandbox_launches: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """A copy of the published story for this test alone."""
    with _copy(_published, warehouses, _apis_server, sandbox_launches, tmp_path_factory, monkeypatch) as copy:
        yield copy


@pytest.fixture(scope="module")
def module_story(
    _published: Story,
    warehouses: Warehouses,
    _apis_server: tuple[str, Path],
    sandbox_launches: Path,
    tmp_path_factory: pytest.TempPathFactory,
    module_patch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """One copy for the tests of a module, which only read it or build on one another."""
    with _copy(_published, warehouses, _apis_server, sandbox_launches, tmp_path_factory, module_patch) as copy:
        yield copy
