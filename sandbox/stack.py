"""The local stack: starts in the order of need, stops to the last process, and tells how it is.

    postgres -> migrate -> simulated APIs -> mail catcher -> airflow        logs in .local/logs, state in .local

`up` and `down` may be called again at any time: what runs stays, what is stopped stays stopped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from postlaunch.config.settings import REPOSITORY
from sandbox import airflow, state, tales
from sandbox.errors import SandboxError
from sandbox.ports import HOST, find_ports, is_open, load_ports, require_free, variable
from sandbox.postgres import PostgresServer
from sandbox.processes import Supervisor, describe, wait_gone
from sandbox.story.clock import SandboxClock, story_launch_date
from sandbox.story.launches import render
from sandbox.story.plan import Plan
from sandbox.tales import files

HOME = REPOSITORY / ".local"
APIS = "apis"
MAIL = "mail"

console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Service:
    """One line of `postlaunch status`."""

    name: str
    is_running: bool
    address: str
    pid: int | None


@dataclass(frozen=True)
class Stack:
    """All parts of the local stack, over one state folder.

    `api_options`: options of `python -m sandbox.apis`. `with_tales`: the launches of launches/ beside the story and CDNOW.
    `changed`: variables that are to differ from what the stack sets by itself.
    """

    home: Path = HOME
    api_options: tuple[str, ...] = ()
    with_tales: bool = True
    changed: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def ports(self) -> dict[str, int]:
        """Service -> port: the environment's, those of the stack while it runs, or ones that are free together."""
        running = self._running_ports
        return load_ports({**{variable(name): str(port) for name, port in running.items()}, **os.environ}) if running else find_ports()

    @property
    def _running_ports(self) -> dict[str, int]:
        file = self.supervisor.runs / "ports.json"
        return json.loads(file.read_text()) if file.exists() else {}

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Passwords and keys of this stack."""
        return state.load_secrets(self.home)

    @cached_property
    def supervisor(self) -> Supervisor:
        """Keeps the processes."""
        return Supervisor(self.home)

    @cached_property
    def postgres(self) -> PostgresServer:
        """Holds the warehouse and Airflow's metadata."""
        return PostgresServer(self.home / "postgres", self.ports["postgres"], self.secrets["postgres"])

    @cached_property
    def variables(self) -> dict[str, str]:
        """What `.local/env` says."""
        return {**state.environment(self.home, self.ports, self.secrets), **self.changed}

    @cached_property
    def airflow(self) -> airflow.Airflow:
        """The four Airflow processes."""
        return airflow.Airflow(
            self.supervisor, REPOSITORY, self.ports["airflow"], self.secrets["airflow_admin"], self.process_environment()
        )

    def url(self, service: str) -> str:
        """HTTP address of a service."""
        return f"http://{HOST}:{self.ports[service]}"

    def process_environment(self) -> dict[str, str]:
        """Environment of every process: ours, the stack's variables, and our virtual environment's programs first."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, **self.variables, "PATH": path, "PYTHONUNBUFFERED": "1"}

    # --- up --------------------------------------------------------------------------------------------------------------

    def start_data(self) -> None:
        """PostgreSQL with its logins and databases, the warehouse's schema, the environment file."""
        self._check_ports()
        self.postgres.start()
        self.postgres.ensure_login(state.WAREHOUSE_LOGIN, self.secrets["warehouse"], createrole=True)
        self.postgres.ensure_login(state.AIRFLOW_LOGIN, self.secrets["airflow_database"])
        self.postgres.ensure_database(state.WAREHOUSE_DATABASE, state.WAREHOUSE_LOGIN)
        self.postgres.ensure_database(state.AIRFLOW_DATABASE, state.AIRFLOW_LOGIN)
        state.write_environment(self.home, self.variables)
        os.environ.update(self.variables)
        from postlaunch.warehouse.migrate import migrate  # noqa: PLC0415

        migrate()

    def start_apis(self) -> None:
        """The simulated APIs, and the launch files of their story."""
        command = ["-m", "sandbox.apis", "--port", str(self.ports["apis"]), "--state", str(self.home / "sandbox")]
        command += [*(["--tales"] if self.with_tales else []), f"--zendesk-per-minute={state.ZENDESK_PER_MINUTE}"]
        self._start(APIS, [*command, *self.api_options], f"{self.url(APIS)}/_sandbox/clock")
        clock = SandboxClock(self.home / "sandbox")
        plan = Plan(story_launch_date(clock.state_dir))
        render(self.home / "launches", plan.launch_date)
        for told in tales.told(plan) if self.with_tales else ():
            files.render(self.home / "launches", told, until=told.day_of(clock.now().timestamp()) - 1)

    def start_mail(self) -> None:
        """The SMTP catcher and its page."""
        command = ["-m", "sandbox.mail", "--smtp-port", str(self.ports["smtp"]), "--page-port", str(self.ports["mail"])]
        self._start(MAIL, [*command, "--folder", str(self.home / "mail")], f"{self.url(MAIL)}/api/mails")

    def start_airflow(self) -> None:
        """Airflow's database and processes; returns before they are healthy. What runs stays as it is."""
        if all(self.supervisor.find(name) is not None for name in airflow.PROCESSES):
            return
        self.airflow.migrate()
        self.airflow.start()

    def _start(self, name: str, arguments: list[str], probe: str) -> None:
        self.supervisor.start(name, [sys.executable, *arguments], self.process_environment(), REPOSITORY)
        self.supervisor.wait_ready([name], lambda: _answers(probe), seconds=60)

    def _check_ports(self) -> None:
        """A stack that runs keeps its ports: moving one means stopping first. What does not run needs a free one; all are told at once."""
        before = self._running_ports or self.ports
        moved = [name for name, port in self.ports.items() if before.get(name) != port]
        if moved and any(service.is_running for service in self.services()):
            raise SandboxError(f"the stack runs with another port for {', '.join(moved)}: run 'postlaunch down' first")
        held = self.held_ports()
        require_free({name: port for name, port in self.ports.items() if port not in held})
        file = self.supervisor.runs / "ports.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.ports))

    # --- status and down -------------------------------------------------------------------------------------------------

    def services(self) -> list[Service]:
        """What runs, and where."""
        postmaster = self.postgres.postmaster_pid() if self.is_installed else None
        found = [Service("postgres", postmaster is not None, f"{HOST}:{self.ports['postgres']}", postmaster)]
        addresses = {APIS: self.url(APIS), MAIL: f"{self.url(MAIL)} (SMTP {HOST}:{self.ports['smtp']})", "airflow-api": self.url("airflow")}
        for name in (APIS, MAIL, *airflow.PROCESSES):
            process = self.supervisor.find(name)
            found.append(Service(name, process is not None, addresses.get(name, ""), process.pid if process else None))
        return found

    def held_ports(self) -> set[int]:
        """Ports that this stack itself holds now."""
        services = {"apis": APIS, "smtp": MAIL, "mail": MAIL, "airflow": "airflow-api"}
        held = {self.ports[service] for service, name in services.items() if self.supervisor.find(name) is not None}
        return held | ({self.ports["postgres"]} if self.is_installed and self.postgres.is_running() else set())

    @property
    def is_installed(self) -> bool:
        """Whether `up` was ever called: there is a data folder."""
        return (self.home / "secrets.json").exists() and self.postgres.location.exists()

    def stop(self) -> list[str]:
        """Stop everything, Airflow first and PostgreSQL last; returns what was stopped. Raises SandboxError if a process survives."""
        stopped = self.supervisor.stop([*airflow.PROCESSES, MAIL, APIS])
        stopped += [f"stray {one}" for one in self.supervisor.end_strays()]
        if self.is_installed and self.postgres.is_running():
            family = _server_family(self.postgres)
            self.postgres.stop()
            stopped.append("postgres")
            left = wait_gone(family, seconds=10)  # pg_ctl returns when the pid file is gone, a moment before the process is
            if left:
                raise SandboxError(f"PostgreSQL has stopped but left {'; '.join(describe(one) for one in left)}")
        (self.supervisor.runs / "ports.json").unlink(missing_ok=True)
        return stopped


def up(*, airflow: bool = True) -> Stack:
    """Start the local stack and wait until every part answers. Raises SandboxError with the end of the log of the part that does not."""
    stack = Stack()
    with _step("PostgreSQL and the warehouse's schema"):
        stack.start_data()
    for note in stack.postgres.notes:
        console.print(f"  note: {note}")
    with _step("simulated Mixpanel, Zendesk, PagerDuty and Prometheus"):
        stack.start_apis()
    with _step("mail catcher"):
        stack.start_mail()
    if airflow:
        with _step("Airflow: api-server, scheduler, dag-processor (half a minute)"):
            stack.start_airflow()
            stack.airflow.wait_healthy()
        console.print(f"  Airflow: {stack.url('airflow')}  login {USER_HINT} / {stack.secrets['airflow_admin']}")
    console.print(f"  mails: {stack.url(MAIL)}   settings for a shell: set -a; . {stack.home / 'env'}")
    return stack


def down() -> None:
    """Stop every process of the local stack, children too; the state in `.local` stays."""
    if not HOME.exists():
        console.print("nothing runs: there is no .local")
        return
    stopped = Stack().stop()
    console.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def status() -> bool:
    """Print what runs and where; True if all of it does."""
    services = Stack().services()
    table = Table("service", "state", "address", "pid")
    for service in services:
        table.add_row(
            service.name, "[green]up[/green]" if service.is_running else "[red]down[/red]", service.address, str(service.pid or "")
        )
    console.print(table, soft_wrap=False)
    console.print(f"logs: {HOME / 'logs'}")
    return all(service.is_running for service in services)


USER_HINT = airflow.USER


@contextmanager
def _step(what: str) -> Iterator[None]:
    with console.status(what):
        yield
    console.print(f"[green]up[/green]  {what}")


def _answers(address: str) -> bool:
    port = httpx.URL(address).port
    if port is None or not is_open(port):
        return False
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _server_family(server: PostgresServer) -> list[psutil.Process]:
    pid = server.postmaster_pid()
    if pid is None:
        return []
    postmaster = psutil.Process(pid)
    return [postmaster, *postmaster.children(recursive=True)]
