"""dbt, run in this process: where it connects, where its files go, and its failures as one error.

Imports dbt only when it runs: that takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from postlaunch.config.connections import WAREHOUSE, get_connection
from postlaunch.config.settings import REPOSITORY, load_settings
from postlaunch.errors import BuildError
from postlaunch.warehouse.db import libpq_environment

Progress = Callable[[int, int, str], None]
APPLICATION_NAME = "postlaunch_dbt"  # as in dbt_project/profiles.yml
FAILED = ("error", "fail", "runtime error")
FAILURES_NAMED = 5


def dbt_environment() -> dict[str, str]:
    """Variables that dbt_project/profiles.yml reads, and what keeps dbt quiet. Raises ConfigError without a warehouse connection."""
    connection = get_connection(WAREHOUSE)
    return {
        "POSTLAUNCH_DBT_HOST": connection.host,
        "POSTLAUNCH_DBT_PORT": str(connection.port or 5432),
        "POSTLAUNCH_DBT_USER": connection.login or "",
        "POSTLAUNCH_DBT_PASSWORD": connection.password or "",
        "POSTLAUNCH_DBT_DBNAME": connection.schema or "postlaunch",
        "PGTZ": "UTC",
        **libpq_environment(connection),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
    }


def run_dbt(*, full_refresh: bool, progress: Progress | None = None) -> int:
    """`dbt build` of seeds and models, for the running row of ops.builds. Returns the number of models built. Tests are not run: unit
    tests prove code, which does not change at night, and what data must obey is judged by the gate, for each launch and domain alone.

    Calls progress(done, total, node) after each node. Raises BuildError that names the nodes that failed and why.
    """
    from dbt.cli.main import dbtRunner

    project = load_settings().dbt_project
    if not (project / "dbt_project.yml").is_file():
        raise BuildError(f"no dbt_project.yml in {project}: set POSTLAUNCH_DBT_PROJECT to the folder dbt_project/ of the repository")
    with _environment(dbt_environment()):
        outcome = dbtRunner(callbacks=[_Reporter(progress)] if progress else []).invoke(_arguments(project, full_refresh))
    results = list(getattr(outcome.result, "results", None) or [])
    failures = [result for result in results if str(result.status) in FAILED]
    if failures:
        raise BuildError(_failure_message(failures))
    if not outcome.success or not results:
        reason = _first_line(str(outcome.exception)) if outcome.exception else "nothing was built"
        raise BuildError(f"dbt build stopped: {reason} (log: {_log_path() / 'dbt.log'})")
    return sum(result.node.resource_type == "model" for result in results)


def _arguments(project: Path, full_refresh: bool) -> list[str]:
    return [
        "build",
        *("--project-dir", str(project)),
        *("--profiles-dir", str(project)),
        *("--target-path", os.environ.get("DBT_TARGET_PATH") or str(REPOSITORY / ".local" / "dbt" / "target")),
        *("--log-path", str(_log_path())),
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
        *("--log-level", "none"),  # the console; the file keeps everything
        *("--log-level-file", "debug"),
        *(["--full-refresh"] if full_refresh else []),
    ]


def _log_path() -> Path:
    return Path(os.environ.get("DBT_LOG_PATH") or REPOSITORY / ".local" / "dbt" / "logs")


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables while dbt runs; what the caller had comes back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _failure_message(failures: list[Any]) -> str:
    named = [f"{result.node.name}: {_reason(result)}" for result in failures[:FAILURES_NAMED]]
    more = len(failures) - FAILURES_NAMED
    return "dbt failed in " + "; ".join(named) + (f"; and {more} more" if more > 0 else "") + f" (log: {_log_path() / 'dbt.log'})"


def _reason(result: Any) -> str:
    """The first line that says something: dbt's own begins with `Database Error in model x (path)`."""
    lines = [line.strip() for line in str(result.message or result.status).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 and " Error in " in lines[0] else _first_line(lines[0] if lines else "")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"


class _Reporter:
    """Turns dbt's events into progress(done, total, node)."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
            total = getattr(event.data, "total", None) or event.data.num_models  # dbt calls it so for tests
            self._progress(event.data.index, total, event.data.node_info.node_name)
