"""The pipeline at this moment, for `postlaunch status`: what readers see of each domain, what is held and why, what is at work."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from psycopg.rows import class_row

from postlaunch.load.runs import SESSION_NAME
from postlaunch.marts.dbt_run import APPLICATION_NAME
from postlaunch.warehouse.db import connect

# A launch that is configured and was never published has rows too: nothing is published of it.
_DOMAINS = """
select
    launches.launch_id,
    sources.domain,
    status.covered_through,
    runs.newest_success_at as ingested_at,
    status.held_since,
    status.held_from_date,
    status.held_reason
from config.launches as launches
inner join ops.domain_sources as sources on jsonb_typeof(launches.spec -> sources.source) = 'object'
left join ops.domain_status as status on launches.launch_id = status.launch_id and sources.domain = status.domain
left join lateral (
    select max(ended_at) as newest_success_at
    from ops.ingest_runs
    where launch_id = launches.launch_id and source = sources.source and status = 'succeeded'
) as runs on true
order by launches.launch_id, sources.domain
"""

_WORK = """
with sessions as (
    select application_name, min(pid) as pid
    from pg_stat_activity
    where datname = current_database() and pg_has_role(usesysid, 'postlaunch_loader', 'member')
    group by application_name
)

select
    format('ingest %%s of %%s, %%s to %%s', runs.source, runs.launch_id, runs.first_date, runs.last_date) as what,
    runs.started_at as since,
    sessions.pid
from ops.ingest_runs as runs
left join sessions on sessions.application_name = %(ingest)s || runs.ingest_run_id
where runs.status = 'running'
union all
select
    format('build %%s', builds.build_id) as what,
    builds.started_at as since,
    (select min(pid) from sessions where application_name = any(%(build)s)) as pid
from ops.builds as builds
where builds.status = 'running'
order by since
"""


@dataclass(frozen=True)
class DomainState:
    """`covered_through` is the last published date, `ingested_at` the last ingest that succeeded; None: there was none."""

    launch_id: str
    domain: str
    covered_through: dt.date | None
    ingested_at: dt.datetime | None
    held_since: dt.datetime | None
    held_from_date: dt.date | None
    held_reason: str | None


@dataclass(frozen=True)
class Work:
    """Something that is marked as running; `pid`: the session of PostgreSQL that does it, None if there is none."""

    what: str
    since: dt.datetime
    pid: int | None


def pipeline_state() -> tuple[list[DomainState], list[Work]]:
    """Every domain of every launch, and every ingest and build that is under way. Raises ConfigError or WarehouseError."""
    with connect("reporter") as session:
        domains = session.cursor(row_factory=class_row(DomainState)).execute(_DOMAINS).fetchall()
        sessions = {"ingest": SESSION_NAME, "build": [APPLICATION_NAME, "postlaunch build"]}
        return domains, session.cursor(row_factory=class_row(Work)).execute(_WORK, sessions).fetchall()


def launch_faults() -> list[tuple[str, str, dt.datetime]]:
    """Launches that stand still because of their file: which, why, since when."""
    with connect("reporter") as session:
        return session.execute("select launch_id, reason, since from ops.launch_faults order by launch_id").fetchall()
