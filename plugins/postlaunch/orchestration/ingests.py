"""The ingest DAGs: one factory, one DAG a source.

due (launch files, data interval)  ->  launch[]: ingest  ->  announce: asset raw_<source>, if something changed
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, TypedDict

from airflow.sdk import DAG, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from postlaunch.config.launch import Launch, Source
from postlaunch.config.load import LaunchFiles, load_launch, read_launches
from postlaunch.config.settings import load_settings
from postlaunch.dates import Dates
from postlaunch.orchestration.assets import raw
from postlaunch.orchestration.defaults import LABEL, NIGHTLY, RETRIES, START, come_again, interval, log_progress, noted, step
from postlaunch.orchestration.pools import pool_name
from postlaunch.orchestration.windows import dates_to_ingest

LONGEST_WAIT_SECONDS = 90.0  # for an API's limit; a task that has to wait longer gives its place back and comes again
LONGEST_INGEST = dt.timedelta(hours=6)  # at ten calls a minute and a thousand records a call, more than three million

log = logging.getLogger(__name__)


class PlannedDates(TypedDict):
    """What one mapped task ingests: a launch and its inclusive local dates, as text."""

    launch: str
    first: str
    last: str


class IngestedDates(PlannedDates):
    """The same, and whether there is something to build."""

    is_changed: bool


def ingest_dag(source: Source, doc_md: str) -> DAG:
    """The nightly DAG that ingests `source` for every launch that has it."""
    with DAG(
        dag_id=f"ingest_{source}",
        doc_md=doc_md,
        schedule=NIGHTLY,
        start_date=START,
        catchup=False,
        max_active_runs=5,
        tags=["ingest", source, "nightly"],
        default_args=RETRIES,
    ) as dag:

        @task(retries=1, execution_timeout=dt.timedelta(minutes=5))
        def due() -> list[PlannedDates]:
            return windows(source, *interval(get_current_context()))

        @task(pool=pool_name(source), map_index_template=LABEL, execution_timeout=LONGEST_INGEST)
        def ingest(window: PlannedDates) -> IngestedDates:
            return ingest_window(source, window, get_current_context())

        @task(outlets=[raw(source)], map_index_template=LABEL, execution_timeout=dt.timedelta(minutes=5))
        def announce(outcome: Any) -> None:  # an IngestedDates, once it runs
            announce_change(source, outcome, get_current_context())

        @task_group
        def launch(window: PlannedDates) -> None:
            announce(ingest(window))

        launch.expand(window=due())
    return dag


def windows(source: Source, start: dt.datetime, end: dt.datetime) -> list[PlannedDates]:
    """The launches that have `source`, each with its local dates that ended in (start, end]; a launch without one is left out.

    A launch whose file is wrong is among them, by what its file said when it was last right: its task fails with the reason, the others
    go on. One that was never right may have any source and any zone, so it is among those of every source, with the UTC date.
    """
    with step():
        files = read_launches(load_settings().launches)
        known = {**files.launches, **_faulty(files)}
    found: list[PlannedDates] = []
    for launch_id, launch in known.items():
        if launch is None:
            dates = [(end - dt.timedelta(days=1)).astimezone(dt.UTC).date()]
        else:
            dates = dates_to_ingest(launch, start, end) if source in launch.sources else []
        if dates:
            found.append({"launch": launch_id, "first": dates[0].isoformat(), "last": dates[-1].isoformat()})
    listed = ", ".join(f"{window['launch']} {window['first']}..{window['last']}" for window in found)
    log.info("%s: %s", source, listed or "no launch has a date that ended in this interval")
    return found


def _faulty(files: LaunchFiles) -> dict[str, Launch | None]:
    """The launches whose files are wrong, as they were when last right (None: never). The faults are logged, and kept in ops."""
    from postlaunch.warehouse.config_sync import launches_to_review, record_faults

    if not files.faults:
        return {}
    for fault in files.faults:
        log.error("launch %s stands still, the others go on: %s", fault.launch_id, fault.reason)
    record_faults(files)
    before = launches_to_review(files)
    return {fault.launch_id: before.get(fault.launch_id) for fault in files.faults}


def ingest_window(source: Source, window: PlannedDates, context: Any) -> IngestedDates:
    """Ingest one launch: what was ingested, and whether there is something to build.

    While the API's limit is used up the task is rescheduled: its place in the pool goes to another, no retry and no time is lost.
    """
    from postlaunch.ingest import ingest
    from postlaunch.orchestration.coverage import waits_for_build
    from postlaunch.sources.call_budget import BudgetSpentError, plan, waits_at_most

    first, last = dt.date.fromisoformat(window["first"]), dt.date.fromisoformat(window["last"])
    with step():
        launch = load_launch(load_settings().launches, window["launch"])
    if source not in launch.sources:  # its file was wrong when the run began
        raise AirflowSkipException(f"launch {launch.launch} does not name {source}")
    try:
        with step(connection_id(launch, source)), waits_at_most(LONGEST_WAIT_SECONDS):
            noted(plan(source, launch, Dates(first, last)) or f"{source}: no limit of calls")
            result = ingest(
                source,
                launch,
                first,
                last,
                lookback=context["dag_run"].run_type != "backfill",  # a backfill names its days itself
                progress=log_progress(f"{source} {launch.launch}"),
            )
    except BudgetSpentError as error:
        log.info("%s; the task comes again then", error)
        come_again(error.wait_seconds)
    noted(result.summary)
    return {**window, "is_changed": result.is_changed or waits_for_build(launch, source)}


def announce_change(source: Source, outcome: IngestedDates, context: Any) -> None:
    """Emit the asset, or skip: without a change there is nothing to build.

    A task of its own, because a task that ends well always emits its outlets. An AssetAlias could be left empty instead, but when two tasks
    fill a new one at the same moment, Airflow 3.3 fails one of them.
    """
    if not outcome["is_changed"]:
        raise AirflowSkipException(f"nothing of {source} is to be built for {outcome['launch']} {outcome['first']}..{outcome['last']}")
    context["outlet_events"][raw(source)].extra = {"launch": outcome["launch"], "first": outcome["first"], "last": outcome["last"]}


def connection_id(launch: Launch, source: Source) -> str:
    """The connection that the launch file names for the source."""
    section = getattr(launch, source)
    return str(section.connection)
