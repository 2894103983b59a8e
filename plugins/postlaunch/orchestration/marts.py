"""The tasks of `build_marts`: wait for the ingests, build, audit, publish.

One task builds: it holds the lock of builds, and with it dbt's process, from the first model to the last. Each model is a line of its log.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from airflow.sdk import get_current_context

from postlaunch.config.launch import SOURCES
from postlaunch.orchestration.defaults import come_again, noted, step
from postlaunch.orchestration.runs import Pace, ingest_pace

# How long after the last load an ingest is still waited for. Between two tasks of a run, or two runs of a backfill, lie seconds.
_PATIENCE: dict[Pace, dt.timedelta] = {"works": dt.timedelta(minutes=10), "between tasks": dt.timedelta(minutes=1)}
SETTLE_SECONDS = 10.0  # between two looks at the ingests; each look starts a task, about a CPU second
LONGEST_SETTLE = dt.timedelta(hours=4)  # then what a long backfill has brought by now is built
LONGEST_BUILD = dt.timedelta(hours=4)  # the first build of a long history

log = logging.getLogger(__name__)


def wait_for_ingests() -> None:
    """End when it is time to build, else come again in a moment."""
    if not ingests_have_settled():
        come_again(SETTLE_SECONDS)


def ingests_have_settled() -> bool:
    """Whether to build now: no ingest works, or none has brought anything for a while, or they have been waited for long enough.

    So the days of a backfill cost one build. A task that waits for its retry or for an API's limit keeps nobody waiting: what it
    brings later is a build of its own.
    """
    from postlaunch.warehouse.db import connect

    context = get_current_context()
    paces = {source: ingest_pace(context["ti"], source) for source in SOURCES}
    patience = max((_PATIENCE.get(pace, dt.timedelta()) for pace in paces.values()), default=dt.timedelta())
    if not patience:
        return True
    with step(), connect("transformer") as session:
        row = session.execute("select max(loaded_at) from ops.partition_loads").fetchone()
    started = context["dag_run"].start_date or context["dag_run"].run_after
    quiet = dt.datetime.now(dt.UTC) - max(started, row[0] if row and row[0] else started)
    log.info("%s; nothing was loaded for %d s", ", ".join(f"{source} {pace}" for source, pace in paces.items()), quiet.total_seconds())
    return quiet > patience or dt.datetime.now(dt.UTC) - started > LONGEST_SETTLE


def build_dirty_dates() -> dict[str, Any] | None:
    """Build every date whose raw data changed. Returns the models with their seconds, or None: there is nothing to audit and publish.

    What an earlier run built and could not publish, because it died between the two, is published by this one.
    """
    from postlaunch.marts.build import build
    from postlaunch.marts.publish import waits_for_publication

    with step():
        result = build(progress=_log_node)
        noted(result.summary)
        if result.build_id is None and not waits_for_publication():
            return None
    return {"build_id": result.build_id, "seconds": round(result.seconds, 1), "models": {node.name: node.seconds for node in result.nodes}}


def _log_node(node: Any) -> None:
    level = logging.INFO if node.status == "success" else logging.WARNING
    log.log(level, "%2d of %d  %-7s  %6.2f s  %s", node.number, node.total, node.status, node.seconds, node.name)


def run_audit() -> str:
    """The gate over what was built. A failed expectation holds its domain and is not an error."""
    from postlaunch.quality import audit

    with step():
        return noted(audit().summary)


def run_publish() -> str:
    """Publish what passed, in one transaction."""
    from postlaunch.marts.publish import publish

    with step():
        return noted(publish().summary)
