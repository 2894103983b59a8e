"""The local stack as a person uses it: up, status, down; and the state that it keeps."""

from __future__ import annotations

import os
import smtplib
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from postlaunch.config.load import load_launches
from sandbox import ports, state
from sandbox.errors import SandboxError
from sandbox.ports import DEFAULTS, HOST, free_port, free_ports, variable
from sandbox.stack import APIS, MAIL, Stack
from sandbox.tales import TALES


@pytest.fixture
def stack(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack of its own, on free ports, that is stopped whatever happens."""
    before = dict(os.environ)
    for service, port in zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True):
        monkeypatch.setenv(variable(service), str(port))
    stack = Stack(server_folder / ".local")
    try:
        yield stack
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(before)


def family(stack: Stack) -> list[psutil.Process]:
    """Every process of a running stack, PostgreSQL's sessions too."""
    leaders = [psutil.Process(service.pid) for service in stack.services() if service.pid is not None]
    return [one for leader in leaders for one in (leader, *leader.children(recursive=True))]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = state.load_secrets(tmp_path)
    assert state.load_secrets(tmp_path) == first
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_the_environment_file_is_private_and_a_shell_reads_it_back(tmp_path: Path) -> None:
    variables = {"POSTLAUNCH_LAUNCHES": "/a folder/with 'quotes'", "AIRFLOW_CONN_X": "http://a%40b:p$w@127.0.0.1:1/?x=1&y=2"}
    path = state.write_environment(tmp_path, variables)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = subprocess.run(["bash", "-c", f"set -a; . {path}; env -0"], check=True, capture_output=True, text=True, env={}).stdout
    found = dict(line.split("=", 1) for line in shown.split("\0") if line)
    assert {name: found[name] for name in variables} == variables


def test_the_environment_names_every_connection_and_keeps_telemetry_off(tmp_path: Path) -> None:
    variables = state.environment(tmp_path, DEFAULTS, state.load_secrets(tmp_path))
    wanted = {f"AIRFLOW_CONN_POSTLAUNCH_{name}" for name in ("WAREHOUSE", "MIXPANEL", "ZENDESK", "PAGERDUTY", "PROMETHEUS", "SMTP")}
    assert wanted <= variables.keys()
    assert variables["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert variables["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"


def test_a_variable_may_differ_from_what_the_stack_sets(tmp_path: Path) -> None:
    plain = Stack(tmp_path).variables
    changed = Stack(tmp_path, changed={"AIRFLOW__CORE__PARALLELISM": "8"}).variables
    assert {name for name in plain if plain[name] != changed[name]} == {"AIRFLOW__CORE__PARALLELISM"}


def test_stopping_what_was_never_started_does_nothing(stack: Stack) -> None:
    assert stack.stop() == []
    assert not any(service.is_running for service in stack.services())


@pytest.mark.slow
def test_data_apis_and_mail_come_up_twice_and_leave_no_process(stack: Stack) -> None:
    for _ in range(2):
        stack.start_data()
        stack.start_apis()
        stack.start_mail()
    running = {service.name for service in stack.services() if service.is_running}
    assert running == {"postgres", APIS, MAIL}
    assert "launch_date" in httpx.get(f"{stack.url(APIS)}/_sandbox/clock").json()
    assert set(load_launches(stack.home / "launches")) == {"cdnow", *(tale.launch for tale in TALES)}
    with smtplib.SMTP(HOST, stack.ports["smtp"], timeout=10) as client:
        client.sendmail("a@sandbox.example", ["b@sandbox.example"], "Subject: one\r\n\r\ntext\r\n")
    assert [path.name for path in (stack.home / "mail").glob("*.eml")] == ["0001-one.eml"]
    with psycopg.connect(stack.variables["AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"]) as session:
        assert session.execute("select count(*) from config.launches").fetchone() == (0,)
    processes = family(stack)
    assert stack.stop() == [MAIL, APIS, "postgres"]
    assert alive(processes) == []
    assert stack.stop() == []


@pytest.mark.slow
def test_a_running_stack_refuses_to_move_a_port(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.start_data()
    monkeypatch.setenv("POSTLAUNCH_PORT_MAIL", str(free_port()))
    with pytest.raises(SandboxError, match="another port for mail: run 'postlaunch down' first"):
        Stack(stack.home).start_data()


@pytest.mark.slow
def test_a_taken_port_stops_the_start_and_is_named(stack: Stack, server: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLAUNCH_PORT_POSTGRES", str(server.port))  # type: ignore[attr-defined]
    with pytest.raises(SandboxError, match="for postgres is in use by process .*POSTLAUNCH_PORT_POSTGRES="):
        Stack(stack.home).start_data()


@pytest.mark.slow
def test_a_second_clone_starts_beside_the_first_and_each_knows_its_own(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first holds the ports that stand for the defaults here; nobody chooses ports for the second."""
    stack.start_data()
    stack.start_mail()
    monkeypatch.setattr(ports, "DEFAULTS", dict(stack.ports))
    for service in DEFAULTS:
        monkeypatch.delenv(variable(service))
    assert Stack(stack.home).ports == stack.ports, "while it runs, a stack knows its ports without the environment"
    other = Stack(stack.home.parent / "other" / ".local")
    assert not set(other.ports.values()) & set(stack.ports.values())
    try:
        other.start_data()
        assert {service.name for service in other.services() if service.is_running} == {"postgres"}
    finally:
        other.stop()
    assert {service.name for service in stack.services() if service.is_running} == {"postgres", MAIL}
