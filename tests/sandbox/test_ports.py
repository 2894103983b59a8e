"""Ports of the local stack: chosen by the environment, and named when they are taken."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from sandbox import ports
from sandbox.errors import SandboxError
from sandbox.ports import DEFAULTS, HOST, find_ports, free_port, free_ports, load_ports, require_free


def test_a_port_in_use_is_named_with_its_process_and_the_variable_that_moves_it() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} for mail is in use by process {os.getpid()} .*POSTLAUNCH_PORT_MAIL="):
            require_free({"mail": port})


def test_a_port_is_free_again_once_its_owner_has_left() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError):
            require_free({"mail": port})
    assert require_free({"mail": port}) is None


def test_all_taken_ports_are_named_at_once_with_the_one_line_that_moves_them() -> None:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server((HOST, 0))).getsockname()[1] for _ in range(2)]
        with pytest.raises(SandboxError) as caught:
            require_free({"mail": taken[0], "smtp": free_port(), "apis": taken[1]})
    told, line = str(caught.value).rsplit(": ", 1)
    assert [f"port {port} for {service}" in told for port, service in zip(taken, ("mail", "apis"), strict=True)] == [True, True]
    assert "smtp" not in told
    chosen = load_ports(dict(entry.split("=") for entry in line.split()))
    assert {service for service in DEFAULTS if chosen[service] != DEFAULTS[service]} == {"mail", "apis"}


def test_a_stack_beside_another_finds_ports_of_its_own_together(monkeypatch: pytest.MonkeyPatch) -> None:
    first = DEFAULTS["postgres"]
    monkeypatch.setattr(ports, "is_open", lambda port: port in (first, DEFAULTS["mail"] + 100))
    found = find_ports({"POSTLAUNCH_PORT_SMTP": "2525"})
    assert found == {**{service: port + 200 for service, port in DEFAULTS.items()}, "smtp": 2525}
    monkeypatch.setattr(ports, "is_open", lambda _port: False)
    assert find_ports({}) == DEFAULTS


def test_ports_asked_for_together_differ() -> None:
    assert len(set(free_ports(50))) == 50


def test_the_environment_moves_a_port() -> None:
    assert load_ports({"POSTLAUNCH_PORT_MAIL": "19080"}) == {
        "postgres": 15432,
        "apis": 18100,
        "smtp": 18025,
        "mail": 19080,
        "airflow": 18088,
    }


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1", "80.5"])
def test_a_value_that_is_no_port_is_refused_by_name(value: str) -> None:
    with pytest.raises(SandboxError, match="POSTLAUNCH_PORT_APIS=.*is not a port"):
        load_ports({"POSTLAUNCH_PORT_APIS": value})


def test_one_port_for_two_services_is_refused() -> None:
    with pytest.raises(SandboxError, match="POSTLAUNCH_PORT_MAIL.*POSTLAUNCH_PORT_AIRFLOW|POSTLAUNCH_PORT_AIRFLOW.*POSTLAUNCH_PORT_MAIL"):
        load_ports({"POSTLAUNCH_PORT_MAIL": "18088"})
