"""The ports of the local stack: all on 127.0.0.1, each with the environment variable that chooses another.

A second clone beside a stack that runs finds ports of its own: those that nobody chose move together, by a hundred at a time.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

import psutil

from sandbox.errors import SandboxError

HOST = "127.0.0.1"
DEFAULTS = {"postgres": 15432, "apis": 18100, "smtp": 18025, "mail": 18080, "airflow": 18088}


def variable(service: str) -> str:
    """The environment variable that moves a service: `POSTLAUNCH_PORT_MAIL`."""
    return f"POSTLAUNCH_PORT_{service.upper()}"


def load_ports(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Service -> port. Raises SandboxError for a value that is not a port, or a port given twice."""
    ports = {service: _port(variable(service), environ.get(variable(service)), default) for service, default in DEFAULTS.items()}
    for service, port in ports.items():
        twins = [other for other, taken in ports.items() if taken == port and other != service]
        if twins:
            raise SandboxError(f"port {port} is given to both {service} and {twins[0]}: change {variable(service)} or {variable(twins[0])}")
    return ports


def find_ports(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """As `load_ports`, but services whose port nobody chose move together, by hundreds, to where nothing listens on any of theirs."""
    given = {service: port for service, port in load_ports(environ).items() if environ.get(variable(service))}
    for offset in range(0, 4000, 100):
        moved = {service: port + offset for service, port in DEFAULTS.items() if service not in given}
        if not any(port in given.values() or is_open(port) for port in moved.values()):
            return {service: given.get(service, moved.get(service, 0)) for service in DEFAULTS}
    return load_ports(environ)  # whoever starts on them is told which are taken


def _port(name: str, text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SandboxError(f"{name}={text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def is_open(port: int) -> bool:
    """Whether something accepts connections on that port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ports that nothing listens on: all are held until the last is found, else the system may give one twice."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def holder(port: int) -> str:
    """The process that listens on a port, as far as this account may know it."""
    try:
        listeners = [c.pid for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port]
        processes = [psutil.Process(pid) for pid in listeners if pid]
        named = [f"process {one.pid} ({' '.join(one.cmdline())[:80] or one.name()})" for one in processes]
    except psutil.Error:
        named = []
    return ", ".join(named) or "a process of another account"


def require_free(ports: Mapping[str, int]) -> None:
    """Raises SandboxError that names every taken port, who holds it, and the one line that chooses others."""
    taken = {service: port for service, port in ports.items() if is_open(port)}
    if not taken:
        return
    told = "; ".join(f"port {port} for {service} is in use by {holder(port)}" for service, port in taken.items())
    others = " ".join(f"{variable(service)}={port}" for service, port in zip(taken, free_ports(len(taken)), strict=True))
    raise SandboxError(f"{told}: stop that, or choose others, in front of the same command: {others}")
