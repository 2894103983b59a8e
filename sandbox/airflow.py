"""Airflow on this machine: three processes over the embedded PostgreSQL, LocalExecutor, everything on the loopback.

airflow-api   http://127.0.0.1:18088, login `admin` with a password made once (a page on the loopback is open to every account of the
              machine and to web pages that guess its address, so it has a password all the same)
airflow-scheduler, airflow-dag-processor
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from postlaunch.orchestration.pools import pools
from sandbox.errors import SandboxError
from sandbox.ports import HOST
from sandbox.processes import Supervisor

USER = "admin"
PROCESSES = {
    "airflow-api": ["api-server"],
    "airflow-scheduler": ["scheduler", "--skip-serve-logs"],
    "airflow-dag-processor": ["dag-processor"],
}  # no triggerer: no task of ours is deferred, and it costs as much to start as the scheduler
_HEALTH = {"metadatabase", "scheduler", "dag_processor"}
CALL_SECONDS = 120.0  # for one call of the REST API: a machine that is busy with other things answers late, not wrongly


def settings(home: Path, repository: Path, port: int, database_uri: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Airflow's configuration as environment variables. `database_uri` without its scheme: `login:password@host:port/database`."""
    base = f"http://{HOST}:{port}"
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": repository / "dags",
            "plugins_folder": repository / "plugins",
            "executor": "LocalExecutor",
            "parallelism": 4,
            "max_active_tasks_per_dag": 4,
            "load_examples": False,
            "fernet_key": secrets["fernet"],
            "execution_api_server_url": f"{base}/execution/",
            "auth_manager": "postlaunch.orchestration.login.LoopbackLogin",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": home / "airflow" / "passwords.json",
        },
        "database": {
            "sql_alchemy_conn": f"postgresql+psycopg2://{database_uri}",
            "sql_alchemy_conn_async": f"postgresql+psycopg_async://{database_uri}",
            "sql_alchemy_pool_size": 5,
            "load_default_connections": False,
        },
        "api": {"base_url": base, "host": HOST, "port": port, "workers": 1, "secret_key": secrets["api"]},
        "api_auth": {"jwt_secret": secrets["jwt"]},
        "dag_processor": {"refresh_interval": 30, "min_file_process_interval": 60, "parsing_processes": 1},
        "scheduler": {"scheduler_idle_sleep_time": 1},
        # A busy machine is not a fault: by default a task that waits five seconds for the API warns and asks again.
        "workers": {"execution_api_timeout": 60},
        "logging": {"base_log_folder": home / "airflow" / "logs"},
        "usage_data_collection": {"enabled": False},
    }
    variables = {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value) for section, pairs in options.items() for name, value in pairs.items()
    }
    return {"AIRFLOW_HOME": str(home / "airflow"), **variables}


@dataclass(frozen=True)
class Airflow:
    """The local Airflow: its processes and its REST API."""

    supervisor: Supervisor
    repository: Path
    port: int
    password: str
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Address of the page and the API."""
        return f"http://{HOST}:{self.port}"

    def migrate(self) -> None:
        """Bring Airflow's own database up to date, and give `admin` its password."""
        passwords = self.supervisor.home / "airflow" / "passwords.json"
        passwords.parent.mkdir(parents=True, exist_ok=True)
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: self.password}) + "\n")
        log = self.supervisor.log("airflow-migrate")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            command = [*_airflow(), "db", "migrate"]
            done = subprocess.run(command, check=False, cwd=self.repository, env=dict(self.environment), stdout=output, stderr=output)
        if done.returncode:
            raise SandboxError(f"'airflow db migrate' failed; the end of {log}:\n{self.supervisor.tail('airflow-migrate')}")

    def start(self) -> None:
        """Start what does not run yet."""
        for name, arguments in PROCESSES.items():
            self.supervisor.start(name, [*_airflow(), *arguments], self.environment, self.repository)

    def wait_healthy(self, seconds: float = 300) -> None:
        """Wait until the page answers and scheduler and DAG processor report a heartbeat; then make the pools of the DAGs."""
        self.supervisor.wait_ready(list(PROCESSES), self.is_healthy, seconds)
        self.client().ensure_pools(pools())

    def is_healthy(self) -> bool:
        """Whether every part says so itself (`/api/v2/monitor/health`)."""
        return self.ill() == []

    def ill(self) -> list[str]:
        """The parts that are not healthy."""
        try:
            parts = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            return sorted(part for part in _HEALTH if (parts.get(part) or {}).get("status") != "healthy")
        except (httpx.HTTPError, ValueError):
            return ["api-server"]

    def client(self) -> AirflowClient:
        """A logged-in client of the REST API."""
        return AirflowClient.login(self.url, USER, self.password)


class AirflowClient:
    """The few calls of Airflow's REST API that the demonstration and the tests need."""

    def __init__(self, http: httpx.Client) -> None:
        """`http` carries the address and the token."""
        self._http = http

    @classmethod
    def login(cls, url: str, user: str, password: str) -> AirflowClient:
        """Exchange the login for a token. Raises SandboxError if Airflow refuses it."""
        answer = httpx.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=CALL_SECONDS)
        if answer.status_code != httpx.codes.CREATED:
            raise SandboxError(f"Airflow at {url} refuses the login {user}: HTTP {answer.status_code} {answer.text[:200]}")
        token = answer.json()["access_token"]
        return cls(httpx.Client(base_url=f"{url}/api/v2", headers={"Authorization": f"Bearer {token}"}, timeout=CALL_SECONDS))

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """One call; the parsed answer. Raises SandboxError that names call and answer."""
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise SandboxError(f"Airflow: {method} {path}: {error}") from error
        if answer.is_error:
            raise SandboxError(f"Airflow: {method} {path}: HTTP {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def dags(self) -> dict[str, dict[str, Any]]:
        """All DAGs that Airflow has parsed, by id."""
        return {dag["dag_id"]: dag for dag in self.call("GET", "/dags", params={"limit": 100})["dags"]}

    def import_errors(self) -> list[str]:
        """DAG files that cannot be imported, with the reason."""
        errors = self.call("GET", "/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in errors]

    def wait_for_dags(self, wanted: set[str], seconds: float = 120) -> None:
        """Wait until Airflow has parsed these DAGs. Raises SandboxError with the import errors."""
        deadline = time.monotonic() + seconds
        while missing := wanted - self.dags().keys():
            if time.monotonic() > deadline:
                reasons = "\n".join(self.import_errors()) or "no import errors are reported"
                raise SandboxError(f"Airflow knows no DAG {', '.join(sorted(missing))} after {seconds:.0f} seconds: {reasons}")
            time.sleep(1)

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG."""
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Runs of a DAG, the newest first."""
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns", params={"order_by": "-run_after", "limit": 50})
        runs: list[dict[str, Any]] = answer["dag_runs"]
        return runs

    def clear(self, dag_id: str, run_id: str) -> None:
        """Run the failed tasks of a run again."""
        self.call("POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", json={"dry_run": False, "only_failed": True})

    def tasks(self, dag_id: str, run_id: str, states: Sequence[str]) -> list[dict[str, Any]]:
        """Task instances of a run in these states."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        answer = self.call("GET", path, params={"state": list(states), "limit": 100})
        tasks: list[dict[str, Any]] = answer["task_instances"]
        return tasks

    def ensure_pools(self, pools: Mapping[str, Mapping[str, object]]) -> None:
        """Make these pools, or change them to this: a task whose pool does not exist is never scheduled."""
        entities = [{"name": name, **fields} for name, fields in pools.items()]
        self.call("PATCH", "/pools", json={"actions": [{"action": "create", "action_on_existence": "overwrite", "entities": entities}]})

    def log_tail(self, task: Mapping[str, Any], lines: int = 25) -> str:
        """The end of the log of a task instance's last try."""
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs/{max(task['try_number'], 1)}"
        answer = self.call(
            "GET", path, params={"map_index": task["map_index"], "full_content": True}, headers={"Accept": "application/json"}
        )
        events = [line if isinstance(line, str) else _readable(line) for line in answer.get("content", [])]
        return "\n".join("\n".join(events).splitlines()[-lines:])


def _readable(event: Mapping[str, Any]) -> str:
    details = " ".join(str(one.get("exc_value", "")) for one in event.get("error_detail") or [])
    return f"{event.get('level', '')} {event.get('event', '')} {details}".strip()


def _airflow() -> list[str]:
    return [sys.executable, "-m", "airflow"]
