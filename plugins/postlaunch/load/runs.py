"""Runs of ingest and load: a row in ops.ingest_runs, and a session that carries its number for exactly as long as it lives.

    dead runs are marked as killed, what they left unfinished is swept  ──>  running  ──>  succeeded | failed, with the reason

A session of PostgreSQL ends with its process, however that ends: a run that is marked as running and has no session is dead. Its name can
be read by all and borne only by logins that may load. Runs of other dates go on side by side; a run of the very same dates waits for the
one before it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from postlaunch.config.launch import Launch, Source
from postlaunch.dates import Dates
from postlaunch.errors import WarehouseError
from postlaunch.landing.resume import sweep
from postlaunch.landing.zone import Landing
from postlaunch.progress import Progress
from postlaunch.sources.registry import SPECS
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import take
from postlaunch.warehouse.refusals import reason_of

SESSION_NAME = "postlaunch ingest run "  # and the run's number: application_name of the session
_POLL_SECONDS = 1.0  # between two looks at what other runs have loaded
_SAME = "launch_id = %(launch)s and source = %(source)s"
_SAME_DATES = f"{_SAME} and first_date = %(first)s and last_date = %(last)s"

_SESSIONS = f"""
    sessions as (
        select pid, substr(application_name, {len(SESSION_NAME) + 1})::bigint as ingest_run_id
        from pg_stat_activity
        where
            datname = current_database() and application_name ~ '^{SESSION_NAME}\\d{{1,18}}$'
            and pg_has_role(usesysid, 'postlaunch_loader', 'member')
    )
"""  # noqa: S608

_KILL_DEAD = f"""
    with {_SESSIONS}
    update ops.ingest_runs as run
    set status = 'failed', error = 'the run was killed', ended_at = clock_timestamp()
    where
        {_SAME} and run.status = 'running'
        and not exists (select from sessions where sessions.ingest_run_id = run.ingest_run_id)
    returning first_date, last_date
"""  # noqa: S608  no input, only our own constants

_ALIVE = f"""
    with {_SESSIONS}
    select run.first_date, run.last_date, run.ingest_run_id, run.started_at, sessions.pid
    from ops.ingest_runs as run
    inner join sessions using (ingest_run_id)
    where {_SAME} and run.status = 'running'
"""  # noqa: S608

_UNFINISHED_SINCE = f"""
    select min(started_at) from ops.ingest_runs
    where
        {_SAME_DATES} and status = 'failed' and config_hash = %(config)s and started_at > clock_timestamp() - interval '1 day'
        and ingest_run_id > coalesce((select max(ingest_run_id) from ops.ingest_runs where {_SAME_DATES} and status = 'succeeded'), 0)
"""  # noqa: S608

# A run covers what was over when it began, dates in the zone of its time. A hole that ends more than a month before is left to a person.
# A date begins a second after the last one of the day before, also where the clocks change at midnight.
_UNCOVERED_FROM = """
    with stretches as (
        select unnest(range_agg(tstzrange(starts_at, ends_at))) as stretch
        from ops.ingest_runs
        cross join lateral (select coalesce(timezone, %(zone)s) as zone) as own
        cross join lateral (
            select
                ((first_date - interval '1 second') at time zone zone) + interval '1 second' as starts_at,
                least(((last_date + interval '23:59:59') at time zone zone) + interval '1 second', started_at) as ends_at
        ) as local
        where launch_id = %(launch)s and source = %(source)s and status = 'succeeded' and not is_reload and starts_at < ends_at
    ),

    covered as (
        select range_agg(daterange(first_day, over_until)) as days
        from stretches
        cross join lateral (
            select
                ((lower(stretch) - interval '1 microsecond') at time zone %(zone)s)::date + 1 as first_day,
                (upper(stretch) at time zone %(zone)s)::date as over_until
        ) as local
        where first_day < over_until
    )
    select min(lower(hole))
    from covered
    cross join unnest(datemultirange(daterange(least(lower(days), %(last)s), %(last)s)) - days) as hole
    where upper(hole) > %(last)s::date - 31
"""

_INSERT = """
    insert into ops.ingest_runs (launch_id, source, first_date, last_date, timezone, status, config_hash, is_reload)
    values (%(launch)s, %(source)s, %(first)s, %(last)s, %(timezone)s, 'running', %(config)s, %(is_reload)s)
    returning ingest_run_id
"""


@dataclass(frozen=True)
class Run:
    """`unfinished_since`: when runs of the same dates began to fail or be killed, within a day; None if the last one succeeded."""

    run_id: int
    unfinished_since: dt.datetime | None


@contextmanager
def recorded(
    source: Source, launch: Launch, dates: Dates, landing: Landing, progress: Progress, *, is_reload: bool = False
) -> Iterator[Run]:
    """The frame of a run: what is raised within becomes its reason. Raises WarehouseError."""
    values = {
        "launch": launch.launch,
        "source": source,
        "first": dates.first,
        "last": dates.last,
        "timezone": launch.timezone,
        "config": _config_hash(source, launch),
        "is_reload": is_reload,
    }
    with connect("loader", autocommit=True) as session:
        session.execute("select set_config('idle_session_timeout', '0', false), set_config('tcp_keepalives_idle', '60', false)")
        run = _begin(session, values, landing, progress)
        try:
            yield run
        except BaseException as error:
            with suppress(WarehouseError, psycopg.Error):  # the first fault is the one to show, even if the warehouse went with it
                _end(run, "failed", reason_of(error))
            raise
        _end(run, "succeeded", None)


def uncovered_from(source: Source, launch: Launch, last: dt.date) -> dt.date | None:
    """Where an outage began: the first date before `last`, and after the first run ever, that no run covers. None without one."""
    with connect("loader", autocommit=True) as session:
        values = {"launch": launch.launch, "source": source, "last": last, "zone": launch.timezone}
        found: dt.date | None = session.execute(_UNCOVERED_FROM, values).fetchall()[0][0]
        return found


def at_work(session: psycopg.Connection, launch_id: str, source: Source) -> list[str]:
    """The runs of a launch and source that live, in words."""
    found = session.execute(_ALIVE, {"launch": launch_id, "source": source}).fetchall()
    return [f"run {run} of {first}..{last} (session {pid}), since {since:%Y-%m-%d %H:%M} UTC" for first, last, run, since, pid in found]


def _begin(session: psycopg.Connection, values: dict[str, Any], landing: Landing, progress: Progress) -> Run:
    """Start one at a time: what is swept under this lock, no run has begun to write."""
    dates = Dates(values["first"], values["last"])
    dead: list[Dates] = []
    while True:
        with session.transaction():
            take(session, f"runs of {values['source']} {values['launch']}")
            dead += [Dates(*row) for row in session.execute(_KILL_DEAD, values)]
            alive = session.execute(_ALIVE, values).fetchall()
            rival = next((run for run in alive if run[:2] == dates), None)
            if rival is None:
                sweep(landing, SPECS[values["source"]].streams, values["launch"], [dates, *dead], [Dates(*run[:2]) for run in alive])
                return _start(session, values)
        progress(f"waiting for run {rival[2]} (session {rival[4]}), at work on the same dates since {rival[3]:%Y-%m-%d %H:%M} UTC", 0, None)
        time.sleep(_POLL_SECONDS)


def _start(session: psycopg.Connection, values: dict[str, Any]) -> Run:
    since = session.execute(_UNFINISHED_SINCE, values).fetchall()[0][0]
    run_id = session.execute(_INSERT, values).fetchall()[0][0]
    session.execute("select set_config('application_name', %s, false)", [f"{SESSION_NAME}{run_id}"])
    return Run(run_id, since)


def _end(run: Run, status: str, reason: str | None) -> None:
    with connect("loader", autocommit=True) as session:
        session.execute(
            "update ops.ingest_runs set status = %s, error = %s, ended_at = clock_timestamp() where ingest_run_id = %s",
            [status, reason, run.run_id],
        )


def _config_hash(source: Source, launch: Launch) -> str:
    text = f"{launch.timezone} {getattr(launch, source).model_dump_json()}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
