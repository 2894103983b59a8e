"""The database as docker/postgres-init.sh leaves it, and two nights on it: what works in the sandbox works in production.

the script itself, on a server of its own  ->  migrate  ->  2 x (four sources -> build -> audit -> publish)  ->  an analyst's login
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from postlaunch.config.launch import SOURCES
from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest
from postlaunch.marts.build import build
from postlaunch.marts.publish import publish
from postlaunch.quality import audit
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.migrate import migrate
from sandbox.ports import HOST, free_port
from sandbox.postgres import PostgresServer, program
from tests.conftest import WAREHOUSE, open_folder

SCRIPT = Path("docker", "postgres-init.sh")
SECRETS = {"WAREHOUSE_PASSWORD": "warehouse-secret", "AIRFLOW_DB_PASSWORD": "airflow-secret", "METABASE_DB_PASSWORD": "metabase-secret"}
NIGHTS = [dt.date(2026, 4, 11), dt.date(2026, 4, 12)]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A new server on which the script has run; the warehouse connection is that of docker-compose.yaml."""
    with open_folder() as folder:
        server = PostgresServer(folder / "data", free_port(), "superuser-secret", throwaway=True)
        server.start()
        try:
            _initialise(server, tmp_path_factory.mktemp("bin"))
            compose = yaml.safe_load(Path("docker-compose.yaml").read_text(encoding="utf-8"))
            address = compose["x-airflow"]["environment"]["AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"]
            address = address.replace("postgres:5432", f"{HOST}:{server.port}").replace(
                "${WAREHOUSE_PASSWORD:?set it in .env}", "warehouse-secret"
            )
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(WAREHOUSE, address)
                migrate()
                yield server
        finally:
            server.remove()


def _initialise(server: PostgresServer, programs: Path) -> None:
    (programs / "psql").symlink_to(program("psql"))
    place = {"PGHOST": HOST, "PGPORT": str(server.port), "PGPASSWORD": server.password, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", SCRIPT], check=False, capture_output=True, text=True, env={**os.environ, **place, **SECRETS})
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(1800)
def test_all_sources_load_and_two_nights_are_published(
    production: PostgresServer, apis: str, sandbox_launches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "launches").mkdir()
    (tmp_path / "launches" / "emr-platform.yaml").write_text((sandbox_launches / "emr-platform.yaml").read_text())
    for name in ("launches", "landing"):
        monkeypatch.setenv(f"POSTLAUNCH_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "dbt" / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "dbt" / "logs"))
    launch = load_launch(tmp_path / "launches", "emr-platform")
    for number, night in enumerate(NIGHTS, start=1):
        for source in SOURCES:
            ingest(source, launch, night, night)
        assert build().models > 20
        audit()
        assert publish().publication_id == number
    with connect("reporter") as session:
        loaded = session.execute("select count(distinct source) from ops.partition_loads where loaded_count > 0").fetchone()
        assert loaded == (len(SOURCES),)
        assert session.execute("select array_agg(status) from ops.builds").fetchone() == (["succeeded", "succeeded"],)


def test_an_analysts_login_reads_marts_and_nobody_else_gets_in(production: PostgresServer) -> None:
    """As docs/cookbooks/production.md makes it."""
    with psycopg.connect(production.uri("postlaunch"), autocommit=True) as superuser:
        superuser.execute("create role analyst login password 'reads' in role postlaunch_analyst")
        superuser.execute("create role stranger login password 'reads'")
    with psycopg.connect(production.uri("postlaunch", "analyst", "reads"), autocommit=True) as analyst:
        assert analyst.execute("select has_schema_privilege('marts', 'usage')").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="temporary tables"):
            analyst.execute("create temporary table mine (n integer)")
    for login, password in (("stranger", "reads"), ("metabase", "metabase-secret")):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(production.uri("postlaunch", login, password))


@pytest.mark.parametrize("role", ["auditor", "publisher", "reporter", "analyst"])
def test_temporary_tables_are_for_the_loader_and_the_transformer_alone(production: PostgresServer, role: str) -> None:
    with connect(role, autocommit=True) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):  # type: ignore[arg-type]
        session.execute("create temporary table mine (n integer)")


def test_the_sandbox_is_as_closed_as_production(production: PostgresServer, warehouse: str) -> None:
    rights = "select array_agg(acl::text order by acl::text) from pg_database, unnest(datacl) as acl where datname = current_database()"
    # each by its own address: beside `warehouse`, `connect` would lead to the sandbox twice
    with psycopg.connect(warehouse) as sandbox, psycopg.connect(production.uri("postlaunch")) as session:
        assert sandbox.execute(rights).fetchone() == session.execute(rights).fetchone()
