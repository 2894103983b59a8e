"""The ingest DAGs: one factory, one DAG a source.

due (launch files, data interval)  ->  ingest[launch], ingest[launch], ...  ->  asset raw_<source>, if something changed
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, TypedDict

from airflow.sdk import DAG, get_current_context, task

from postlaunch.config.launch import Launch, Source
from postlaunch.config.load import load_launch, load_launches
from postlaunch.config.settings import load_settings
from postlaunch.orchestration.assets import changes, raw
from postlaunch.orchestration.defaults import NIGHTLY, RETRIES, START, interval, log_progress, plain, step
from postlaunch.orchestration.pools import pool_name
from postlaunch.orchestration.windows import dates_to_ingest

log = logging.getLogger(__name__)


class Window(TypedDict):
    """What one mapped task ingests: a launch and its inclusive local dates, as text."""

    launch: str
    first: str
    last: str


def ingest_dag(source: Source, doc_md: str) -> DAG:
    """The nightly DAG that ingests `source` for every launch that has it."""
    with DAG(
        dag_id=f"ingest_{source}",
        doc_md=doc_md,
        schedule=NIGHTLY,
        start_date=START,
        catchup=False,
        max_active_runs=4,
        tags=["ingest", source, "nightly"],
        default_args=RETRIES,
    ) as dag:

        @task(retries=1, execution_timeout=dt.timedelta(minutes=5))
        def due() -> list[Window]:
            return windows(source, *interval(get_current_context()))

        @task(
            pool=pool_name(source),
            outlets=[changes(source)],
            map_index_template="{{ task.op_kwargs['window']['launch'] }}",
        )
        def ingest(window: Window) -> str:
            return ingest_window(source, window, get_current_context())

        ingest.expand(window=due())
    return dag


def windows(source: Source, start: dt.datetime, end: dt.datetime) -> list[Window]:
    """The launches that have `source`, each with its local dates that ended in (start, end]; a launch without one is left out."""
    with step():
        launches = load_launches(load_settings().launches)
    found: list[Window] = []
    for launch in launches.values():
        dates = dates_to_ingest(launch, start, end) if source in launch.sources else []
        if dates:
            found.append({"launch": launch.launch, "first": dates[0].isoformat(), "last": dates[-1].isoformat()})
    listed = ", ".join(f"{window['launch']} {window['first']}..{window['last']}" for window in found)
    log.info("%s: %s", source, listed or "no launch has a date that ended in this interval")
    return found


def ingest_window(source: Source, window: Window, context: Any) -> str:
    """Ingest one launch; emits the asset if that changed the warehouse. Returns the summary."""
    from postlaunch.ingest import ingest

    with step():
        launch = load_launch(load_settings().launches, window["launch"])
    with step(connection_id(launch, source)):
        result = ingest(
            source,
            launch,
            dt.date.fromisoformat(window["first"]),
            dt.date.fromisoformat(window["last"]),
            lookback=context["dag_run"].run_type != "backfill",  # a backfill names its days itself
            progress=log_progress(f"{source} {launch.launch}"),
        )
    if result.is_changed:
        context["outlet_events"][changes(source)].add(raw(source), extra=dict(window))
    return plain(result.summary)


def connection_id(launch: Launch, source: Source) -> str:
    """The connection that the launch file names for the source."""
    section = getattr(launch, source)
    return str(section.connection)
