"""A person backfills a week in Airflow's own page, twice: one build, the same marts, no mail; and builds that are killed there.

Everything is real: PostgreSQL, the simulated APIs, Airflow's four processes, dbt, the gate, and headless Chromium that clicks.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg import sql

from sandbox import airflow
from sandbox.airflow import USER, AirflowClient
from sandbox.errors import SandboxError
from sandbox.ports import DEFAULTS, HOST, free_ports, variable
from sandbox.stack import Stack
from sandbox.story.clock import last_night
from tests.conftest import open_folder
from tests.sandbox.test_stack import alive, family

DAG = "ingest_mixpanel"
DAY = dt.timedelta(days=1)
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.needs("chromium"), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The whole local stack on free ports, its DAGs parsed and paused; the tests of this module use it one after the other."""
    before = dict(os.environ)
    os.environ.update({variable(service): str(port) for service, port in zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True)})
    with open_folder() as folder:
        yield from _started(Stack(folder / ".local", with_tales=False), before)


def _started(stack: Stack, before: dict[str, str]) -> Iterator[Stack]:
    try:
        stack.start_data()
        stack.start_apis()
        stack.start_mail()
        stack.start_airflow()
        stack.airflow.wait_healthy()
        stack.airflow.client().wait_for_dags({DAG, "build_marts", "daily_review"})
        yield stack
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def page(stack: Stack, tmp_path: Path) -> Iterator[Any]:
    """A browser page that is logged in to Airflow, in UTC; a failed test leaves a screenshot of it in its folder."""
    from playwright.sync_api import sync_playwright

    executable = (
        os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1100}, timezone_id="UTC")
        page.set_default_timeout(60_000)
        page.goto(f"{stack.airflow.url}/dags/{DAG}")
        page.locator("input[name=username]").fill(USER)
        page.locator("input[name=password]").fill(stack.airflow.password)
        page.locator("button[type=submit]").click()
        page.get_by_role("button", name="Trigger").wait_for()
        yield page
        page.screenshot(path=tmp_path / "airflow.png")
        browser.close()


def backfill(page: Any, url: str, first: dt.datetime, last: dt.datetime, behaviour: str) -> None:
    """What a person does: Trigger, Backfill, from, to, which runs, Run Backfill."""
    page.goto(f"{url}/dags/{DAG}")
    page.get_by_role("button", name="Trigger").click()
    form = page.get_by_role("dialog").filter(has_text=f"Run Backfill - {DAG}")
    page.get_by_role("dialog").get_by_text("Backfill", exact=True).click()
    for number, moment in enumerate((first, last)):
        form.get_by_test_id("datetime-input").nth(number).click()
        calendar = page.locator("[data-scope=popover][data-part=content][data-state=open]")
        calendar.get_by_placeholder("YYYY/MM/DD").fill(f"{moment:%Y/%m/%d}")
        calendar.get_by_placeholder("HH:mm").fill(f"{moment:%H:%M}")
        form.get_by_text("Date Range", exact=True).click()  # anywhere outside closes the calendar
        calendar.wait_for(state="hidden")
    form.get_by_text(behaviour, exact=True).click()
    form.locator("input[name=max_active_runs]").fill("4")
    form.get_by_text("7 runs will be triggered").wait_for()
    form.get_by_role("button", name="Run Backfill").click()
    form.wait_for(state="hidden")
    page.goto("about:blank")  # the page asks Airflow anew every few seconds, and half an hour of that costs more than the backfill


def wait(what: str, is_so: Callable[[], bool], seconds: float = 900) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"still not so after {seconds:.0f} s: {what}"
        time.sleep(1)


def is_quiet(client: AirflowClient) -> bool:
    """No run of any DAG is queued or running, now and a few scheduler rounds later."""

    def active() -> int:
        runs = client.call("GET", "/dags/~/dagRuns", params={"state": ["queued", "running"], "limit": 1})
        return int(runs["total_entries"])

    return all(active() == 0 and time.sleep(2) is None for _ in range(3))


def completed(client: AirflowClient, number: int) -> bool:
    """Whether the n-th backfill of the DAG has ended."""
    backfills = client.call("GET", "/backfills", params={"dag_id": DAG})["backfills"]
    return len(backfills) >= number and all(one["completed_at"] for one in backfills)


def states(client: AirflowClient, dag_id: str) -> dict[str, str]:
    return {run["dag_run_id"]: run["state"] for run in client.runs(dag_id)}


def marts(session: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Every published table: its rows, and a hash of them all in a fixed order."""
    tables = session.execute("select tablename from pg_tables where schemaname = 'marts' order by 1").fetchall()
    query = "select count(*), coalesce(md5(string_agg(mart::text, '|' order by mart::text)), '') from {} as mart"
    found = {}
    for (table,) in tables:
        rows = session.execute(sql.SQL(query).format(sql.Identifier("marts", table))).fetchone()
        assert rows is not None
        found[table] = (rows[0], rows[1])
    return found


def counted(session: psycopg.Connection, table: str) -> int:
    row = session.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("ops", table))).fetchone()
    assert row is not None
    return int(row[0])


def test_airflow_asks_for_a_password_listens_on_the_loopback_and_knows_the_pools(stack: Stack) -> None:
    assert {"postgres", *airflow.PROCESSES} <= {service.name for service in stack.services() if service.is_running}
    assert httpx.get(f"{stack.url('airflow')}/api/v2/dags").status_code == httpx.codes.UNAUTHORIZED
    with pytest.raises(SandboxError, match="refuses the login"):
        AirflowClient.login(stack.url("airflow"), USER, "wrong")
    pools = {pool["name"] for pool in stack.airflow.client().call("GET", "/pools")["pools"]}
    assert {"postlaunch_mixpanel", "postlaunch_zendesk", "postlaunch_pagerduty", "postlaunch_prometheus"} <= pools
    listening = {one.laddr.ip for process in family(stack) for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    assert listening == {HOST}


def test_a_week_backfilled_in_the_page_costs_one_build_and_doing_it_twice_changes_nothing_and_mails_nobody(stack: Stack, page: Any) -> None:
    client = stack.airflow.client()
    night = last_night(dt.datetime.now(dt.UTC))
    first, last = night - 8 * DAY, night - 2 * DAY  # data intervals begin here: seven mornings, the last of them two nights ago
    client.unpause("build_marts")

    backfill(page, stack.airflow.url, first, last, "Missing Runs")
    wait("the first backfill has ended", lambda: completed(client, 1))
    wait("the build after the first backfill has ended", lambda: bool(client.runs("build_marts")) and is_quiet(client))

    backfilled = [run for run in client.runs(DAG) if run["run_type"] == "backfill"]
    assert len(backfilled) == 7
    assert set(states(client, DAG).values()) == {"success"}
    assert set(states(client, "build_marts").values()) == {"success"}
    with psycopg.connect(stack.variables["AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"], autocommit=True) as session:
        assert session.execute("select status, count(*) from ops.builds group by status").fetchall() == [("succeeded", 1)]
        assert counted(session, "publications") == 1
        published = marts(session)
        rows = session.execute(
            "select count(distinct metric_date) from marts.event_volumes_daily where launch_id = 'emr-platform'"
        ).fetchone()
        assert rows is not None
        assert rows[0] >= 7
        assert published["active_users_daily"][0] >= 7

        backfill(page, stack.airflow.url, first, last, "All Runs")
        wait("the second backfill has ended", lambda: completed(client, 2))
        wait("nothing is under way", lambda: is_quiet(client))

        tries = [
            task["try_number"]
            for run in backfilled
            for task in client.call("GET", f"/dags/{DAG}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
        ]
        assert tries
        assert min(tries) == 2, "the second backfill did not run every task again"
        assert set(states(client, DAG).values()) == {"success"}
        assert counted(session, "builds") == 1
        assert counted(session, "publications") == 1
        assert marts(session) == published

        no_mail_from_a_backfill_of_the_review(stack, client, session, night)


def no_mail_from_a_backfill_of_the_review(stack: Stack, client: AirflowClient, session: psycopg.Connection, night: dt.datetime) -> None:
    """Neither the ingests nor a backfill of the review itself have mailed; the review was rendered all the same."""
    interval = (night - 2 * DAY).isoformat()
    request = {"dag_id": "daily_review", "from_date": interval, "to_date": interval, "dag_run_conf": {"send": True}, "max_active_runs": 1}
    client.call("POST", "/backfills", json=request)
    client.call("PATCH", "/dags/daily_review", json={"is_paused": False})

    def review() -> dict[str, Any]:
        return next(run for run in client.runs("daily_review") if run["run_type"] == "backfill")

    wait("the review's backfill has ended", lambda: review()["state"] in ("success", "failed"))
    client.call("PATCH", "/dags/daily_review", json={"is_paused": True})
    assert review()["state"] == "success"
    day = f"{night - 2 * DAY:%Y-%m-%d}"
    written = [path.name for path in (stack.home / "airflow" / "reviews").glob("*.html")]
    assert written == [f"daily-emr-platform-{day}.html"]
    rows = session.execute("select period_start::text from ops.deliveries where review = 'daily'").fetchall()
    assert day not in [row[0] for row in rows]
    mails = [path.name for path in (stack.home / "mail").glob("*.eml")]
    assert len(mails) == len(rows)


# --- what a night leaves in the logs ----------------------------------------------------------------------------------------

NIGHT = ("ingest_mixpanel", "ingest_zendesk", "ingest_pagerduty", "ingest_prometheus")
_LEVEL = re.compile(r"\[(warning|error|critical)\s*\]|\b(WARNING|ERROR|CRITICAL|FATAL|Traceback|\w*Warning:)")


def complaints(folder: Path) -> list[str]:
    """Every line of the logs in a folder that warns or worse, with its file: Airflow's processes and tasks, the APIs, the mail catcher."""
    found = []
    for file in sorted(folder.rglob("*.log")):
        for line in file.read_text(errors="replace").splitlines():
            level = json.loads(line).get("level") if line.startswith("{") else _LEVEL.search(line)
            if level and level not in ("debug", "info"):
                found.append(f"{file.relative_to(folder)}: {line}")
    return found


def test_what_warns_is_found_in_each_form_that_a_log_has(tmp_path: Path) -> None:
    lines = [
        '{"timestamp":"2026-11-25T03:00:40Z","level":"warning","event":"deprecated"}',
        '{"timestamp":"2026-11-25T03:00:40Z","level":"info","event":"request finished","logger":"uvicorn.error"}',
        "2026-11-25T02:55:25Z [warning  ] Starting call [airflow.sdk.api.client] loc=before.py:36",
        "2026-11-25T02:55:25Z [info     ] Shutting down  [uvicorn.error] loc=server.py:282",
        "/site-packages/x.py:1: DeprecationWarning: old",
        "Bundle       File Path       PID  Current Duration      # DAGs    # Errors  Last Duration    Last Run At",
        "WARNING:  something of uvicorn",
        "Traceback (most recent call last):",
    ]
    (tmp_path / "a.log").write_text("\n".join(lines))
    assert complaints(tmp_path) == [f"a.log: {lines[n]}" for n in (0, 2, 4, 6, 7)]


def test_the_logs_of_a_night_without_faults_hold_no_warning(stack: Stack) -> None:
    """The last night as the scheduler runs it: all sources, the build, the review and its mail."""
    client = stack.airflow.client()
    night = last_night(dt.datetime.now(dt.UTC))

    def scheduled(dag_id: str) -> str:
        ends = {run["data_interval_end"]: run["state"] for run in client.runs(dag_id) if run["run_type"] == "scheduled"}
        return next((state for end, state in ends.items() if end and dt.datetime.fromisoformat(end) == night), "absent")

    for dag_id in (*NIGHT, "build_marts", "daily_review"):
        client.unpause(dag_id)
    wait("the night is ingested", lambda: all(scheduled(dag_id) in ("success", "failed") for dag_id in NIGHT))
    wait("the night is reviewed", lambda: scheduled("daily_review") in ("success", "failed"))
    wait("nothing is under way", lambda: is_quiet(client))

    assert {dag_id: scheduled(dag_id) for dag_id in (*NIGHT, "daily_review")} == dict.fromkeys((*NIGHT, "daily_review"), "success")
    assert set(states(client, "build_marts").values()) == {"success"}
    logs = [*(stack.home / "logs").glob("*.log"), *(stack.home / "airflow" / "logs").rglob("*.log")]
    assert len(logs) > 20, "the logs are no longer where this test looks"
    assert complaints(stack.home / "logs") + complaints(stack.home / "airflow" / "logs") == []


# --- what becomes of a build that is killed ---------------------------------------------------------------------------------


def counted_in(stack: Stack, table: str) -> int:
    with psycopg.connect(stack.variables["AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"]) as session:
        return counted(session, table)


def dbts(stack: Stack) -> list[psutil.Process]:
    """The processes of dbt that this stack's Airflow runs."""
    found = []
    for process in stack.supervisor.strays():
        with contextlib.suppress(psutil.Error):
            if "postlaunch.marts.dbt_process" in process.cmdline():
                found.append(process)
    return found


@pytest.mark.parametrize("victim", ["dbt", "the task that runs it"])
def test_a_build_that_is_killed_in_airflow_is_back_at_work_within_a_minute_and_ends_well(stack: Stack, victim: str) -> None:
    client = stack.airflow.client()
    published = counted_in(stack, "publications")
    with psycopg.connect(stack.variables["AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"]) as session:
        session.execute("update ops.partition_loads set build_id = null where load_id = (select max(load_id) from ops.partition_loads)")
        session.execute("update ops.partition_loads set is_changed = true where build_id is null")
    run = client.call("POST", "/dags/build_marts/dagRuns", json={"logical_date": None})["dag_run_id"]
    wait("dbt is at work", lambda: bool(dbts(stack)), 120)
    (first,) = dbts(stack)
    (first if victim == "dbt" else psutil.Process(first.ppid())).kill()
    killed_at = time.monotonic()
    wait("another dbt is at work", lambda: any(one.pid != first.pid for one in dbts(stack)), 180)
    assert time.monotonic() - killed_at < 60
    wait("the run has ended", lambda: states(client, "build_marts")[run] in ("success", "failed"))
    assert states(client, "build_marts")[run] == "success"
    assert counted_in(stack, "publications") == published + 1


def test_a_stack_that_stops_leaves_no_process(stack: Stack) -> None:
    """The last of this module: after it there is no stack."""
    running = family(stack)
    assert len(running) > len(airflow.PROCESSES)
    stack.stop()
    assert alive(running) == []
    assert stack.supervisor.strays() == []
