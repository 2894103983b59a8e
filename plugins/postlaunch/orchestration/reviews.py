"""The review DAGs: one factory, one DAG a kind of review.

    due (launch files, data interval or params)  ->  review[launch]: wait (marts cover the period, or cannot)  ->  deliver

Who is mailed, in `sending()`: a scheduled run mails, once a period; a backfill never; a manual run does what its form says.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from airflow.sdk import DAG, Param, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from postlaunch.config.connections import SMTP
from postlaunch.config.launch import Launch, ReviewKind
from postlaunch.config.load import read_launches
from postlaunch.config.settings import load_settings
from postlaunch.orchestration.coverage import missing_domains
from postlaunch.orchestration.defaults import CLOCKS, LABEL, RETRIES, START, come_again, interval, step
from postlaunch.orchestration.runs import BUILD_DAG, ingest_dag_id, is_busy

PATIENCE = dt.timedelta(minutes=60)
WAIT_SECONDS = 30.0  # between two looks at the marts

log = logging.getLogger(__name__)


class ReviewedPeriod(TypedDict):
    """What one mapped task group reviews: a launch and a period (`2026-03-31`, `2026-03`)."""

    launch: str
    period: str


class Sending(TypedDict):
    """Whether a run mails, and whether it does so although it was mailed before."""

    send: bool
    again: bool


def review_dag(dag_id: str, kind: ReviewKind, clock: str, periods: Callable[..., list[str]], doc_md: str) -> DAG:
    """A DAG that renders and mails one kind of review. `periods(launch, start, end)` names what ended in a data interval of the clock."""
    with DAG(
        dag_id=dag_id,
        doc_md=doc_md,
        schedule=CLOCKS[clock],
        start_date=START,
        catchup=False,
        max_active_runs=2,
        tags=["review", clock],
        default_args=RETRIES,
        params=form(),
    ) as dag:

        @task(retries=1, execution_timeout=dt.timedelta(minutes=5))
        def due() -> list[ReviewedPeriod]:
            return targets(kind, periods, get_current_context())

        @task(map_index_template=LABEL, execution_timeout=dt.timedelta(minutes=5))
        def wait(target: ReviewedPeriod) -> None:
            if not nothing_to_wait_for(kind, target, get_current_context()):
                come_again(WAIT_SECONDS)

        @task(map_index_template=LABEL)
        def deliver(target: ReviewedPeriod) -> str:
            return render_and_deliver(kind, target, get_current_context())

        @task_group
        def review(target: ReviewedPeriod) -> None:
            wait(target) >> deliver(target)

        review.expand(target=due())
    return dag


def form() -> dict[str, Param]:
    """The form of a manual run. Launches are text: nothing is read from files when a DAG is parsed."""
    return {
        "launch": Param(None, type=["null", "string"], title="Launch", description="Id of a launch file; empty: all that are due."),
        "period": Param(None, type=["null", "string"], title="Period", description="2026-03-31 or 2026-03; empty: the last that ended."),
        "recipients": Param(
            None, type=["null", "array"], items={"type": "string"}, title="Recipients", description="Empty: those of the launch file."
        ),
        "send": Param(False, type="boolean", title="Send", description="Mail it; otherwise it is only rendered."),
        "send_again": Param(False, type="boolean", title="Send again", description="Mail it even if this period was mailed before."),
    }


def sending(run_type: str, params: Any) -> Sending:
    """Whether this run mails: scheduled once, backfill never, manual as its form says."""
    if run_type == "scheduled":
        return {"send": True, "again": False}
    if run_type == "manual":
        return {"send": bool(params["send"]), "again": bool(params["send"] and params["send_again"])}
    return {"send": False, "again": False}


def targets(kind: ReviewKind, periods: Callable[..., list[str]], context: Any) -> list[ReviewedPeriod]:
    """Launches and periods of this run. Raises AirflowFailException if the form names a launch that has no file."""
    params, (start, end) = context["params"], interval(context)
    with step():
        chosen = [_launch(params["launch"])] if params["launch"] else [launch for launch in _launches().values() if asks_for(kind, launch)]
    if params["period"]:
        found: list[ReviewedPeriod] = [{"launch": launch.launch, "period": params["period"]} for launch in chosen]
    else:
        found = [{"launch": launch.launch, "period": period} for launch in chosen for period in periods(launch, start, end)]
    listed = ", ".join(f"{target['launch']} {target['period']}" for target in found)
    log.info("to review: %s", listed or "no launch has a period that ended in this interval")
    return found


def asks_for(kind: ReviewKind, launch: Launch) -> bool:
    """A launch file that mails other reviews, and not this kind, does not. One that mails none is not left out: its task says so."""
    return kind in launch.reviews.recipients or not launch.reviews.recipients


def nothing_to_wait_for(kind: ReviewKind, target: ReviewedPeriod, context: Any) -> bool:
    """Whether the review can be made now: the marts cover its period, or what is late will not come (or not within the hour).

    Manual runs and backfills do not wait: they show what there is.
    """
    run, instance = context["dag_run"], context["ti"]
    if run.run_type != "scheduled":
        return True
    launch, day = _launch_and_last_day(kind, target)
    is_building = is_busy(instance, BUILD_DAG)
    with step():
        waiting, given_up = missing_domains(launch, day, lambda source: is_building or is_busy(instance, ingest_dag_id(source)))
    out_of_patience = dt.datetime.now(dt.UTC) - (run.start_date or run.run_after) > PATIENCE
    if waiting and not out_of_patience:
        log.info("waiting for %s", "; ".join(f"{domain} ({reason})" for domain, reason in waiting.items()))
        return False
    for domain, reason in {**given_up, **waiting}.items():
        log.warning("%s goes on without %s up to %s: %s", launch.launch, domain, day, reason)
    return True


def render_and_deliver(kind: ReviewKind, target: ReviewedPeriod, context: Any) -> str:
    """Render the review from the published marts, and mail it if this run is one that mails. Returns what was done."""
    from postlaunch.reviews import deliver, render

    launch, _ = _launch_and_last_day(kind, target)
    plan = sending(context["dag_run"].run_type, context["params"])
    recipients = context["params"]["recipients"] or list(launch.reviews.recipients.get(kind, ()))
    if plan["send"] and not recipients:
        raise AirflowFailException(f"launch {launch.launch}: reviews.recipients.{kind} is missing in its launch file: nobody to mail to")
    with step(SMTP):
        if not plan["send"]:
            review = render(kind, launch, target["period"], out=_folder())
            return f"{review.subject}: not mailed, {', '.join(str(path) for path in review.paths)}"
        review = render(kind, launch, target["period"])
        delivery = deliver(review, recipients, again=plan["again"])
    return f"{review.subject}: " + (delivery.summary if delivery else "was mailed before")


def _folder() -> Path:
    """Where this worker keeps what a run renders but does not mail."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "reviews"


def _launch_and_last_day(kind: ReviewKind, target: ReviewedPeriod) -> tuple[Launch, dt.date]:
    from postlaunch.reviews.period import parse_period

    with step():
        launch = _launch(target["launch"])
        return launch, parse_period(kind, target["period"], launch).end


def _launches() -> dict[str, Launch]:
    """Those to review: a wrong launch file stops the ingests of its launch, and the review is where its readers learn of it."""
    from postlaunch.warehouse.config_sync import launches_to_review

    files = read_launches(load_settings().launches)
    for fault in files.faults:
        log.error("%s is reviewed by the last launch file that was right: %s", fault.launch_id, fault.reason)
    return launches_to_review(files)


def _launch(launch_id: str) -> Launch:
    launches = _launches()
    return launches[launch_id] if launch_id in launches else read_launches(load_settings().launches).require(launch_id)
