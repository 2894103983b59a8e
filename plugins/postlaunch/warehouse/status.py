"""What a reader may rely on: each domain of a launch is fresh, held (by the gate or by its source) or late, as of a date.

Reviews build on published marts only; this says what those marts do not cover, since when and why.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import psycopg

from postlaunch.config.launch import DOMAIN_SOURCE, Launch, Source
from postlaunch.kpis.catalogue import Domain

State = Literal["fresh", "held", "late"]

_GATE = """
select covered_through, held_since, held_from_date, held_reason
from ops.domain_status
where launch_id = %s and domain = %s
"""

_FAILURE = """
with runs as (
    select ingest_run_id, status, started_at, error
    from ops.ingest_runs
    where
        launch_id = %(launch_id)s
        and source = %(source)s
        and status <> 'running'
        and first_date <= %(period_end)s
        and last_date > coalesce(%(covered_through)s, date '-infinity')
)

select failed.started_at, newest.error
from (select * from runs order by ingest_run_id desc limit 1) as newest
inner join runs as failed on failed.status = 'failed'
where
    newest.status = 'failed'
    and not exists (select from runs as later where later.status = 'succeeded' and later.ingest_run_id > failed.ingest_run_id)
order by failed.ingest_run_id
limit 1
"""


@dataclass(frozen=True)
class DomainStatus:
    """`covered_through` is the last published date (None: nothing is). `since` and `reason` are None while fresh."""

    domain: Domain
    state: State
    since: dt.datetime | None
    covered_through: dt.date | None
    reason: str | None


def domain_status(session: psycopg.Connection, launch: Launch, period_end: dt.date, now: dt.datetime | None = None) -> list[DomainStatus]:
    """State of every domain that the launch fills, for a review of a period that ends with `period_end` (inclusive, launch's zone).

    A date is late when it is over (as of `now`; None: the clock) and not there; what has not passed yet is missed by nobody.
    """
    moment = now or dt.datetime.now(dt.UTC)
    over = moment.astimezone(launch.zone).date() - dt.timedelta(days=1)
    return [_status(session, launch, domain, min(period_end, over)) for domain in launch.domains]


def _status(session: psycopg.Connection, launch: Launch, domain: Domain, period_end: dt.date) -> DomainStatus:
    row = session.execute(_GATE, [launch.launch, domain]).fetchone() or (None, None, None, None)
    covered_through, held_since, held_from_date, held_reason = row
    if held_since is not None and (held_from_date is None or held_from_date <= period_end):
        return DomainStatus(domain, "held", held_since, covered_through, held_reason)
    source = DOMAIN_SOURCE[domain]
    if covered_through is not None and covered_through >= period_end:
        return DomainStatus(domain, "fresh", None, covered_through, None)
    failure = _failure(session, launch.launch, source, covered_through, period_end)
    if failure is not None:
        since, error = failure
        return DomainStatus(domain, "held", since, covered_through, f"{source} could not be ingested: {error or 'no message was kept'}")
    return _late(launch, domain, source, covered_through, period_end)


def _late(launch: Launch, domain: Domain, source: Source, covered_through: dt.date | None, period_end: dt.date) -> DomainStatus:
    if covered_through is None:
        return DomainStatus(domain, "late", None, None, f"nothing from {source} was published yet")
    missing = covered_through + dt.timedelta(days=1)
    text = f"{missing}" if missing == period_end else f"{missing} to {period_end}"
    return DomainStatus(
        domain, "late", launch.day_start(missing + dt.timedelta(days=1)), covered_through, f"no {source} data for {text} yet"
    )


def _failure(
    session: psycopg.Connection, launch_id: str, source: Source, covered_through: dt.date | None, period_end: dt.date
) -> tuple[dt.datetime, str | None] | None:
    """Start of the unbroken row of failures that leads to now, and the newest error; None if the last run succeeded or there was none."""
    fields = {"launch_id": launch_id, "source": source, "covered_through": covered_through, "period_end": period_end}
    row = session.execute(_FAILURE, fields).fetchone()
    return (row[0], row[1]) if row else None
