"""The build: every date whose raw data changed since the last one, made again in schema `build`.

    ops.partition_loads (dirty) ─┐
    config.launches (changed) ───┴─> ops.builds, ops.build_dates ──> dbt ──> ops.domain_builds, which wait for the audit
                                     └──────────── one session holds the lock of builds ───────────┘

dbt runs the models that something changed for since the last build (marts/inputs.py), and of these makes the dirty dates again.

A load is dirty until a build that succeeded has taken it in. A build marks the loads it takes, so that what arrives while dbt runs waits
for the next one; a build that fails gives its loads back. A launch file that changed since the last build makes all dates of its launch
dirty, a merge of two Mixpanel ids the dates of the one that is known by another name now (marts/identities.py). What of all these
retention has dropped from raw is loaded again from the landing zone before dbt runs (load/restore.py).

A build is alive exactly as long as its session, and so its lock: a session ends with its process however that ends, and with its server.
So a `running` build without the lock is dead, and whoever takes the lock next marks it failed and takes its loads over, at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.config.load import read_launches
from postlaunch.config.settings import load_settings
from postlaunch.errors import BuildError, ConfigError, LockedError, WarehouseError
from postlaunch.load.restore import restore
from postlaunch.marts.dbt_run import APPLICATION_NAME, Node, NodeReport, run_dbt
from postlaunch.marts.identities import resolve_identities
from postlaunch.marts.inputs import changed_inputs, read_inputs, remember_inputs
from postlaunch.sources.registry import DATED
from postlaunch.warehouse.config_sync import sync_launches, sync_sources
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import BUILD_LOCK, held
from postlaunch.warehouse.refusals import is_lost, reason_of

ORPHAN_SECONDS = 10.0  # a dbt whose owner was killed ends within a second or two
RESTART_SECONDS = 30.0  # how long a PostgreSQL that went away is waited for, to write down why the build failed

log = logging.getLogger(__name__)

# Loaded dates of a source that has only windows are those that lie wholly in them, as in int_covered_dates.
_WINDOWS = """
windows as (
    select
        loads.launch_id,
        loads.source,
        coalesce(
            loads.partition_date, ((loads.window_start_at - interval '1 microsecond') at time zone launches.timezone)::date + 1
        ) as first_date,
        coalesce(loads.partition_date, (loads.window_end_at at time zone launches.timezone)::date - 1) as last_date
    from ops.partition_loads as loads
    inner join config.launches as launches on loads.launch_id = launches.launch_id
    where loads.partition_date is not null or loads.source <> all(%(dated)s)
),

loaded as (
    select launch_id, source, min(first_date) as first_date, max(last_date) as last_date
    from windows
    group by launch_id, source
)
"""

# A launch changed since the last build that succeeded began: all its dates. Those that earlier builds made and that are not loaded any
# more, because its data were dated anew, are made again too, into nothing.
# A record may be older than every window that was loaded, or have changed after them (a ticket that comes up again with its whole past):
# such dates have no marts to make again, so ranges are cut to what is loaded, and keep at least one date.
_DIRTY_DATES = f"""
insert into ops.build_dates (build_id, launch_id, source, metric_date)
with changed_launches as (
    select launch_id
    from config.launches
    where synced_at > (select max(started_at) from ops.builds where status = 'succeeded')
),

{_WINDOWS},

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
    union
    select launch_id, source, metric_date, metric_date
    from ops.build_dates
    where launch_id in (select launch_id from changed_launches)
)

select distinct %(build_id)s::bigint, ranges.launch_id, ranges.source, day::date
from ranges
cross join lateral generate_series(ranges.first_date::timestamp, ranges.last_date::timestamp, interval '1 day') as day
"""  # noqa: S608  no input, only our own constant

_TAKE_LOADS = "update ops.partition_loads set build_id = %s where build_id is null and is_changed"

_GIVE_BACK_LOADS = """
update ops.partition_loads set build_id = null
where build_id = (select build_id from ops.builds where build_id = %s and status = 'failed')
"""

# What is covered ends with what is loaded, also where a date after it was made again into nothing. A KPI may be made of those of another
# domain, or of facts, which count as far as any source has told; and some marts are made of another source too: whether somebody was paged
# for an alert (page_breaches), what an incident cost (incident_impacts), the health of accounts (account_health), tickets that are due with
# a release (ticket_releases). Where such a domain has data of its own, it changes with those.
_DOMAIN_BUILDS = f"""
insert into ops.domain_builds (build_id, launch_id, domain, first_date, last_date)
with {_WINDOWS},

domains as (
    select * from unnest(%(domains)s::text[], %(sources)s::text[]) as domains (domain, source)
),

own as (
    select
        dates.launch_id, domains.domain, min(dates.metric_date) as first_date,
        least(max(dates.metric_date), greatest(max(loaded.last_date), min(dates.metric_date))) as last_date
    from ops.build_dates as dates
    inner join domains on dates.source = domains.source
    left join loaded on dates.launch_id = loaded.launch_id and dates.source = loaded.source
    where dates.build_id = %(build_id)s
    group by dates.launch_id, domains.domain
),

parts as (
    select kpis.launch_id, kpis.domain, parts.source
    from config.kpi_ratios as ratios
    inner join config.kpis as kpis on ratios.launch_id = kpis.launch_id and ratios.kpi_id = kpis.kpi_id
    inner join config.kpis as parts
        on ratios.launch_id = parts.launch_id and parts.kpi_id in (ratios.numerator_kpi_id, ratios.denominator_kpi_id)
    union
    select launch_id, domain, source from config.kpis
    union
    select also.launch_id, also.domain, domains.source
    from (
        select launch_id, 'incidents' as domain, 'reliability' as made_of from config.alerts
        union all
        select launch_id, 'incidents', 'product' from config.impact_events
        union all
        select launch_id, 'support', 'incidents' from config.release_promises
        union all
        select launch_id, 'product', 'support' from config.health_rules where tickets_count is not null or organization_tag is not null
    ) as also
    inner join domains on also.made_of = domains.domain
),

lent as (
    select
        parts.launch_id, parts.domain, least(min(dates.metric_date), max(loaded.last_date)) as first_date,
        least(max(dates.metric_date), max(loaded.last_date)) as last_date
    from parts
    inner join ops.build_dates as dates
        on parts.launch_id = dates.launch_id and (parts.source = dates.source or starts_with(parts.source, 'facts.'))
    inner join domains on parts.domain = domains.domain
    inner join loaded on parts.launch_id = loaded.launch_id and domains.source = loaded.source
    where dates.build_id = %(build_id)s
    group by parts.launch_id, parts.domain
)

select %(build_id)s::bigint, launch_id, domain, first_date, last_date from own
union all
select %(build_id)s::bigint, launch_id, domain, first_date, last_date from lent
where (launch_id, domain) not in (select launch_id, domain from own)
"""  # noqa: S608


@dataclass(frozen=True)
class BuildResult:
    """`build_id` is None when nothing was dirty; `nodes` are dbt's models, `seconds` is the whole build."""

    build_id: int | None
    nodes: tuple[Node, ...]
    seconds: float

    @property
    def models(self) -> int:
        """Number of models built."""
        return sum(node.kind == "model" for node in self.nodes)

    @property
    def summary(self) -> str:
        """For the command line and the task log."""
        if self.build_id is None:
            return "nothing to build: no raw data and no launch file changed since the last build"
        slowest = sorted(self.nodes, key=lambda node: node.seconds, reverse=True)[:5]
        named = ", ".join(f"{node.name} {node.seconds:.1f} s" for node in slowest)
        return f"build {self.build_id}: {self.models} models in {self.seconds:.1f} s; the slowest: {named}"


def build(full_refresh: bool = False, progress: NodeReport | None = None) -> BuildResult:
    """Build what is dirty, or everything. Calls progress(node) as dbt goes.

    Raises BuildError if dbt fails or PostgreSQL goes away (the loads stay dirty), or if another build is running; LandingError or
    WarehouseError if it needs dates that are neither in raw nor whole in the landing zone; ConfigError for a bad launch file.
    """
    started = time.monotonic()
    nodes: list[Node] = []
    with open_build(full_refresh) as (keeper, build_id):
        if build_id is not None:
            with connect("transformer", autocommit=True) as session:
                inputs = read_inputs(session)
                changed = None if full_refresh else changed_inputs(session, build_id, inputs)
            nodes = run_dbt(full_refresh=full_refresh, changed=changed, progress=progress, watch=lambda: _require_alive(keeper))
            with connect("transformer", autocommit=True) as session:
                remember_inputs(session, build_id, inputs)
    return BuildResult(build_id, tuple(nodes), time.monotonic() - started)


@contextmanager
def open_build(full_refresh: bool = False) -> Iterator[tuple[psycopg.Connection, int | None]]:
    """Take what is dirty into a new build for as long as the block runs: the session that keeps its lock, and its id (None: nothing is).

    The build succeeds with the block, and its domains then wait for the audit; it fails with the block, and its loads are dirty again.
    Raises BuildError if another build is running or PostgreSQL goes away, ConfigError for a bad launch file.
    """
    build_id: int | None = None
    with _lock() as (keeper, session):
        try:
            build_id = _start(session, full_refresh)
            if build_id is not None:
                _refresh_statistics()
            yield keeper, build_id
            if build_id is not None:
                _finish(session, build_id)
        except BaseException as error:
            fault = _went_away(error) if is_lost(error) else error
            if build_id is not None:
                _give_back(session, build_id, reason_of(fault))
            if fault is not error:
                raise fault from error
            raise


@contextmanager
def _lock() -> Iterator[tuple[psycopg.Connection, psycopg.Connection]]:
    """The session that keeps the lock of builds, and one to work in, both the transformer's. Raises BuildError if another has it."""
    with ExitStack() as stack:
        try:
            keeper = stack.enter_context(held("transformer", BUILD_LOCK))
        except LockedError as error:
            raise BuildError(f"another build is running: wait until it has ended ({error})") from None
        yield keeper, stack.enter_context(connect("transformer", autocommit=True))


def _start(session: psycopg.Connection, full_refresh: bool) -> int | None:
    _wait_for_orphans()
    _fail_dead_builds(session)
    _sync_launch_files()
    with session.transaction() as transaction:
        row = session.execute(
            "insert into ops.builds (status, is_full_refresh) values ('running', %s) returning build_id", [full_refresh]
        ).fetchone()
        assert row is not None  # noqa: S101  # insert ... returning gives a row or raises
        build_id = int(row[0])
        session.execute(_TAKE_LOADS, [build_id])
        dates = session.execute(_DIRTY_DATES, {"build_id": build_id, "full_refresh": full_refresh, "dated": DATED}).rowcount
        if dates == 0:
            raise psycopg.Rollback(transaction)
        restore(session, build_id, full_refresh)
        resolve_identities(session, build_id, full_refresh)
        restore(session, build_id, full_refresh)  # dates of ids that changed their user
        return build_id
    return None


def _sync_launch_files() -> None:
    """Raises ConfigError only if no launch file is right: a wrong one costs its own launch."""
    files = read_launches(load_settings().launches)
    sync_sources(DATED)
    faults = sync_launches(files.launches, files.faults)
    for fault in faults:
        log.error("launch %s stands still, the others go on: %s", fault.launch_id, fault.reason)
    if not files.launches:
        raise ConfigError("\n".join(fault.reason for fault in faults))


def _finish(session: psycopg.Connection, build_id: int) -> None:
    domains = list(DOMAIN_SOURCE)
    with session.transaction():
        session.execute("update ops.builds set status = 'succeeded', ended_at = clock_timestamp() where build_id = %s", [build_id])
        session.execute(
            _DOMAIN_BUILDS,
            {"build_id": build_id, "domains": domains, "sources": [DOMAIN_SOURCE[domain] for domain in domains], "dated": DATED},
        )


def _refresh_statistics() -> None:
    """Tell the planner what has been loaded: PostgreSQL never analyses a partitioned table by itself, and small ones rarely.

    Only where the number of rows is unknown or off by a tenth, so that a night costs what changed.
    """
    with connect(autocommit=True) as session:  # only the owner may
        for (table,) in session.execute(_STALE_STATISTICS).fetchall():
            session.execute(sql.SQL("analyze {}").format(sql.SQL(table)))


# --- the end of a build that did not end well ------------------------------------------------------------------------------


def _require_alive(session: psycopg.Connection) -> None:
    """Raise BuildError if the session, and with it the lock, is gone: another may be building already."""
    try:
        session.execute("select 1")
    except psycopg.Error as error:
        raise _went_away(error) from error


def _went_away(error: BaseException) -> BuildError:
    return BuildError(
        f"PostgreSQL ended the session that owns this build ({error}): "
        "what it took is dirty again; run `postlaunch build` again as soon as the server answers"
    )


def _fail_dead_builds(session: psycopg.Connection) -> None:
    """Under the lock, a build that is still marked as running has no owner any more."""
    for (build_id,) in session.execute("select build_id from ops.builds where status = 'running'").fetchall():
        log.warning("build %s is dead and is taken over: whoever ran it was killed, or cut off from PostgreSQL", build_id)
        _fail(session, build_id, "whoever ran the build was killed, or cut off from PostgreSQL")


def _fail(session: psycopg.Connection, build_id: int, reason: str) -> None:
    """Mark a build as failed and give its loads back, unless another has done so."""
    with session.transaction():
        session.execute(
            "update ops.builds set status = 'failed', error = %s, ended_at = clock_timestamp() where build_id = %s and status = 'running'",
            [reason, build_id],
        )
        session.execute(_GIVE_BACK_LOADS, [build_id])


def _give_back(session: psycopg.Connection, build_id: int, reason: str) -> None:
    """As `_fail`, also when the session went with the server: a server that restarts is waited for, one that does not is left.

    What stays marked as running then is seen to be dead by the next build.
    """
    deadline = time.monotonic() + RESTART_SECONDS
    try:
        _fail(session, build_id, reason)
    except psycopg.OperationalError:
        while time.monotonic() < deadline:
            with suppress(WarehouseError, psycopg.OperationalError), connect("transformer", autocommit=True) as another:
                _fail(another, build_id, reason)
                return
            time.sleep(0.5)


def _wait_for_orphans() -> None:
    """Sessions of dbt while nobody has the lock: of an owner that was killed a moment ago, or of a person who runs dbt by hand."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    with connect(autocommit=True) as session:  # as the login itself, which sees more of its own sessions than a role does
        while row := session.execute(_DBT_SESSION, [APPLICATION_NAME]).fetchone():
            if time.monotonic() > deadline:
                raise BuildError(
                    f"dbt is at work in this warehouse and no build owns it: session {row[0]} from {row[1]}, since {row[2]}; "
                    f"wait until it has ended, or end it: select pg_terminate_backend({row[0]})"
                )
            time.sleep(0.2)


_STALE_STATISTICS = """
with tables as (
    select root.oid, root.reltuples as known_count, sum(stat.n_live_tup) as live_count
    from pg_class as root
    cross join lateral (
        select relid from pg_partition_tree(root.oid) where isleaf
        union
        select root.oid where root.relkind = 'r'
    ) as leaf
    inner join pg_stat_user_tables as stat on leaf.relid = stat.relid
    where root.relnamespace in ('raw'::regnamespace, 'config'::regnamespace, 'ops'::regnamespace)
        and root.relkind in ('r', 'p') and not root.relispartition
    group by root.oid, root.reltuples
)

select oid::regclass::text
from tables
where live_count > 0 and (known_count < 0 or abs(live_count - known_count) > 0.1 * live_count)
"""

_DBT_SESSION = """
select pid, coalesce(host(client_addr), 'this machine'), to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS UTC')
from pg_stat_activity
where datname = current_database() and application_name = %s
order by backend_start
limit 1
"""
