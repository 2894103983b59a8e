"""What a person reads when PostgreSQL refuses: one line that says where, why and what to do, and repeats no value of a row."""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from postlaunch import cli
from postlaunch.cli_progress import read_line
from postlaunch.config.connections import get_connection
from postlaunch.errors import PostlaunchError
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.refusals import place, reason_of, warehouse_errors
from sandbox.postgres import PostgresServer
from tests.conftest import LOGIN, WAREHOUSE

MARKER = 'ada"lovelace@example.com'
PATIENCE = 120.0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[[str], str]:
    """Run a command that must fail with exit code 1 and one line of standard error; returns the line."""
    monkeypatch.setattr(cli, "LOCAL_ENV", tmp_path / "none")

    def one_line(command: str) -> str:
        monkeypatch.setattr(sys, "argv", ["postlaunch", *command.split()])
        with pytest.raises(SystemExit) as caught:
            cli.app()
        assert caught.value.code == 1
        said = capfd.readouterr().err
        assert said.startswith("postlaunch: ")
        assert len(said.splitlines()) == 1
        return said

    return one_line


def point_at(monkeypatch: pytest.MonkeyPatch, warehouse: str, query: str = "", **changed: str) -> None:
    parts = {**psycopg.conninfo.conninfo_to_dict(warehouse), **changed}
    uri = f"postgres://{parts['user']}:{quote(str(parts['password']), safe='')}@{parts['host']}:{parts['port']}/{parts['dbname']}{query}"
    monkeypatch.setenv(WAREHOUSE, uri)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"port": "1"}, "no PostgreSQL at 127.0.0.1:1/"),
        ({"password": "s3cret/wrong"}, f'password authentication failed for user "{LOGIN}"'),
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
    ],
    ids=["nobody listens", "wrong password", "no such database"],
)
@pytest.mark.parametrize("command", ["publish", "audit", "build", "quarantine list"])
def test_a_warehouse_that_cannot_be_reached_is_one_line_that_names_the_connection(
    command: str,
    changed: dict[str, str],
    words: str,
    warehouse: str,
    run: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_at(monkeypatch, warehouse, **changed)
    said = run(command)
    assert words in said
    assert place(get_connection(WAREHOUSE.removeprefix("AIRFLOW_CONN_").lower())) in said
    assert WAREHOUSE in said
    assert "s3cret" not in said


def test_a_right_that_is_missing_is_named_with_what_grants_it(warehouse: str, run: Callable[[str], str]) -> None:
    with psycopg.connect(warehouse) as session:
        session.execute("revoke all on ops.builds from postlaunch_publisher, postlaunch_auditor")
    for command in ("publish", "audit"):
        assert "permission denied for table builds (" in (said := run(command))
        assert "run `postlaunch migrate` with the login that owns the schema" in said


def test_a_schema_that_was_never_made_is_named_with_what_makes_it(
    server: PostgresServer, warehouse: str, run: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure_database("bare", LOGIN)
    try:
        point_at(monkeypatch, warehouse, dbname="bare")
        for command in ("publish", "audit", "status"):
            assert "run `postlaunch migrate`" in run(command)
    finally:
        server.drop_database("bare")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lock_timeout=300ms", "canceling statement due to lock timeout ("),
        ("statement_timeout=2s", "canceling statement due to statement timeout ("),
    ],
)
@pytest.mark.parametrize("command", ["publish", "audit", "status"])
def test_a_wait_that_takes_too_long_ends_in_one_line(
    command: str, setting: str, words: str, warehouse: str, run: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(monkeypatch, warehouse, f"?options={quote(f'-c {setting}', safe='')}")
    with psycopg.connect(warehouse) as session:
        session.execute("lock table ops.builds in access exclusive mode")
        said = run(command)
    assert words in said
    assert "run the same command again" in said


def test_a_server_that_stops_under_a_command_is_one_line_and_the_rerun_goes_on_at_once(
    own_server: PostgresServer, apis: str, sandbox_launches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four commands wait for a locked table while the server goes away; afterwards each does what it would have done."""
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
    uri = own_server.uri("warehouse", LOGIN)
    commands = ["publish", "audit", "status", "ingest zendesk --launch emr-platform --from 2026-02-17 --to 2026-02-17"]
    # nothing of a demonstration in this clone: neither its connections, nor that a part of it is down
    code = "from postlaunch import cli; cli.REPOSITORY = cli.LOCAL_ENV = cli.LOCAL_ENV / 'none'; cli.app()"

    def start(command: str) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-c", code, *command.split()]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with suppress(psycopg.OperationalError), psycopg.connect(uri) as blocker:  # it ends with the server
        blocker.execute("lock table ops.builds, raw.zendesk_tickets in access exclusive mode")
        at_work = [start(command) for command in commands]
        deadline = time.monotonic() + PATIENCE
        with psycopg.connect(uri, autocommit=True) as observer:
            query = (
                "select count(*) from pg_locks where not granted and relation in ('ops.builds'::regclass, 'raw.zendesk_tickets'::regclass)"
            )
            while observer.execute(query).fetchall() != [(len(commands),)]:
                assert time.monotonic() < deadline
                assert [process.poll() for process in at_work] == [None] * len(commands)
                time.sleep(0.1)
        own_server.stop()
    for command, process in zip(commands, at_work, strict=True):
        out, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, command
        *progress, line = said.splitlines()
        assert line.startswith("postlaunch: "), command
        assert all(read_line(each) for each in progress), said
        assert "run the same command again as soon as the server answers" in said
        assert "Traceback" not in out + said
        assert own_server.password not in out + said
    own_server.start()
    started = time.monotonic()
    ended = [process.wait(PATIENCE) for process in map(start, commands)]
    assert ended == [0] * len(commands)
    assert time.monotonic() - started < 60
    with psycopg.connect(uri) as session:
        assert session.execute("select status from ops.ingest_runs order by ingest_run_id").fetchall() == [("failed",), ("succeeded",)]


def test_a_fault_of_our_own_sql_keeps_its_traceback(warehouse: str) -> None:
    """Nobody but a developer can do anything about it, and a line would hide where it is."""
    with pytest.raises(psycopg.errors.UndefinedColumn), warehouse_errors(), connect() as session:
        session.execute("select nothing_of_this_name from ops.builds")
    with pytest.raises(psycopg.ProgrammingError), warehouse_errors(), connect() as session:
        session.execute("select %s", [object()])
    with pytest.raises(ZeroDivisionError), warehouse_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select (%s::text)::integer", 'invalid input syntax for type integer: "…"'),
        ("select (%s::text)::jsonb", "invalid input syntax for type json"),
        ("insert into one values (%s)", 'duplicate key value violates unique constraint "one_pkey"'),
        ("insert into one values (%s || 'x')", 'new row for relation "one" violates check constraint'),
    ],
)
def test_an_error_of_a_session_repeats_no_value_of_a_row(statement: str, words: str, warehouse: str) -> None:
    with connect(autocommit=True) as session:
        session.execute("create temporary table one (name text primary key check (name not like '%x'))")
        session.execute("insert into one values (%s)", [MARKER])
        with pytest.raises(psycopg.Error) as caught:
            session.execute(statement, [MARKER])  # type: ignore[arg-type]
    told = f"{''.join(traceback.format_exception(caught.value))} {caught.value!r} {reason_of(caught.value)}"
    assert words in told
    assert "lovelace" not in told


def test_an_error_of_a_copy_repeats_no_line_of_it(warehouse: str) -> None:
    with connect(autocommit=True) as session:
        session.execute("create temporary table one (amount integer)")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as caught, session.cursor().copy("copy one from stdin") as copy:
            copy.write(MARKER.encode())
    told = f"{''.join(traceback.format_exception(caught.value))} {caught.value!r} {reason_of(caught.value)}"
    assert "lovelace" not in told
    assert "lovelace" in (caught.value.diag.context or ""), "for the loader, which finds the line by it"


def test_a_failed_run_keeps_of_an_unforeseen_error_its_kind_and_place_alone() -> None:
    with pytest.raises(ValueError, match=MARKER) as caught:
        raise ValueError(MARKER)
    assert reason_of(caught.value) == "ValueError (a library)"
    assert reason_of(PostlaunchError("our own words")) == "our own words"
