"""Who owns a build, and what becomes of it when the owner, its dbt or the server is gone: the next one takes over at once."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from postlaunch.cli_progress import read_line
from postlaunch.errors import BuildError
from postlaunch.marts import build as building
from postlaunch.marts.build import build, open_build
from postlaunch.marts.dbt_run import Node
from postlaunch.warehouse.db import connect
from sandbox.postgres import PostgresServer
from tests.conftest import LOGIN, REAL_DBT
from tests.dbt.event_rows import Event, load_dates, write_launch
from tests.dbt_forks import only

pytestmark = pytest.mark.slow

LAUNCH = "emr"
MONDAY = dt.date(2026, 1, 12)
PATIENCE = 300.0


def dirty(folder: Path) -> None:
    """One launch with one day that waits for a build."""
    write_launch(folder, LAUNCH, date=MONDAY, timezone="UTC", mixpanel={"project_id": 1})
    with connect() as session:
        load_dates(session, LAUNCH, "UTC", [MONDAY], [Event("ada", "Logged In", dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC))])


def builds() -> list[tuple[str, str | None]]:
    with connect() as session:
        return session.execute("select status, error from ops.builds order by build_id").fetchall()


def dirty_loads() -> int:
    with connect() as session:
        return int(session.execute("select count(*) from ops.partition_loads where build_id is null and is_changed").fetchall()[0][0])


def until(what: str, is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.05)


def dbt_of(parent: int) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(parent).children():
        with suppress(psutil.Error):  # it ends while it is asked
            if "postlaunch.marts.dbt_process" in child.cmdline():
                found.append(child)
    return found


@pytest.fixture(scope="module", autouse=True)
def _real_dbt(module_patch: pytest.MonkeyPatch) -> None:
    """Processes are found by their command here."""
    module_patch.setattr("postlaunch.marts.dbt_run._started", REAL_DBT)


@pytest.fixture
def slow_dbt(warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A day that waits for a build, and a session that has its table locked: dbt waits in the middle of its work until that ends."""
    only(monkeypatch, "support")
    dirty(launch_files)
    with psycopg.connect(warehouse) as session:
        session.execute("lock table raw.zendesk_tickets in access exclusive mode")
        yield session


def waits_for_the_lock(warehouse: str) -> bool:
    query = "select count(*) from pg_stat_activity where application_name = 'postlaunch_dbt' and wait_event_type = 'Lock'"
    with psycopg.connect(warehouse) as session:
        return bool(session.execute(query + " and datname = current_database()").fetchall()[0][0])


def test_the_heir_of_a_killed_build_takes_over_at_once_and_its_dbt_is_gone(warehouse: str, slow_dbt: psycopg.Connection) -> None:
    code = "from postlaunch.marts.build import build; build()"
    with subprocess.Popen([sys.executable, "-c", code]) as owner:
        until("dbt is in the middle of a model", lambda: waits_for_the_lock(warehouse))
        (orphan,) = dbt_of(owner.pid)
        os.kill(owner.pid, signal.SIGKILL)
        killed_at = time.monotonic()
    assert builds() == [("running", None)]
    with open_build() as (_, heir):
        assert heir is not None
        assert time.monotonic() - killed_at < 10
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert builds() == [("failed", "whoever ran the build was killed, or cut off from PostgreSQL"), ("succeeded", None)]
    assert dirty_loads() == 0


def test_a_dbt_that_is_killed_is_begun_again_and_the_build_ends_well(
    warehouse: str, slow_dbt: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Node] = []
    back: list[float] = []

    def kill() -> None:
        until("dbt is in the middle of a model", lambda: waits_for_the_lock(warehouse))
        first = dbt_of(os.getpid())[0]
        first.kill()
        killed_at = time.monotonic()
        until("another dbt is at work", lambda: any(one.pid != first.pid for one in dbt_of(os.getpid())))
        back.append(time.monotonic() - killed_at)
        slow_dbt.rollback()

    killer = threading.Thread(target=kill)
    killer.start()
    result = build(progress=seen.append)
    killer.join()
    assert builds() == [("succeeded", None)]
    assert back[0] < 60
    assert "dbt was killed by signal 9" in caplog.text
    names = [node.name for node in result.nodes]
    assert len(names) == len(set(names)) == seen[-1].total
    assert {node.status for node in result.nodes} == {"success"}


def test_a_dbt_that_is_killed_between_measures_and_kpis_leaves_no_kpi_behind(warehouse: str, launch_files: Path) -> None:
    """What changed is found by comparing measures with what was left; the dbt that is begun again finds them left already."""
    dirty(launch_files)
    build()
    seen: list[str] = []

    def kill(lock: psycopg.Connection) -> None:
        until("measures are made and a KPI is not", lambda: "measures_daily" in seen and waits_for_the_lock(warehouse))
        dbt_of(os.getpid())[0].kill()
        until("the killed dbt is gone", lambda: not waits_for_the_lock(warehouse))
        lock.rollback()

    def users() -> list[tuple[object, ...]]:
        kpis = (
            "select kpi_id, value from build.kpi_daily where metric_date = %s and kpi_id in ('daily_active_users', 'new_users') order by 1"
        )
        with connect() as session:
            return session.execute(kpis, [MONDAY]).fetchall()

    before = users()
    with connect() as session:
        moment = dt.datetime(2026, 1, 12, 13, tzinfo=dt.UTC)
        load_dates(session, LAUNCH, "UTC", [MONDAY], [Event(user, "Logged In", moment) for user in ("ada", "bob")])
    with psycopg.connect(warehouse) as lock:
        lock.execute("lock table build.kpi_daily in access exclusive mode")
        killer = threading.Thread(target=kill, args=[lock])
        killer.start()
        build(progress=lambda node: seen.append(node.name))
        killer.join()
    two = [("daily_active_users", 2.0), ("new_users", 2.0)]
    assert before != two
    assert users() == two


def test_models_that_failed_are_tried_again_and_no_other(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    only(monkeypatch, "support")
    dirty(launch_files)
    seen: list[Node] = []

    def forbid(node: Node) -> None:
        """As soon as the first model of the first dbt is there, one source cannot be read; when its failure shows, it can again."""
        with connect(autocommit=True) as session:
            if not seen:
                session.execute("revoke select on raw.zendesk_tickets from postlaunch_transformer")
            elif node.status == "error":
                session.execute("grant select on raw.zendesk_tickets to postlaunch_transformer")
        seen.append(node)

    monkeypatch.setattr("postlaunch.marts.dbt_run.PAUSE_SECONDS", 0.1)
    result = build(progress=forbid)
    failed = {node.name for node in seen if node.status in ("error", "skipped")}
    again = [node.name for node in seen if [one.name for one in seen].count(node.name) == 2]
    assert failed
    assert set(again) == failed
    assert {node.status for node in result.nodes} == {"success"}
    assert "they are tried again in" in caplog.text
    assert builds() == [("succeeded", None)]


def test_a_build_whose_session_was_ended_stops_its_dbt_and_says_so(warehouse: str, slow_dbt: psycopg.Connection) -> None:
    """Without the lock another may be building: dbt must not go on."""

    def end_the_owner() -> None:
        until("dbt is in the middle of a model", lambda: waits_for_the_lock(warehouse))
        with psycopg.connect(warehouse, autocommit=True) as session:
            session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'postlaunch build' and datname = current_database()"
            )

    ender = threading.Thread(target=end_the_owner)
    ender.start()
    with pytest.raises(BuildError, match="PostgreSQL ended the session that owns this build .*run `postlaunch build` again"):
        build()
    ender.join()
    assert dbt_of(os.getpid()) == []
    ((status, error),) = builds()
    assert status == "failed"
    assert error is not None
    assert "PostgreSQL ended the session" in error
    assert dirty_loads() == 1


def test_dbt_run_by_hand_is_waited_for_and_then_named(warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dirty(launch_files)
    monkeypatch.setattr(building, "ORPHAN_SECONDS", 0.5)
    with (
        psycopg.connect(warehouse, application_name="postlaunch_dbt") as hand,
        pytest.raises(BuildError, match=rf"session {hand.info.backend_pid} from 127.0.0.1, since 20.*pg_terminate_backend"),
        open_build(),
    ):
        pass
    assert builds() == []


def test_a_restart_of_postgresql_during_a_build_is_a_clean_message_and_the_rerun_builds_at_once(
    own_server: PostgresServer, launch_files: Path
) -> None:
    dirty(launch_files)
    uri = own_server.uri("warehouse", LOGIN)
    code = "from postlaunch.cli import app; import sys; sys.argv = ['postlaunch', 'build']; app()"
    with suppress(psycopg.OperationalError), psycopg.connect(uri) as session:  # it ends with the server
        session.execute("lock table raw.zendesk_tickets in access exclusive mode")
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as owner:
            until("dbt is in the middle of a model", lambda: waits_for_the_lock(uri))
            own_server.stop()
            own_server.start()
            _, said = owner.communicate(timeout=PATIENCE)
    assert owner.returncode == 1
    assert "Traceback" not in said
    *progress, line = said.splitlines()
    assert line.startswith("postlaunch: PostgreSQL ended the session that owns this build")
    assert all(read_line(each) for each in progress), said
    assert [status for status, _ in builds()] == ["failed"]
    started = time.monotonic()
    with open_build() as (_, build_id):
        assert build_id is not None
    assert time.monotonic() - started < 10
    assert [status for status, _ in builds()] == ["failed", "succeeded"]
