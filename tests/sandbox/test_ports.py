"""Ports of the local stack: chosen by the environment, and named when they are taken."""

from __future__ import annotations

import os
import socket

import pytest

from sandbox.errors import SandboxError
from sandbox.ports import HOST, free_port, free_ports, load_ports, require_free


def test_a_port_in_use_is_named_with_its_process_and_the_variable_that_moves_it() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} for mail is in use by process {os.getpid()} .*POSTLAUNCH_PORT_MAIL="):
            require_free("mail", port)


def test_a_free_port_is_no_error() -> None:
    require_free("mail", free_port())


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
    with pytest.raises(SandboxError, match="POSTLAUNCH_PORT_APIS=.*is no port"):
        load_ports({"POSTLAUNCH_PORT_APIS": value})


def test_one_port_for_two_services_is_refused() -> None:
    with pytest.raises(SandboxError, match="POSTLAUNCH_PORT_MAIL.*POSTLAUNCH_PORT_AIRFLOW|POSTLAUNCH_PORT_AIRFLOW.*POSTLAUNCH_PORT_MAIL"):
        load_ports({"POSTLAUNCH_PORT_MAIL": "18088"})
