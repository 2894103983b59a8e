"""The build: every date whose raw data changed since the last one, made again in schema `build`.

    ops.partition_loads (dirty) ─┐
    config.launches (changed) ───┴─> start_build ──> ops.builds, ops.build_dates ──> dbt ──> finish_build ──> ops.domain_builds

A load is dirty until a build that succeeded has taken it in. start_build marks the loads it takes, so that what arrives while dbt
runs waits for the next build; a build that fails, or dies and is found dead by the next one, gives its loads back. A launch file
that changed since the last build makes all dates of its launch dirty, a merge of two Mixpanel ids the dates of the one that is known by
another name now (warehouse/identities.py). Airflow calls the three steps as tasks, `build()` calls them
in one session that holds the lock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.config.load import read_launches
from postlaunch.config.settings import load_settings
from postlaunch.errors import BuildError, ConfigError, LockedError
from postlaunch.warehouse.config_sync import sync_launches
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.dbt_run import APPLICATION_NAME, Progress, dbt_environment, run_dbt
from postlaunch.warehouse.identities import resolve_identities
from postlaunch.warehouse.locks import held

__all__ = ["BuildResult", "build", "dbt_environment", "finish_build", "start_build"]

LOCK = "build"

log = logging.getLogger(__name__)

# A launch changed since the last build that succeeded began; loaded dates of a source that has only windows are those of its windows.
# A record may be older than every window that was loaded, or have changed after them (a ticket that comes up again with its whole past):
# such dates have no marts to make again, so ranges are cut to what is loaded, and keep at least one date.
_DIRTY_DATES = """
insert into ops.build_dates (build_id, launch_id, source, metric_date)
with changed_launches as (
    select launch_id
    from config.launches
    where synced_at > (select max(started_at) from ops.builds where status = 'succeeded')
),

windows as (
    select
        loads.launch_id,
        loads.source,
        coalesce(loads.partition_date, (loads.window_start_at at time zone launches.timezone)::date) as first_date,
        coalesce(loads.partition_date, (loads.window_end_at at time zone launches.timezone)::date - 1) as last_date
    from ops.partition_loads as loads
    inner join config.launches as launches on loads.launch_id = launches.launch_id
),

loaded as (
    select launch_id, source, min(first_date) as first_date, max(last_date) as last_date
    from windows
    group by launch_id, source
),

ranges as (
    select
        loads.launch_id,
        loads.source,
        least(greatest(coalesce(loads.partition_date, loads.first_dirty_date), loaded.first_date), loaded.last_date) as first_date,
        greatest(least(coalesce(loads.partition_date, loads.last_dirty_date), loaded.last_date), loaded.first_date) as last_date
    from ops.partition_loads as loads
    inner join loaded on loads.launch_id = loaded.launch_id and loads.source = loaded.source
    where loads.build_id = %(build_id)s
    union
    select launch_id, source, first_date, last_date
    from windows
    where %(full_refresh)s or launch_id in (select launch_id from changed_launches)
)

select distinct %(build_id)s::bigint, ranges.launch_id, ranges.source, day::date
from ranges
cross join lateral generate_series(ranges.first_date::timestamp, ranges.last_date::timestamp, interval '1 day') as day
"""

_TAKE_LOADS = "update ops.partition_loads set build_id = %s where build_id is null and is_changed"

_DOMAIN_BUILDS = """
insert into ops.domain_builds (build_id, launch_id, domain, first_date, last_date)
select dates.build_id, dates.launch_id, domains.domain, min(dates.metric_date), max(dates.metric_date)
from ops.build_dates as dates
inner join unnest(%(domains)s::text[], %(sources)s::text[]) as domains (domain, source) on dates.source = domains.source
where dates.build_id = %(build_id)s
group by dates.build_id, dates.launch_id, domains.domain
"""


@dataclass(frozen=True)
class BuildResult:
    """`build_id` is None when nothing was dirty; `models` counts dbt models, `seconds` is the whole build."""

    build_id: int | None
    models: int
    seconds: float

    @property
    def summary(self) -> str:
        """For the command line and the task log."""
        if self.build_id is None:
            return "nothing to build: no raw data and no launch file changed since the last build"
        return f"build {self.build_id}: {self.models} models in {self.seconds:.1f} s"


def build(full_refresh: bool = False, progress: Progress | None = None) -> BuildResult:
    """Build what is dirty, or everything. Calls progress(done, total, node) as dbt goes.

    Raises BuildError if dbt fails (the loads stay dirty) or if another build is running, ConfigError for a bad launch file.
    """
    started = time.monotonic()
    with _lock() as session:
        _refuse_if_one_has_just_started(session)
        build_id = _start(session, full_refresh)
        if build_id is None:
            return BuildResult(None, 0, time.monotonic() - started)
        try:
            models = run_dbt(full_refresh=full_refresh, progress=progress)
        except BaseException:
            with session.transaction():
                _fail(session, [build_id])
            raise
        _finish(session, build_id)
    return BuildResult(build_id, models, time.monotonic() - started)


def start_build(full_refresh: bool = False) -> int | None:
    """Sync the launch files and take what is dirty into a new build. Returns its id, None if nothing is dirty.

    A build that is still marked as running is dead if no dbt is connected: it is marked failed and its loads are taken.
    Raises BuildError if one is alive.
    """
    with _lock() as session:
        return _start(session, full_refresh)


def finish_build(build_id: int | None = None) -> None:
    """Close a build (None: the one that is running) after dbt has made all its models; its domains then wait for the audit.

    Raises BuildError if it is not running: it was never started, or another build took it for dead.
    """
    with _lock() as session:
        _finish(session, _running(session) if build_id is None else build_id)


@contextmanager
def _lock() -> Iterator[psycopg.Connection]:
    """A session of the transformer that holds the lock of builds. Raises BuildError if another holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held("transformer", LOCK))
        except LockedError as error:
            raise BuildError(f"another build is running: wait until it has ended ({error})") from None
        yield stack.enter_context(connect("transformer", autocommit=True))


def _start(session: psycopg.Connection, full_refresh: bool) -> int | None:
    _refuse_if_dbt_is_running(session)
    _sync_launch_files()
    with session.transaction() as transaction:
        dead = session.execute("select build_id from ops.builds where status = 'running'").fetchall()
        _fail(session, [row[0] for row in dead])
        row = session.execute(
            "insert into ops.builds (status, is_full_refresh) values ('running', %s) returning build_id", [full_refresh]
        ).fetchone()
        assert row is not None  # noqa: S101  # insert ... returning gives a row or raises
        build_id = int(row[0])
        session.execute(_TAKE_LOADS, [build_id])
        dates = session.execute(_DIRTY_DATES, {"build_id": build_id, "full_refresh": full_refresh}).rowcount
        if dates == 0:
            raise psycopg.Rollback(transaction)
        resolve_identities(session, build_id, full_refresh)
        return build_id
    with session.transaction():
        _fail(session, [row[0] for row in dead])
    return None


def _sync_launch_files() -> None:
    """Raises ConfigError only if no launch file is right: a wrong one costs its own launch."""
    files = read_launches(load_settings().launches)
    faults = sync_launches(files.launches, files.faults)
    for fault in faults:
        log.error("launch %s stands still, the others go on: %s", fault.launch_id, fault.reason)
    if not files.launches:
        raise ConfigError("\n".join(fault.reason for fault in faults))


def _finish(session: psycopg.Connection, build_id: int) -> None:
    domains = list(DOMAIN_SOURCE)
    with session.transaction():
        closed = session.execute(
            "update ops.builds set status = 'succeeded', ended_at = clock_timestamp() where build_id = %s and status = 'running'",
            [build_id],
        ).rowcount
        if closed != 1:
            raise BuildError(f"build {build_id} is not running any more: another build took it over; run `postlaunch build` again")
        session.execute(
            _DOMAIN_BUILDS, {"build_id": build_id, "domains": domains, "sources": [DOMAIN_SOURCE[domain] for domain in domains]}
        )


def _fail(session: psycopg.Connection, build_ids: list[int]) -> None:
    """Mark builds as failed and give their loads back."""
    session.execute("update ops.builds set status = 'failed', ended_at = clock_timestamp() where build_id = any(%s)", [build_ids])
    session.execute("update ops.partition_loads set build_id = null where build_id = any(%s)", [build_ids])


def _running(session: psycopg.Connection) -> int:
    row = session.execute("select max(build_id) from ops.builds where status = 'running'").fetchone()
    if row is None or row[0] is None:
        raise BuildError("no build is running: run `postlaunch build`, or trigger build_marts from its first task")
    return int(row[0])


def _refuse_if_one_has_just_started(session: psycopg.Connection) -> None:
    """Airflow opens a build some seconds before its dbt connects, and then there is neither lock nor session to see."""
    row = session.execute(
        "select max(build_id) from ops.builds where status = 'running' and started_at > clock_timestamp() - interval '2 minutes'"
    ).fetchone()
    if row and row[0] is not None:
        raise BuildError(f"build {row[0]} has just started: wait until it has ended; one that died may be taken over after two minutes")


def _refuse_if_dbt_is_running(session: psycopg.Connection) -> None:
    """Outside Airflow the lock tells that a build is alive; one of Airflow shows by the sessions of its dbt."""
    row = session.execute(
        "select min(pid) from pg_stat_activity where datname = current_database() and application_name = %s", [APPLICATION_NAME]
    ).fetchone()
    if row and row[0] is not None:
        raise BuildError(f"dbt is at work in this warehouse (session {row[0]}): wait until it has ended")
