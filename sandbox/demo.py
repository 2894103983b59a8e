"""`make demo`: the whole product on this machine, from ninety days of history to the delivered mails.

    up ── history by the command line, one window a source ── the clock moves to last night ──┐
      └── Airflow starts meanwhile (its DAGs still paused) ───────────────────────────────────┴─> ingest_*  ->  build_marts  ->  reviews

The last night is not helped along: the DAGs are unpaused, and Airflow's scheduler does the rest. A second demonstration finds the history
in place and loads what is missing. Anything that fails ends it with the reason, the end of the task's log, and a non-zero exit code.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from postlaunch.cli_progress import bars, read_line
from postlaunch.config.launch import Launch, Source
from postlaunch.config.load import load_launches
from postlaunch.doctor import browser_path
from postlaunch.marts.publish import waits_for_publication
from postlaunch.warehouse.db import connect
from sandbox import stack as local
from sandbox.airflow import AirflowClient
from sandbox.errors import SandboxError
from sandbox.report import print_report, wide_console
from sandbox.story.clock import SandboxClock, last_complete_date, last_night
from sandbox.story.plan import FIRST_DAY

INGESTS = ("ingest_mixpanel", "ingest_zendesk", "ingest_pagerduty", "ingest_prometheus")
BUILD = "build_marts"
MONTHLY = "monthly_business_review"  # the one that does not ride on the nightly clock
REVIEWS = ("daily_review", "weekly_business_review", MONTHLY, "verdict")
CDNOW = "cdnow"
CDNOW_DATES = (dt.date(1997, 1, 1), dt.date(1998, 6, 30))
PATIENCE_SECONDS = 600

console = wide_console()


@dataclass(frozen=True)
class Window:
    """What one `postlaunch ingest` of the history takes: inclusive local dates."""

    source: Source
    launch: str
    first: dt.date
    last: dt.date

    @property
    def command(self) -> list[str]:
        """Arguments of the command line."""
        return ["ingest", self.source, "--launch", self.launch, "--from", str(self.first), "--to", str(self.last)]


def main() -> None:
    """Run the demonstration. Raises SandboxError (or another PostlaunchError) with one clear message."""
    started = time.monotonic()
    if browser_path() is None:
        raise SandboxError("no Chromium on this machine, and the reviews' charts need one: run 'make system' (or set BROWSER_PATH)")
    night = last_night(dt.datetime.now(dt.UTC))
    stack = local.up(airflow=False)
    clock = SandboxClock(stack.home / "sandbox")
    is_new = not _has_history()
    clock.freeze(night - dt.timedelta(days=1) if is_new else None)
    with ThreadPoolExecutor(1) as background:
        # A new Airflow has its DAGs paused and may start meanwhile; one that knows them unpaused waits for the history.
        starting: Future[None] | None = background.submit(stack.start_airflow) if is_new else None
        _load_history(night)
        if starting is not None:
            starting.result()
    clock.freeze(None)
    with _step("Airflow: api-server, scheduler, dag-processor"):
        if starting is None:
            stack.start_airflow()
        stack.airflow.wait_healthy()
    client = stack.airflow.client()
    run_last_night(client, night)
    print_report(stack, time.monotonic() - started)


# --- history -------------------------------------------------------------------------------------------------------------


def _has_history() -> bool:
    with connect() as session:
        return session.execute("select 1 from ops.publications limit 1").fetchone() is not None


def _load_history(night: dt.datetime) -> None:
    """What is missing of the history, one window a source, two at a time (two cores); then build, audit, publish. With a bar each."""
    from postlaunch.config.settings import load_settings  # noqa: PLC0415 (reads the environment that `up` has set)

    loaded = _loaded_until()
    launches = load_launches(load_settings().launches).values()
    windows = [window for launch in launches for window in missing(history(launch, night), loaded)]
    if not windows:
        console.print("history: all there since the last demonstration")
    with bars(console) as shown:
        with ThreadPoolExecutor(2) as pool:
            for line in pool.map(lambda window: _postlaunch(window.command, shown), windows):
                console.print(line)
        for command in (["build"], ["audit"], ["publish"]):
            console.print(_postlaunch(command, shown))


def history(launch: Launch, night: dt.datetime) -> list[Window]:
    """The windows that bring a launch to the state of the night before `night`, the largest source first."""
    if launch.launch == CDNOW:
        return [Window("mixpanel", CDNOW, *CDNOW_DATES)]
    first = launch.date + dt.timedelta(days=min([FIRST_DAY, *(first for first, _ in launch.phases.values())]))
    last = last_complete_date(night - dt.timedelta(days=1))
    order: Sequence[Source] = ("prometheus", "mixpanel", "zendesk", "pagerduty")
    return [Window(source, launch.launch, first, last) for source in order if source in launch.sources]


def missing(windows: Sequence[Window], loaded: Mapping[tuple[str, str], dt.date]) -> list[Window]:
    """The parts of the windows after the last date that was loaded, by (launch, source)."""
    starts = [max(window.first, loaded.get((window.launch, window.source), dt.date.min) + dt.timedelta(days=1)) for window in windows]
    return [replace(window, first=first) for window, first in zip(windows, starts, strict=True) if first <= window.last]


def _loaded_until() -> dict[tuple[str, str], dt.date]:
    with connect() as session:
        rows = session.execute(
            "select launch_id, source, max(last_date) from ops.ingest_runs where status = 'succeeded' group by launch_id, source"
        )
        return {(launch_id, source): last for launch_id, source, last in rows}


def _postlaunch(arguments: Sequence[str], shown: Progress) -> str:
    """Run the command line as a person would, its progress as a bar; returns the command and what it said.

    Raises SandboxError with its message.
    """
    began = time.monotonic()
    command = f"$ postlaunch {' '.join(arguments)}"
    bar = shown.add_task(command, total=None)
    complaints: list[str] = []
    with tempfile.TemporaryFile("w+") as output:
        program = [str(Path(sys.executable).with_name("postlaunch")), *arguments]
        wide = {**os.environ, "COLUMNS": "200"}
        with subprocess.Popen(program, stdout=output, stderr=subprocess.PIPE, text=True, env=wide) as process:
            assert process.stderr  # noqa: S101  (a pipe, as asked for)
            for line in process.stderr:
                if progress := read_line(line):
                    message, completed, total = progress
                    shown.update(bar, description=f"{command}  {message.partition(': ')[2]}", completed=completed, total=total)
                else:
                    complaints.append(line)
        output.seek(0)
        said = output.read().strip()
    shown.remove_task(bar)
    if process.returncode:
        raise SandboxError(f"{command} ended with {process.returncode}: {(''.join(complaints) or said).strip()[-3000:]}")
    indented = "\n".join(f"    {line}" for line in said.splitlines())
    return f"[bold]{command}[/bold]  ({time.monotonic() - began:.0f} s)\n{indented}"


# --- the last night ------------------------------------------------------------------------------------------------------


def run_last_night(client: AirflowClient, night: dt.datetime) -> None:
    """Unpause the DAGs and wait until Airflow's own scheduler has run them. Raises SandboxError with the log of what failed."""
    with _step("DAGs are parsed"):
        client.wait_for_dags({*INGESTS, BUILD, *REVIEWS})
    for dag_id in (*INGESTS, BUILD):
        client.unpause(dag_id)
    with _step(f"ingest_* by the scheduler, for the night of {night:%Y-%m-%d %H:%M} UTC", of=len(INGESTS)) as advance:
        for dag_id in INGESTS:
            _wait_for_run(client, dag_id, night)
            advance()
    with _step("build_marts by their assets: dbt, audit, publish"):
        _wait_for_build(client)
    for dag_id in REVIEWS:
        client.unpause(dag_id)
    with _step("the reviews that are due, by the scheduler", of=len(REVIEWS)) as advance:
        for dag_id in REVIEWS:
            _wait_for_run(client, dag_id, None if dag_id == MONTHLY else night)
            advance()


def _wait_for_run(client: AirflowClient, dag_id: str, night: dt.datetime | None) -> None:
    """Wait for the scheduled run whose data interval ends at `night` (None: the latest); a run that failed before is cleared once."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    first = True
    while True:
        found = [run for run in client.runs(dag_id) if run["run_type"] == "scheduled" and (night is None or _interval_end(run) == night)]
        run = found[0] if found else None
        if run is not None and run["state"] == "success":
            return
        if run is not None and run["state"] == "failed":
            if not first:
                raise SandboxError(_failure(client, run))
            client.clear(dag_id, run["dag_run_id"])
        if time.monotonic() > deadline:
            state = f"is still {run['state']}" if run else "was not created by the scheduler"
            raise SandboxError(f"{dag_id}: the run of last night {state} after {PATIENCE_SECONDS} seconds{_logs(client, run)}")
        first = False
        time.sleep(1)


def _wait_for_build(client: AirflowClient) -> None:
    """Wait until all that was loaded is built, audited, and published or held; a run that finds nothing left to do is not waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        runs = client.runs(BUILD)
        if not _is_dirty() and not waits_for_publication():
            return
        if runs and runs[0]["state"] == "failed":
            raise SandboxError(_failure(client, runs[0]))
        if time.monotonic() > deadline:
            state = runs[0]["state"] if runs else "never triggered by an asset"
            raise SandboxError(f"{BUILD}: {state} after {PATIENCE_SECONDS} seconds")
        time.sleep(1)


def _is_dirty() -> bool:
    """Whether something that was loaded waits for a build, or a build is at work."""
    query = """
        select 1 from ops.partition_loads where build_id is null and is_changed
        union all
        select 1 from ops.builds where status = 'running'
        limit 1
    """
    with connect() as session:
        return session.execute(query).fetchone() is not None


def _interval_end(run: dict[str, Any]) -> dt.datetime | None:
    text = run["data_interval_end"]
    return dt.datetime.fromisoformat(text) if text else None


def _failure(client: AirflowClient, run: dict[str, Any]) -> str:
    return f"{run['dag_id']}: run {run['dag_run_id']} failed{_logs(client, run)}"


def _logs(client: AirflowClient, run: dict[str, Any] | None) -> str:
    """The ends of the logs of the tasks that failed, or failed and will be tried again."""
    tasks = client.tasks(run["dag_id"], run["dag_run_id"], ("failed", "up_for_retry")) if run else []
    return "".join(f"\n--- {task['task_id']} [{task['map_index']}], {task['state']}:\n{client.log_tail(task)}" for task in tasks[:3])


@contextmanager
def _step(what: str, of: int | None = None) -> Iterator[Callable[[], None]]:
    """A bar while it lasts, a line with its seconds afterwards; what it gives is called for each part that is done."""
    began = time.monotonic()
    with bars(console) as shown:
        bar = shown.add_task(what, total=of)
        yield lambda: shown.advance(bar)
    console.print(f"[green]ok[/green]  {what}  ({time.monotonic() - began:.0f} s)")
