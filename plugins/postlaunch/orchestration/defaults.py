"""What all DAGs share: owner, tags, the nightly clock, retries, and the frame in which a task calls the library."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from airflow.sdk import BaseHook, CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowRescheduleException

from postlaunch.config.connections import WAREHOUSE, variable_name
from postlaunch.config.launch import SOURCES
from postlaunch.errors import ConfigError, SourceAuthError
from postlaunch.warehouse.refusals import warehouse_errors

OWNER = "postlaunch"
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)  # how far back a backfill may go; older history is loaded by `postlaunch ingest`
NIGHTLY = CronDataIntervalTimetable("0 6 * * *", timezone="UTC")
CLOCKS = {
    "nightly": NIGHTLY,
    # On the second: a month ends on the first at 10:00 UTC in Honolulu, so by then every zone's last day is ingested.
    "monthly": CronDataIntervalTimetable("0 6 2 * *", timezone="UTC"),
}
UPKEEP = CronDataIntervalTimetable("0 14 * * 0", timezone="UTC")  # Sundays, when the night's builds are long done
TAGS = frozenset({"ingest", "build", "review", "upkeep", *SOURCES, *CLOCKS})
RETRIES: dict[str, Any] = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": dt.timedelta(minutes=2),
    "retry_exponential_backoff": True,
    "max_retry_delay": dt.timedelta(minutes=15),
    "execution_timeout": dt.timedelta(hours=1),
}
LABEL = "{{ task.op_args[0]['launch'] }}"  # names a mapped task, whose only argument is a dictionary with its launch
_PROGRESS_SECONDS = 5.0  # between two lines of a task's log about the same thing

log = logging.getLogger(__name__)


@contextlib.contextmanager
def step(*conn_ids: str) -> Iterator[None]:
    """The frame of a task: connections where the library looks for them, and no retry of what a retry cannot fix.

    Raises AirflowFailException in place of ConfigError and SourceAuthError. Every other error passes, to be retried; what PostgreSQL
    refuses as a WarehouseError of one line.
    """
    export_connections(WAREHOUSE, *conn_ids)
    try:
        with warehouse_errors():
            yield
    except (ConfigError, SourceAuthError) as error:
        raise AirflowFailException(str(error)) from None


def come_again(seconds: float) -> NoReturn:
    """Give the place of this task to another and run it again in so many seconds; no retry is used up.

    A task instead of a sensor: the sensor of Airflow's standard provider warns of its own imports at every start. Raises
    AirflowRescheduleException, always.
    """
    raise AirflowRescheduleException(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))  # type: ignore[no-untyped-call]


def export_connections(*conn_ids: str) -> None:
    """Show the library connections that live in Airflow's database or a secrets backend: as AIRFLOW_CONN_* of this process.

    A variable that is set already stays as it is. An unknown connection is left to the library, whose error names the variable.
    """
    for conn_id in conn_ids:
        try:
            connection = BaseHook.get_connection(conn_id)  # also makes Airflow mask the password in the logs
        except AirflowNotFoundException:
            continue
        names = ("conn_type", "host", "port", "login", "password", "schema")
        fields = {name: getattr(connection, name) for name in names}
        os.environ.setdefault(variable_name(conn_id), json.dumps({**fields, "extra": connection.extra_dejson}))


def log_progress(prefix: str) -> Callable[[str, int, int | None], None]:
    """A progress callback that writes a log line when the message changes, and otherwise every five seconds."""
    said: dict[str, float] = {}

    def report(message: str, completed: int, total: int | None) -> None:
        now = time.monotonic()
        if now - said.get(message, -_PROGRESS_SECONDS) < _PROGRESS_SECONDS:
            return
        said.clear()
        said[message] = now
        log.info("%s: %s %s%s", prefix, message, completed, f" of {total}" if total is not None else "")

    return report


def noted(summary: str) -> str:
    """A summary of the library, for the task log and as the task's result."""
    log.info(summary)
    return summary


def interval(context: Any) -> tuple[dt.datetime, dt.datetime]:
    """The data interval of a run; for a run without one (triggered without a date), the day before it."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is not None and end is not None:
        return start, end
    moment: dt.datetime = context["dag_run"].run_after
    return moment - dt.timedelta(days=1), moment
