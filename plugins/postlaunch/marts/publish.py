"""Publication: marts.* become what build.* says, for every launch and domain that passed the gate, in one transaction.

    ops.gate_results ──> verdicts ──> passed: rows of build.<table> replace those of marts.<table> ──> ops.publications, ops.domain_builds
                                 └──> held: nothing moves ──────────────────────────────────────────> ops.domain_status (since when, why)

Readers see all marts of one publication or all of the one before: rows are deleted and inserted, never truncated, and both are
visible at the commit only. A number is spent only if something is published. Rows that did not change are not touched, and rows that no
build has written since the last publication are not even compared. A table whose columns change is taken only while nobody reads it, so
that no reader ever waits behind a publication that waits for another reader.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from postlaunch.config.settings import load_settings
from postlaunch.errors import GateError, LockedError, WarehouseError
from postlaunch.marts.rows import MARTS, SCORECARD, Grain, Pairs, ensure_grain_index, ensure_table, replace_rows, reshaped
from postlaunch.marts.tables import mart_tables
from postlaunch.marts.vacuum import vacuum_dead_rows
from postlaunch.quality.invariants import load_models
from postlaunch.quality.scope import newest_build
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import BUILD_LOCK, held, seize, take
from postlaunch.warehouse.refusals import refusal

LOCK = "publish"
PATIENCE_SECONDS = 120.0  # a publication before this one takes seconds
SHAPE_SECONDS = 60.0  # how long a publication tries to get the tables whose columns change; nobody waits meanwhile
REASONS = 3  # of a held domain, in one line
XIDS_APART = 2**31  # numbers of transactions go round: further apart it is not known which one came first

_VERDICTS = """
with pending as (
    select launch_id, domain, min(first_date) as first_date, max(last_date) as last_date
    from ops.domain_builds
    where publication_id is null
    group by launch_id, domain
),

newest as (
    select launch_id, domain, max(audited_at) as audited_at
    from ops.gate_results
    where build_id = %(build_id)s
    group by launch_id, domain
),

failures as (
    select
        results.launch_id,
        results.domain,
        count(*) filter (where not results.is_passed and results.severity = 'critical') as failed_count,
        array_agg(results.observed ->> 'text' order by results.gate_result_id)
            filter (where not results.is_passed and results.severity = 'critical') as texts
    from ops.gate_results as results
    inner join newest using (launch_id, domain, audited_at)
    where results.build_id = %(build_id)s
    group by results.launch_id, results.domain
)

select
    launch_id,
    domain,
    coalesce(pending.first_date, status.held_from_date, status.covered_through) as first_date,
    coalesce(pending.last_date, status.covered_through) as last_date,
    pending.launch_id is not null as is_pending,
    failures.failed_count,
    coalesce(failures.texts, '{}') as texts
from pending
full join failures using (launch_id, domain)
left join ops.domain_status as status using (launch_id, domain)
order by launch_id, domain
"""

_UNSETTLED = """
with newest_build as (
    select build_id from ops.builds order by build_id desc limit 1
),

pending as (
    select distinct launch_id, domain from ops.domain_builds where publication_id is null
),

results as (
    select *, max(audited_at) over (partition by launch_id, domain) as newest_at
    from ops.gate_results
    where build_id = (select build_id from newest_build)
),

held as (
    select distinct launch_id, domain
    from results
    inner join ops.domain_status as status using (launch_id, domain)
    where audited_at = newest_at and not is_passed and severity = 'critical' and held_since is not null
)

select exists (select from pending where (launch_id, domain) not in (select launch_id, domain from held))
"""


@dataclass(frozen=True)
class AuditState:
    """What the newest audit says of one launch and domain; `texts` are the reasons why it is held."""

    launch_id: str
    domain: str
    first_date: dt.date
    last_date: dt.date
    is_pending: bool
    failed_count: int | None
    texts: list[str]

    @property
    def reason(self) -> str:
        """The first reasons, for a review; all of them are in ops.gate_results."""
        more = len(self.texts) - REASONS
        return "; ".join(self.texts[:REASONS]) + (f"; and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class PublishResult:
    """`publication_id` is None when nothing was published; published and held are (launch, domain), held with the reason."""

    publication_id: int | None
    published: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str, str], ...]

    @property
    def summary(self) -> str:
        """For the command line and the task log."""
        lines = [f"publication {self.publication_id}" if self.publication_id else "nothing to publish"]
        lines += [f"  {launch_id} {domain}: published" for launch_id, domain in self.published]
        lines += [f"  {launch_id} {domain}: held: {reason}" for launch_id, domain, reason in self.held]
        return "\n".join(lines)


def publish() -> PublishResult:
    """Publish what passed the newest audit and note what is held.

    Raises GateError if a build was not audited or is unfinished (nothing is published then), WarehouseError if PostgreSQL refuses.
    """
    try:
        with _transaction() as session:
            build_id = newest_build(session)
            verdicts = _verdicts(session, build_id) if build_id else []
            passed = [verdict for verdict in verdicts if not verdict.failed_count]
            held = [verdict for verdict in verdicts if verdict.failed_count]
            pending = [verdict for verdict in passed if verdict.is_pending]
            publication_id = _publish(session, int(build_id), pending) if build_id and pending else None
            _release(session, passed)
            _hold(session, held)
    except psycopg.Error as error:
        raise WarehouseError(f"publication rolled back, readers see the one before: {refusal(error)}") from error
    vacuum_dead_rows()
    return PublishResult(
        publication_id,
        tuple((verdict.launch_id, verdict.domain) for verdict in pending),
        tuple((verdict.launch_id, verdict.domain, verdict.reason) for verdict in held),
    )


def waits_for_publication() -> bool:
    """Whether something was built that no audit has judged, or that was judged and neither published nor held.

    So it is after an audit or a publication that died; what is held and known to be waits for other data, not for this.
    Raises WarehouseError.
    """
    with connect("publisher") as session:
        return bool(session.execute(_UNSETTLED).fetchall()[0][0])


@contextmanager
def _transaction() -> Iterator[psycopg.Connection]:
    """One snapshot under the lock, taken before the transaction starts: else the snapshot would be older than what it waited for.

    Raises GateError while a build is running, LockedError if another publication does not end.
    """
    with held("publisher", LOCK, PATIENCE_SECONDS) as keeper, connect("publisher", autocommit=True) as session:
        try:
            take(keeper, BUILD_LOCK, seconds=1.0)
        except LockedError as error:
            raise GateError(f"a build is running: publish when it has ended ({error})") from None
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with session.transaction():
            yield session


def _verdicts(session: psycopg.Connection, build_id: int) -> list[AuditState]:
    with session.cursor(row_factory=class_row(AuditState)) as cursor:
        verdicts = cursor.execute(_VERDICTS, {"build_id": build_id}).fetchall()
    unaudited = [f"{verdict.launch_id} {verdict.domain}" for verdict in verdicts if verdict.failed_count is None]
    if unaudited:
        raise GateError(f"build {build_id} was not audited for {', '.join(unaudited)}: run `postlaunch audit` first")
    return verdicts


def _publish(session: psycopg.Connection, build_id: int, passed: list[AuditState]) -> int:
    tables, grains = mart_tables(), _grains()
    row = session.execute("insert into ops.publications (build_id) values (%s) returning publication_id", [build_id]).fetchone()
    assert row is not None  # noqa: S101  # insert ... returning gives a row or raises
    publication_id = int(row[0])
    pairs = [(verdict.launch_id, verdict.domain) for verdict in passed]
    changing = reshaped(session, tables, grains)
    seen, now = _transactions_seen(session)
    for table in sorted(tables, key=changing.__contains__):  # those last: from then to the commit their readers wait
        if changing and table == changing[0]:
            seize(session, [sql.Identifier(MARTS, name) for name in changing], SHAPE_SECONDS)
        grain = grains.get(table, ())
        columns = ensure_table(session, table, grain)
        since = None if table in changing else _oldest(seen, pairs, tables[table])
        replace_rows(session, table, tables[table], columns, grain, pairs, since)
        ensure_grain_index(session, table, grain)
    for verdict in passed:
        session.execute(
            "update ops.domain_builds set publication_id = %s where launch_id = %s and domain = %s and publication_id is null",
            [publication_id, verdict.launch_id, verdict.domain],
        )
        session.execute(
            """
            insert into ops.domain_status (launch_id, domain, publication_id, covered_through, seen_before_xid)
            values (%s, %s, %s, %s, %s::text::xid8)
            on conflict (launch_id, domain) do update set
                publication_id = excluded.publication_id,
                seen_before_xid = excluded.seen_before_xid,
                covered_through = greatest(domain_status.covered_through, excluded.covered_through)
            """,
            [verdict.launch_id, verdict.domain, publication_id, verdict.last_date, str(now)],
        )
    return publication_id


def _transactions_seen(session: psycopg.Connection) -> tuple[dict[tuple[str, str], int], int]:
    """By launch and domain the transaction before which all are in its marts, and the one for those published now.

    A number from the future is of another server (a dump was restored here), one from half the numbers ago means nothing any more.
    """
    row = session.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
    assert row is not None  # noqa: S101  # a select without from gives one row
    now = int(row[0])
    rows = session.execute("select launch_id, domain, seen_before_xid::text from ops.domain_status where seen_before_xid is not null")
    seen = {(launch_id, domain): int(xid) for launch_id, domain, xid in rows.fetchall()}
    return {pair: xid for pair, xid in seen.items() if 0 <= now - xid < XIDS_APART}, now


def _oldest(seen: Mapping[tuple[str, str], int], pairs: Pairs, domain: str) -> int | None:
    """The oldest transaction that matters to a mart of a domain; None if that is not known of one of its launches."""
    found = [seen.get(pair) for pair in pairs if domain in (pair[1], SCORECARD)]
    known = [xid for xid in found if xid is not None]
    return min(known) if known and len(known) == len(found) else None


def _grains() -> dict[str, Grain]:
    """What identifies a row of each mart: the columns of its `one_row_a`."""
    return {model.name: model.grain for model in load_models(load_settings().dbt_project)}


def _release(session: psycopg.Connection, passed: list[AuditState]) -> None:
    """Forget that a domain was held; needs no publication when only its loads were fixed."""
    for verdict in passed:
        session.execute(
            """
            update ops.domain_status set held_since = null, held_from_date = null, held_reason = null
            where launch_id = %s and domain = %s and held_since is not null
            """,
            [verdict.launch_id, verdict.domain],
        )


def _hold(session: psycopg.Connection, held: list[AuditState]) -> None:
    """Since when stays the first time; from which date and why is what the newest audit says."""
    for verdict in held:
        fields: dict[str, Any] = {
            "launch_id": verdict.launch_id,
            "domain": verdict.domain,
            "from_date": verdict.first_date,
            "reason": verdict.reason,
        }
        session.execute(
            """
            insert into ops.domain_status (launch_id, domain, held_since, held_from_date, held_reason)
            values (%(launch_id)s, %(domain)s, clock_timestamp(), %(from_date)s, %(reason)s)
            on conflict (launch_id, domain) do update set
                held_since = coalesce(domain_status.held_since, excluded.held_since),
                held_from_date = excluded.held_from_date,
                held_reason = excluded.held_reason
            """,
            fields,
        )
