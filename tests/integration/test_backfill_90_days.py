"""Ninety days of all four sources backfilled through Airflow, five runs at once, within the limits of the APIs.

Nothing is refused, no retry is used up, and the rows are those of one pass.

The limits are the documented ones; only their windows are shortened, in the simulators and in the connections alike: 60 calls in five
minutes are as hard to keep as 60 in an hour. `SOAK_DAYS=4` is the short version.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from sandbox.airflow import AirflowClient
from sandbox.apis import Limits, create_app
from sandbox.apis.server import running_server
from sandbox.ports import DEFAULTS, free_ports, variable
from sandbox.stack import Stack
from sandbox.state import WAREHOUSE_LOGIN, source_connections
from sandbox.story.clock import SandboxClock, last_night
from tests.conftest import WAREHOUSE

DAYS = int(os.environ.get("SOAK_DAYS", "90"))
DAY = dt.timedelta(days=1)
LAUNCH = "emr-platform"
SOURCES = ("mixpanel", "zendesk", "pagerduty", "prometheus")
MIXPANEL_CALLS = max(2, DAYS * 60 // 90)  # ninety calls meet a limit of sixty; a short version keeps the proportion
WINDOWS = {"mixpanel": 300, "zendesk": 5, "pagerduty": 5}
LIMITS = {"mixpanel": f"{MIXPANEL_CALLS}/300seconds,3/second", "zendesk": "10/5seconds", "pagerduty": "960/5seconds"}
OPTIONS = tuple(f"--{source}-window-seconds={seconds}" for source, seconds in WINDOWS.items())
SNAPSHOTS = frozenset({
    "mixpanel_profiles", "zendesk_sla_policies", "zendesk_schedules", "zendesk_holidays", "pagerduty_services", "pagerduty_priorities",
    "pagerduty_escalation_policies", "pagerduty_schedules", "pagerduty_oncalls",
})  # fmt: skip  # their version is the moment of the pull

pytestmark = [pytest.mark.airflow, pytest.mark.soak, pytest.mark.timeout(5400)]


def connection_of(source: str) -> str:
    return f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}"


@pytest.fixture
def stack(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The whole local stack on free ports, its limits in force in shorter windows, its DAGs parsed and paused."""
    before = dict(os.environ)
    for service, port in zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True):
        monkeypatch.setenv(variable(service), str(port))
    home = server_folder / ".local"
    SandboxClock(home / "sandbox").freeze(last_night(dt.datetime.now(dt.UTC)))
    plain = Stack(home).variables
    changed = {
        connection_of(source): f"{plain[connection_of(source)].partition('?')[0]}?limits={limits}" for source, limits in LIMITS.items()
    }
    # Tasks that wait for a limit hold a place; all of the pools together must not fill the executor.
    changed |= {"AIRFLOW__CORE__PARALLELISM": "8", "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "8"}
    options = (*OPTIONS, f"--mixpanel-per-hour={MIXPANEL_CALLS}", "--zendesk-per-minute=10")
    stack = Stack(home, options, with_tales=False, changed=changed)
    try:
        stack.start_data()
        stack.start_apis()
        stack.start_mail()
        stack.start_airflow()
        stack.airflow.wait_healthy()
        stack.airflow.client().wait_for_dags({f"ingest_{source}" for source in SOURCES})
        yield stack
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(before)


def test_a_backfill_breaks_no_limit_and_brings_the_rows_of_one_pass(stack: Stack) -> None:
    client = stack.airflow.client()
    newest = last_night(dt.datetime.now(dt.UTC)) - DAY  # the interval of the last nightly run, which then need not run
    started = time.monotonic()
    for source in SOURCES:
        interval = {"from_date": (newest - (DAYS - 1) * DAY).isoformat(), "to_date": newest.isoformat()}
        client.call("POST", "/backfills", json={"dag_id": f"ingest_{source}", **interval, "max_active_runs": 5})
    for source in SOURCES:
        client.unpause(f"ingest_{source}")
    wait_for_backfills(client)
    print(f"{DAYS} days of four sources, five runs at once: {(time.monotonic() - started) / 60:.1f} minutes")  # noqa: T201

    for source in SOURCES:
        assert run_states(client, source) == ["success"] * DAYS
        assert {task["try_number"] for task in tasks(client, source)} == {1}, f"{source}: waiting has used up a retry"
    told = httpx.get(f"{stack.url('apis')}/_sandbox/requests").json()
    print(f"requests: {told}; tasks that came again later: {rescheduled(stack)}")  # noqa: T201
    assert told["refused"] == dict.fromkeys(SOURCES, 0)
    the_count_counts(stack)

    first, last = (newest - (DAYS - 1) * DAY).date(), newest.date()
    assert raw_rows(stack.variables[WAREHOUSE]) == raw_rows(one_pass(stack, first, last))


def wait_for_backfills(client: AirflowClient) -> None:
    """Until all four have ended; pytest's timeout is the deadline."""
    while True:
        backfills = [
            one for source in SOURCES for one in client.call("GET", "/backfills", params={"dag_id": f"ingest_{source}"})["backfills"]
        ]
        if len(backfills) == len(SOURCES) and all(one["completed_at"] for one in backfills):
            return
        time.sleep(5)


def run_states(client: AirflowClient, source: str) -> list[str]:
    runs = client.call("GET", f"/dags/ingest_{source}/dagRuns", params={"limit": 100})["dag_runs"]
    return [run["state"] for run in runs]


def tasks(client: AirflowClient, source: str) -> list[dict[str, Any]]:
    """The ingest tasks of all runs of a source."""
    path = f"/dags/ingest_{source}/dagRuns/~/taskInstances"
    found: list[dict[str, Any]] = client.call("GET", path, params={"task_id": "launch.ingest", "limit": 100})["task_instances"]
    assert len(found) == DAYS
    return found


def rescheduled(stack: Stack) -> int:
    """How often a task gave its place back because its turn was far away."""
    with psycopg.connect(stack.variables[WAREHOUSE]) as session:
        return int(session.execute("select count(*) from ops.ingest_runs where error like 'no call before%'").fetchall()[0][0])


def the_count_counts(stack: Stack) -> None:
    """The simulators would have refused, had anybody called too often."""
    address = stack.variables[connection_of("mixpanel")].partition("?")[0]
    query = {"project_id": 1001, "from_date": "2020-01-01", "to_date": "2020-01-01"}
    statuses = [httpx.get(f"{address}/api/2.0/export", params=query).status_code for _ in range(MIXPANEL_CALLS + 1)]
    assert 429 in statuses
    assert httpx.get(f"{stack.url('apis')}/_sandbox/requests").json()["refused"]["mixpanel"] == statuses.count(429)


def one_pass(stack: Stack, first: dt.date, last: dt.date) -> str:
    """A warehouse of its own that `postlaunch ingest` fills with the whole window at once; its URI."""
    stack.postgres.ensure_database("one_pass", WAREHOUSE_LOGIN)
    uri = stack.variables[WAREHOUSE].rpartition("/")[0] + "/one_pass"
    app = create_app(stack.home / "sandbox", limits=Limits.none())
    with running_server(app) as url:
        unlimited = {name: f"{value}?limits=none" for name, value in source_connections(url).items()}
        environment = {**stack.process_environment(), **unlimited, WAREHOUSE: uri, "POSTLAUNCH_LANDING": str(stack.home / "one_pass")}
        for source in SOURCES:
            command = [sys.executable, "-c", "from postlaunch.cli import app; app()", "ingest", source, "--launch", LAUNCH]
            window = ["--from", first.isoformat(), "--to", last.isoformat()]
            done = subprocess.run([*command, *window], check=False, capture_output=True, text=True, env=environment)
            assert done.returncode == 0, done.stderr
    return uri


def raw_rows(uri: str) -> dict[str, tuple[int, str]]:
    """Every table of raw: its rows, and a sum of their hashes. Numbers that only tell the order of loading are left out."""
    found = {}
    with psycopg.connect(uri, autocommit=True) as session:
        for (table,) in session.execute(TABLES).fetchall():
            left_out = ["load_id", "series_id"] + (["version_at"] if table in SNAPSHOTS else [])
            labels = LABELS if table in ("prometheus_samples", "prometheus_series_dates") else sql.SQL("null")
            row = session.execute(ROWS.format(table=sql.Identifier(table), labels=labels), [left_out]).fetchone()
            assert row is not None
            found[table] = (row[0], row[1])
    assert found["mixpanel_events"][0] > 0
    assert found["prometheus_samples"][0] > 0
    return found


TABLES = """
    select relname from pg_class
    where relnamespace = 'raw'::regnamespace and relkind in ('r', 'p') and not relispartition
    order by relname
"""
ROWS = sql.SQL("""
    select count(*), coalesce(sum(hashtextextended(concat(to_jsonb(kept) - %s::text[], {labels}), 0)), 0)::text
    from raw.{table} as kept
""")
LABELS = sql.SQL("(select series.labels from raw.prometheus_series as series where series.series_id = kept.series_id)")
