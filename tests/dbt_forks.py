"""dbt for tests, in a process forked from one that has imported dbt already: of each small build a third is its imports.

What runs is `postlaunch.marts.dbt_process.main`, in a process of its own with its own streams and environment, as in production.

A test that asks nothing of KPIs need not wait for them: `only(patch, "product")` leaves out other domains and what is made of all.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

import pytest
from dbt.adapters.postgres import PostgresCredentials

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.marts import dbt_process, dbt_run
from postlaunch.marts.dbt_run import _END_SECONDS, dbt_environment

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.postgres", "postlaunch.marts.dbt_process"])


@dataclass(frozen=True)
class Started:
    """What `run_dbt` asks of a process."""

    process: ForkServerProcess
    stdout: IO[str]

    def wait(self) -> int:
        """Its exit code, negative if a signal ended it."""
        self.process.join()
        return self.process.exitcode or 0


@contextmanager
def started(arguments: list[str]) -> Iterator[Started]:
    """In place of `dbt_run._started`."""
    stdin, owner = os.pipe()
    output, stdout = os.pipe()
    environment = {**os.environ, **dbt_environment()}
    process = _FORKS.Process(target=_main, args=(DupFd(stdin), DupFd(stdout), environment, Path.cwd(), arguments), daemon=True)
    try:
        process.start()
    finally:
        os.close(stdin)
        os.close(stdout)
    with os.fdopen(output, encoding="utf-8", errors="replace") as lines:
        try:
            yield Started(process, lines)
        finally:
            os.close(owner)
            process.join(_END_SECONDS)
            process.kill()


def _main(stdin: Any, stdout: Any, environment: dict[str, str], folder: Path, arguments: list[str]) -> None:
    os.dup2(stdin.detach(), 0)
    os.dup2(stdout.detach(), 1)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # What dbt has parsed hangs on these keys of a connection. The server's port is in nothing that it parses, and differs by worker.
    PostgresCredentials._connection_keys = lambda _: ("database", "schema")
    dbt_process.main(arguments)


def only(patch: pytest.MonkeyPatch, *domains: str) -> None:
    """dbt makes the models of these domains and what they are made of: half of all models, or fewer."""
    others = [f"path:models/{layer}/{domain}+" for domain in DOMAIN_SOURCE if domain not in domains for layer in ("intermediate", "marts")]
    patch.setattr(dbt_run, "_SELECTION", (*dbt_run._SELECTION, "--exclude", *others))
