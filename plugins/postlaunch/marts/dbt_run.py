"""dbt, run in a process of its own: where it connects, where its files go, what it says of each node, and its failures as one error.

    run_dbt ── watch(), every second ──> python -m postlaunch.marts.dbt_process ──> PostgreSQL
       └── Node, Node, Node, ... <──── lines of JSON ────┘

A process of its own, because it can be ended: if whoever runs it loses the right to build (`watch` raises), or ends, so does dbt; and if
dbt is killed, its caller is there to begin it again.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postlaunch.config.connections import WAREHOUSE, get_connection
from postlaunch.config.settings import REPOSITORY, load_settings
from postlaunch.errors import BuildError
from postlaunch.marts.dbt_process import CHANGED, FAILED, LOG, MODEL
from postlaunch.warehouse.db import libpq_environment

APPLICATION_NAME = "postlaunch_dbt"  # as in dbt_project/profiles.yml
FAILURES_NAMED = 5  # in the error; the log has all
WATCH_SECONDS = 1.0  # between two looks whether the build still owns its lock
PAUSE_SECONDS = 5.0  # before failed models are tried again: a lock or a connection that was lost may be there again
_END_SECONDS = 10.0  # until a dbt whose input has ended is killed

_OTHER_COLUMNS = re.compile(
    r"each UNION query must have the same number of columns|column made\.\S+ does not exist"
)  # macros/materializations.sql
_VALUE = re.compile(r': ["„“«].*["”“»]')  # as PostgreSQL quotes it: invalid input syntax for type integer: "..."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Node:
    """A model that dbt is done with: the `number`-th of `total`; `status` is success, error, skipped, or what dbt says."""

    name: str
    kind: str
    status: str
    seconds: float
    number: int
    total: int


NodeReport = Callable[[Node], None]


@dataclass(frozen=True)
class _Ended:
    """How one dbt ended; `failures` are (node, status, message). `exit_code` is negative if a signal ended it."""

    nodes: list[Node]
    is_success: bool
    failures: list[tuple[str, str, str]]
    reason: str | None
    exit_code: int


def dbt_environment() -> dict[str, str]:
    """Variables that dbt_project/profiles.yml reads, and what keeps dbt quiet. Raises ConfigError without a warehouse connection.

    With `client_connection_check_interval` the server notices within a second that dbt was killed, and gives up what it was doing for it;
    without it a dead model keeps its locks until its statement ends.
    `random_page_cost`: disks without a head, and tables that a night reads by index are in memory; with PostgreSQL's 4, which is that of
    a turning disk, the users of a night are looked for in the whole history.
    """
    connection = get_connection(WAREHOUSE)
    return {
        "POSTLAUNCH_DBT_HOST": connection.host,
        "POSTLAUNCH_DBT_PORT": str(connection.port or 5432),
        "POSTLAUNCH_DBT_USER": connection.login or "",
        "POSTLAUNCH_DBT_PASSWORD": connection.password or "",
        "POSTLAUNCH_DBT_DBNAME": connection.schema or "postlaunch",
        "PGTZ": "UTC",
        **libpq_environment(connection, "-c client_connection_check_interval=1s -c tcp_keepalives_idle=60 -c random_page_cost=1.1"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
    }


def run_dbt(
    *, full_refresh: bool, changed: list[str] | None = None, progress: NodeReport | None = None, watch: Callable[[], None] = lambda: None
) -> list[Node]:
    """`dbt build` of the models, for the running row of ops.builds. Returns the nodes in the order they ended.

    `changed`: the inputs whose models alone are to run (marts/inputs.py); None runs all.

    Tests are not run: unit tests prove code, which does not change at night, and what data must obey is judged by the gate, for each
    launch and domain alone. Models that failed, and those that wait for them, are tried once more; a dbt that was killed tells of none
    and is begun again. `watch` is called every second; what it raises ends dbt. Raises BuildError that names the nodes that failed and why.
    """
    project = load_settings().dbt_project
    if not (project / "dbt_project.yml").is_file():
        raise BuildError(f"no dbt_project.yml in {project}: set POSTLAUNCH_DBT_PROJECT to the folder dbt_project/ of the repository")
    build = ["build", *_places(project), *_SELECTION, *(["--full-refresh"] if full_refresh else [])]
    if changed is not None:
        build = [*(f"{CHANGED}{name}" for name in changed), *build]
    first = _invoke(build, progress, watch)
    if first.is_success:
        return first.nodes
    if first.exit_code < 0:
        log.warning("%s; it is begun again", _message(first))
        place = build.index("build") + 1
        again = [*build[:place], "--vars", json.dumps({"is_begun_again": True}), *build[place:]]
    elif first.failures:
        log.warning("%s; they are tried again in %.0f s", _message(first), PAUSE_SECONDS)
        time.sleep(PAUSE_SECONDS)
        again = [
            *(f"{MODEL}{name}" for name, _, _ in first.failures),
            *(argument for argument in build if not argument.startswith(CHANGED)),
        ]
    else:
        raise BuildError(_message(first))
    second = _invoke(again, progress, watch)
    if not second.is_success:
        raise BuildError(_message(second))
    redone = {node.name for node in second.nodes}
    return [node for node in first.nodes if node.name not in redone] + second.nodes


_SELECTION = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")


def _places(project: Path) -> list[str]:
    return [
        *("--project-dir", str(project)),
        *("--profiles-dir", str(project)),
        *("--target-path", os.environ.get("DBT_TARGET_PATH") or str(REPOSITORY / ".local" / "dbt" / "target")),
        *("--log-path", str(_log_path())),
        "--no-write-json",  # the manifest of each build is a third of dbt's own time, and nobody reads it
        *("--log-level", "none"),  # the console
        *("--log-level-file", "none"),  # a fifth of dbt's own time at any level; dbt_process.py writes the file
    ]


def _log_path() -> Path:
    return Path(os.environ.get("DBT_LOG_PATH") or REPOSITORY / ".local" / "dbt" / "logs")


def _invoke(arguments: list[str], progress: NodeReport | None, watch: Callable[[], None]) -> _Ended:
    nodes: list[Node] = []
    end: dict[str, Any] = {}
    said: list[str] = []
    with _started(arguments) as process:
        for line in _lines(process, watch):
            message = _message_of(line)
            if message is None:
                said.append(line.rstrip())
            elif "end" in message:
                end = message
            else:
                nodes.append(Node(**message))
                if progress:
                    progress(nodes[-1])
        exit_code = process.wait()
    reason = end.get("reason") or (None if end else "\n".join(said[-20:]) or f"exit code {exit_code}")
    failures = [(name, status, text) for name, status, text in end.get("failures", [])]
    return _Ended(nodes, end.get("end") == "success" and not failures, failures, reason, exit_code)


@contextmanager
def _started(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """dbt's process, ended with the block: its standard input closes, and if that does not help it is killed."""
    command = [sys.executable, "-m", "postlaunch.marts.dbt_process", *arguments]
    with subprocess.Popen(
        command,
        env={**os.environ, **dbt_environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin  # noqa: S101  (a pipe, as asked for)
            process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _lines(process: subprocess.Popen[str], watch: Callable[[], None]) -> Iterator[str]:
    """What dbt says, as it says it; meanwhile `watch` is called every second."""
    said: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        assert process.stdout  # noqa: S101  (a pipe, as asked for)
        with suppress(ValueError):  # the pipe was closed: `watch` raised, and nobody waits for the rest
            for line in process.stdout:
                said.put(line)
        said.put(None)

    threading.Thread(target=listen, daemon=True).start()
    watched = time.monotonic()
    while True:
        try:
            line = said.get(timeout=WATCH_SECONDS)
        except queue.Empty:
            line = ""
        if line is None:
            return
        if line:
            yield line
        if time.monotonic() - watched >= WATCH_SECONDS:
            watch()
            watched = time.monotonic()


def _message_of(line: str) -> dict[str, Any] | None:
    """A line of our protocol, or None for anything else that was printed."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and ("name" in message or "end" in message) else None


def _message(outcome: _Ended) -> str:
    where = f"(log: {_log_path() / LOG})"
    if outcome.exit_code < 0:
        return f"dbt was killed by signal {-outcome.exit_code} after {len(outcome.nodes)} nodes {where}"
    failures = [(name, text or status) for name, status, text in outcome.failures if status in FAILED]
    if not failures:
        skipped = ", ".join(name for name, _, _ in outcome.failures)
        return f"dbt build stopped: {f'skipped {skipped}' if skipped else _first_line(outcome.reason or '')} {where}"
    named = [f"{name}: {_reason(text)}" for name, text in failures[:FAILURES_NAMED]]
    more = len(failures) - FAILURES_NAMED
    is_another_table = any(_OTHER_COLUMNS.search(text) for _, text in failures)
    advice = "; a model has other columns than its table: run `postlaunch build --full-refresh`" if is_another_table else ""
    return "dbt failed in " + "; ".join(named) + (f"; and {more} more" if more > 0 else "") + advice + f" {where}"


def _reason(text: str) -> str:
    """The first line that says something, without the value of a row: dbt's own begins with `Database Error in model x (path)`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _VALUE.sub(': "…"', lines[1] if len(lines) > 1 and " Error in " in lines[0] else _first_line(lines[0] if lines else ""))


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
