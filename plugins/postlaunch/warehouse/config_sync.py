"""Launch files into `config.*`: targets keep their history, everything else is what the files say now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import ValidationError

from postlaunch.config.launch import Launch
from postlaunch.config.load import LaunchFault, LaunchFiles
from postlaunch.config.support_hours import opening_intervals
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import PATIENCE_SECONDS, bounded

HOURS_BEFORE_LAUNCH = dt.timedelta(days=400)
HOURS_AHEAD = dt.timedelta(days=400)
REPLACED_TABLES = (
    "funnel_steps",
    "active_events",
    "sla_targets",
    "support_hours",
    "severities",
    "incident_services",
    "prometheus_metrics",
)
Rows = list[tuple[Any, ...]]


def sync_launches(launches: Mapping[str, Launch], faults: Sequence[LaunchFault] = ()) -> tuple[LaunchFault, ...]:
    """Make `config.*` say what the launch files say, and `ops.launch_faults` which of them are wrong. Returns all faults.

    One transaction, and a launch that the warehouse refuses is one more fault and costs only itself. Launches without a file any more, or
    with a wrong one, are kept as they were.
    """
    refused: list[LaunchFault] = []
    with connect() as session, bounded(session, PATIENCE_SECONDS, "sync of the launch files"):
        session.execute("lock table config.launches in share row exclusive mode")
        for launch in launches.values():
            try:
                with session.transaction():
                    _sync_launch(session, launch)
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                reason = f"the warehouse refuses the launch file: {' '.join(str(error).split())}"
                refused.append(LaunchFault(launch.launch, Path(f"{launch.launch}.yaml"), reason))
        _sync_faults(session, [*faults, *refused])
    return (*faults, *refused)


def record_faults(faults: Sequence[LaunchFault]) -> None:
    """Keep in `ops.launch_faults` which launch files are wrong now, since when and why; those that are right again leave it."""
    with connect() as session:
        _sync_faults(session, faults)


def launches_to_review(files: LaunchFiles) -> dict[str, Launch]:
    """Every launch that has a file; one whose file is wrong now as the file said when it was last right, so that its readers are told."""
    wanted = [fault.launch_id for fault in files.faults]
    if not wanted:
        return files.launches
    with connect("reporter") as session:
        rows = session.execute("select launch_id, spec from config.launches where launch_id = any(%s)", [wanted]).fetchall()
    found = dict(files.launches)
    for launch_id, spec in rows:
        with suppress(ValidationError):  # written by another version of postlaunch
            found.setdefault(launch_id, Launch.model_validate(spec))
    return found


def _sync_faults(session: psycopg.Connection, faults: Sequence[LaunchFault]) -> None:
    reasons: dict[str, list[str]] = {}
    for fault in faults:
        reasons.setdefault(fault.launch_id, []).append(fault.reason)
    session.execute("delete from ops.launch_faults where not launch_id = any(%s)", [list(reasons)])
    for launch_id, texts in reasons.items():
        session.execute(
            """
            insert into ops.launch_faults (launch_id, reason) values (%s, %s)
            on conflict (launch_id) do update set reason = excluded.reason
            """,
            [launch_id, "\n".join(texts)],
        )


def _sync_launch(session: psycopg.Connection, launch: Launch) -> None:
    spec = launch.model_dump_json()
    session.execute("select now() at time zone %s", [launch.timezone])  # a zone of Python that PostgreSQL does not know
    reviews = launch.reviews
    session.execute(
        """
        insert into config.launches as known (launch_id, name, launch_date, timezone, business_cycle_days, minimum_sample_count, spec)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (launch_id) do update set
            name = excluded.name,
            launch_date = excluded.launch_date,
            timezone = excluded.timezone,
            business_cycle_days = excluded.business_cycle_days,
            minimum_sample_count = excluded.minimum_sample_count,
            spec = excluded.spec,
            synced_at = now()
        where known.spec is distinct from excluded.spec
        """,
        [launch.launch, launch.name, launch.date, launch.timezone, reviews.business_cycle_days, reviews.minimum_sample, spec],
    )
    _sync_targets(session, launch)
    _sync_incident_targets(session, launch)
    for table in REPLACED_TABLES:
        _replace(session, table, launch.launch, _ROWS[table](launch))


def _replace(session: psycopg.Connection, table: str, launch_id: str, rows: Rows) -> None:
    name = sql.Identifier("config", table)
    session.execute(sql.SQL("delete from {} where launch_id = %s").format(name), [launch_id])
    with session.cursor().copy(sql.SQL("copy {} from stdin").format(name)) as copy:
        for row in rows:
            copy.write_row((launch_id, *row))


def _sync_targets(session: psycopg.Connection, launch: Launch) -> None:
    """Close targets that the file no longer has and open the new ones; the first version holds from the beginning of time."""
    wanted = {
        (entry.kpi, target.from_day, target.to_day, target.comparator, target.bound) for entry in launch.kpis for target in entry.targets
    }
    known = {
        (row[0], row[1], row[2], row[3], row[4])
        for row in session.execute(
            "select kpi_id, from_day, to_day, comparator, target from config.kpi_targets where launch_id = %s and valid_to is null",
            [launch.launch],
        )
    }
    known_kpis = {row[0] for row in session.execute("select distinct kpi_id from config.kpi_targets where launch_id = %s", [launch.launch])}
    for row in known - wanted:
        session.execute(
            """
            update config.kpi_targets set valid_to = now()
            where launch_id = %s and kpi_id = %s and from_day is not distinct from %s and to_day is not distinct from %s
                and comparator = %s and target = %s and valid_to is null
            """,
            [launch.launch, *row],
        )
    for row in wanted - known:
        session.execute(
            """
            insert into config.kpi_targets (launch_id, kpi_id, from_day, to_day, comparator, target, valid_from)
            values (%s, %s, %s, %s, %s, %s, case when %s then now() else '-infinity'::timestamptz end)
            """,
            [launch.launch, *row, row[0] in known_kpis],
        )


def _sync_incident_targets(session: psycopg.Connection, launch: Launch) -> None:
    """The same for the promises by severity; a severity that was never promised anything holds its first promise from the beginning."""
    values = {"launch": launch.launch}
    wanted = set(_incident_targets(launch))
    known = set(
        session.execute(
            """
            select severity, acknowledge_seconds, resolve_seconds from config.incident_targets
            where launch_id = %(launch)s and valid_to is null
            """,
            values,
        ).fetchall()
    )
    for severity, *_ in known - wanted:
        session.execute(
            "update config.incident_targets set valid_to = now() where launch_id = %s and severity = %s and valid_to is null",
            [launch.launch, severity],
        )
    for severity, acknowledge, resolve in wanted - known:
        session.execute(
            """
            insert into config.incident_targets (launch_id, severity, acknowledge_seconds, resolve_seconds, valid_from)
            select %(launch)s, %(severity)s, %(acknowledge)s, %(resolve)s, case when exists (
                select from config.incident_targets where launch_id = %(launch)s and severity = %(severity)s
            ) then now() else '-infinity' end
            """,
            {**values, "severity": severity, "acknowledge": acknowledge, "resolve": resolve},
        )


def _funnel_steps(launch: Launch) -> Rows:
    funnels = launch.mixpanel.funnels if launch.mixpanel else ()
    return [
        (funnel.id, funnel.name, number, step, funnel.window_hours * 3600)
        for funnel in funnels
        for number, step in enumerate(funnel.steps, start=1)
    ]


def _active_events(launch: Launch) -> Rows:
    return [(event,) for event in dict.fromkeys(launch.mixpanel.active_events)] if launch.mixpanel else []


def _sla_targets(launch: Launch) -> Rows:
    targets = launch.zendesk.sla if launch.zendesk else ()
    return [
        (target.priority, metric, minutes * 60)
        for target in targets
        for metric, minutes in (("first_reply", target.first_reply_minutes), ("resolution", target.resolution_minutes))
    ]


def _support_hours(launch: Launch) -> Rows:
    today = dt.datetime.now(dt.UTC).date()
    return list(opening_intervals(launch, launch.date - HOURS_BEFORE_LAUNCH, max(today, launch.date) + HOURS_AHEAD))


def _severities(launch: Launch) -> Rows:
    return list(launch.pagerduty.severities.items()) if launch.pagerduty else []


def _incident_services(launch: Launch) -> Rows:
    return [(service,) for service in dict.fromkeys(launch.pagerduty.services)] if launch.pagerduty else []


def _incident_targets(launch: Launch) -> Rows:
    targets = launch.pagerduty.targets if launch.pagerduty else ()
    return [
        (target.severity, target.acknowledge_minutes * 60, None if target.resolve_minutes is None else target.resolve_minutes * 60)
        for target in targets
    ]


def _prometheus_metrics(launch: Launch) -> Rows:
    return [
        (metric.metric_id, metric.kind, metric.subject_id, metric.subject_name, metric.query, metric.unit,
         metric.error_codes, metric.trigger, metric.step_seconds, metric.status_label)
        for metric in (launch.prometheus.metrics if launch.prometheus else ())
    ]  # fmt: skip


_ROWS = {
    "funnel_steps": _funnel_steps,
    "active_events": _active_events,
    "sla_targets": _sla_targets,
    "support_hours": _support_hours,
    "severities": _severities,
    "incident_services": _incident_services,
    "prometheus_metrics": _prometheus_metrics,
}
