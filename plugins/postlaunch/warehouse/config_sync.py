"""Launch files into `config.*`: targets, SLA minutes and support hours keep their history, everything else is what the files say now."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import ValidationError

from postlaunch.config.alert_rules import alert_rules, leaks
from postlaunch.config.checks import has_what_it_measures
from postlaunch.config.declared import kpis_of, parts, prometheus_metrics, source_of
from postlaunch.config.launch import DOMAIN_SOURCE, SOURCES, Launch, Source
from postlaunch.config.load import LaunchFault, LaunchFiles
from postlaunch.config.measures import Conditions
from postlaunch.config.support_hours import on_call_intervals, opening_intervals
from postlaunch.dates import Dates
from postlaunch.kpis.catalogue import Kpi, catalogue
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import PATIENCE_SECONDS, bounded
from postlaunch.warehouse.zones import keep_fault, zone_fault

HOURS_BEFORE_LAUNCH = dt.timedelta(days=400)
HOURS_AHEAD = dt.timedelta(days=400)
AROUND_THE_CLOCK = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC))  # one opening that never ends
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class History:
    """A table whose rows hold from valid_from until valid_to; a thing is what its first `key_length` columns name."""

    table: str
    columns: tuple[str, ...]
    key_length: int


KPI_TARGETS = History(
    "kpi_targets",
    ("kpi_id", "subject_id", "segment_id", "from_day", "to_day", "per", "comparator", "target", "phase_id", "change", "since_from_day",
     "since_to_day", "promise"),
    3,
)  # fmt: skip
INCIDENT_TARGETS = History("incident_targets", ("severity", "acknowledge_seconds", "resolve_seconds", "post_mortem_seconds"), 1)
DEPLOYMENT_TARGETS = History("deployment_targets", ("hotfix_seconds",), 0)
SLA_TARGETS = History("sla_targets", ("priority", "metric", "target_seconds"), 2)
SUPPORT_HOURS = History("support_hours", ("support_date", "opens_at", "closes_at"), 0)


def sync_launches(launches: Mapping[str, Launch], faults: Sequence[LaunchFault] = ()) -> tuple[LaunchFault, ...]:
    """Make `config.*` say what the launch files say, and `ops.launch_faults` which of them are wrong. Returns all faults.

    One transaction, and a launch that the warehouse refuses, or whose data are dated in another time zone, is one more fault and costs only
    itself. Launches without a file any more, or with a wrong one, are kept as they were.
    """
    refused: list[LaunchFault] = []
    with connect() as session, bounded(session, PATIENCE_SECONDS, "sync of the launch files"):
        session.execute("lock table config.launches in share row exclusive mode")
        for launch in launches.values():
            if reason := zone_fault(session, launch):
                refused.append(LaunchFault(launch.launch, Path(f"{launch.launch}.yaml"), reason))
                continue
            try:
                with session.transaction():
                    _sync_launch(session, launch)
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                said = " ".join((error.diag.message_primary or str(error)).split())  # with its values: a launch file is not secret
                reason = f"the warehouse refuses the launch file: {said}"
                refused.append(LaunchFault(launch.launch, Path(f"{launch.launch}.yaml"), reason))
        _sync_faults(session, [*faults, *refused])
    return (*faults, *refused)


def sync_sources(dated: Collection[Source]) -> None:
    """Make `config.sources` and `config.domain_sources` say what this release says; `dated`: sources whose dates are loaded one by one."""
    with connect() as session, bounded(session, PATIENCE_SECONDS, "sync of the sources"), session.cursor() as cursor:
        cursor.executemany(
            "insert into config.sources as known (source, is_dated) values (%s, %s) "
            "on conflict (source) do update set is_dated = excluded.is_dated where known.is_dated <> excluded.is_dated",
            [(source, source in dated) for source in SOURCES],
        )
        cursor.executemany(
            "insert into config.domain_sources as known (domain, source) values (%s, %s) "
            "on conflict (domain) do update set source = excluded.source where known.source <> excluded.source",
            list(DOMAIN_SOURCE.items()),
        )


def record_faults(files: LaunchFiles) -> None:
    """Keep in `ops.launch_faults` which launch files are wrong now, since when and why; those that are right again leave it."""
    with connect() as session:
        _sync_faults(session, [*files.faults, *_zone_faults(session, files)])


def launches_to_review(files: LaunchFiles) -> dict[str, Launch]:
    """Every launch that has a file; one whose file is wrong now, or says another time zone than its data are dated in, as the file said
    when it was last right: so that its readers are told, and dates mean what they meant."""
    with connect("reporter") as session:
        wanted = [fault.launch_id for fault in (*files.faults, *_zone_faults(session, files))]
        rows = session.execute("select launch_id, spec from config.launches where launch_id = any(%s)", [wanted]).fetchall()
    found = {launch_id: launch for launch_id, launch in files.launches.items() if launch_id not in wanted}
    for launch_id, spec in rows:
        with suppress(ValidationError):  # written by another version of postlaunch
            found.setdefault(launch_id, Launch.model_validate(spec))
    return found


def _zone_faults(session: psycopg.Connection, files: LaunchFiles) -> list[LaunchFault]:
    return [
        LaunchFault(launch.launch, files.folder / f"{launch.launch}.yaml", reason)
        for launch in files.launches.values()
        if (reason := zone_fault(session, launch))
    ]


def _sync_faults(session: psycopg.Connection, faults: Sequence[LaunchFault]) -> None:
    reasons: dict[str, list[str]] = {}
    for fault in faults:
        reasons.setdefault(fault.launch_id, []).append(fault.reason)
    session.execute("delete from ops.launch_faults where not launch_id = any(%s)", [list(reasons)])
    for launch_id, texts in reasons.items():
        keep_fault(session, launch_id, "\n".join(texts))


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
    _keep_history(session, KPI_TARGETS, launch.launch, _kpi_targets(launch))
    _keep_history(session, INCIDENT_TARGETS, launch.launch, _incident_targets(launch))
    _keep_history(session, DEPLOYMENT_TARGETS, launch.launch, _deployment_targets(launch))
    if launch.zendesk is not None:  # a section that is gone promises nothing new; its past stays
        _keep_history(session, SLA_TARGETS, launch.launch, _sla_targets(launch))
        _keep_history(session, SUPPORT_HOURS, launch.launch, _support_hours(launch))
    for table, rows in _REPLACED.items():
        _replace(session, table, launch.launch, rows(launch))


def _replace(session: psycopg.Connection, table: str, launch_id: str, rows: Rows) -> None:
    name = sql.Identifier("config", table)
    session.execute(sql.SQL("delete from {} where launch_id = %s").format(name), [launch_id])
    with session.cursor().copy(sql.SQL("copy {} from stdin").format(name)) as copy:
        for row in rows:
            copy.write_row((launch_id, *row))


def _keep_history(session: psycopg.Connection, history: History, launch_id: str, rows: Rows) -> None:
    """Close rows that the file no longer has and open the new ones; the first version of a thing holds from the beginning of time."""
    parts = {
        "table": sql.Identifier("config", history.table),
        "columns": sql.SQL(", ").join(map(sql.Identifier, history.columns)),
        "values": sql.SQL(", ").join(sql.Placeholder() * len(history.columns)),
    }
    known, has_ended = set[tuple[Any, ...]](), set[tuple[Any, ...]]()
    for *row, is_open in session.execute(
        sql.SQL("select {columns}, valid_to is null from {table} where launch_id = %s").format(**parts), [launch_id]
    ):
        (known if is_open else has_ended).add(tuple(row))
    known_things = {row[: history.key_length] for row in known | has_ended}
    wanted = set(rows)
    with session.cursor() as cursor:
        cursor.executemany(
            sql.SQL(
                "update {table} set valid_to = now() "
                "where launch_id = %s and valid_to is null and row({columns}) is not distinct from row({values})"
            ).format(**parts),
            [(launch_id, *row) for row in known - wanted],
        )
        cursor.executemany(
            sql.SQL(
                "insert into {table} (launch_id, {columns}, valid_from) "
                "values (%s, {values}, case when %s then now() else '-infinity'::timestamptz end)"
            ).format(**parts),
            [(launch_id, *row, row[: history.key_length] in known_things) for row in sorted(wanted - known, key=str)],
        )


def _kpi_targets(launch: Launch) -> Rows:
    return [
        (entry.kpi, entry.subject, entry.segment, target.from_day, target.to_day, target.per, target.comparator,
         None if target.key == "change" else target.bound, target.phase, target.change,
         *(launch.phases[target.since] if target.since else (None, None)), entry.words_of(target) or None)
        for entry in launch.kpis
        for target in entry.targets
    ]  # fmt: skip


def _phases(launch: Launch) -> Rows:
    return [(name, *days) for name, days in launch.phases.items()]


def _plans(launch: Launch) -> Rows:
    return [
        (month.month, kpi, value, is_per_day)
        for month in launch.plan
        for planned, is_per_day in ((month.values, False), (month.per_day, True))
        for kpi, value in planned.items()
    ]


def _verdicts(launch: Launch) -> Rows:
    return [(day,) for day in launch.verdict.days]


def _segments(launch: Launch) -> Rows:
    return [(segment.id, segment.name, segment.from_day, segment.to_day, _conditions(segment.where)) for segment in launch.segments]


def _kpis(launch: Launch) -> Rows:
    return [
        (kpi.id, kpi.domain, source_of(launch, kpi), order, kpi.name, kpi.definition, _unit(launch, kpi), kpi.better, kpi.period_rule,
         kpi.denominator_unit, kpi.buckets, kpi.quantile, kpi.subject and kpi.subject.kind, kpi.subject and kpi.subject.name,
         ",".join(kpi.shown), ",".join(kpi.subject.stability if kpi.subject else ()), kpi.seen_by, kpi.needs_sample, kpi.is_stability,
         kpi.is_volume, kpi.is_countdown, kpi.evidence, ",".join(kpi.charted), has_what_it_measures(launch, kpi), kpi.id not in catalogue(),
         kpi.is_net)
        for order, kpi in enumerate(kpis_of(launch).values())
    ]  # fmt: skip


def _unit(launch: Launch, kpi: Kpi) -> str:
    """Of a desk that is always open, support hours are hours; a ratio per 1,000 is no percentage."""
    if kpi.unit == "ratio" and kpi.factor != 1:
        return "count"
    is_always_open = launch.zendesk is not None and not launch.zendesk.support_hours
    return "seconds" if kpi.unit == "support_seconds" and is_always_open else kpi.unit


def _kpi_terms(launch: Launch) -> Rows:
    return [
        (kpi.id, part, measure, weight)
        for kpi in kpis_of(launch).values()
        if kpi.period_rule != "of_kpis"
        for part, measures, weight in (
            ("numerator", kpi.numerator, kpi.factor),
            ("numerator", kpi.minus, -kpi.factor),
            ("denominator", kpi.denominator, 1.0),
        )
        for measure in measures
    ]


def _kpi_ratios(launch: Launch) -> Rows:
    return [(kpi.id, kpi.numerator[0], kpi.denominator[0], kpi.factor) for kpi in kpis_of(launch).values() if kpi.period_rule == "of_kpis"]


def _event_measures(launch: Launch) -> Rows:
    return [
        (measure.measure_id, event, measure.aggregate, measure.property, _conditions(measure.where), measure.user_day)
        for measure in parts(launch).events
        for event in dict.fromkeys(measure.events)
    ]


def _user_measures(launch: Launch) -> Rows:
    return [
        (measure.measure_id, number, event, measure.at_least, _conditions(measure.where))
        for measure in parts(launch).users
        for number, item in enumerate(measure.items, start=1)
        for event in dict.fromkeys(item)
    ]


def _outcome_measures(launch: Launch) -> Rows:
    return [
        (
            outcome.measure_id,
            outcome.event,
            outcome.at_least,
            outcome.within,
            outcome.by,
            _conditions(outcome.where),
            outcome.is_of_previous,
        )
        for outcome in parts(launch).outcomes
    ]


def _conditions(conditions: Conditions) -> str | None:
    return json.dumps([condition.model_dump() for condition in conditions]) if conditions else None


def _funnel_measures(launch: Launch) -> Rows:
    return [(funnel.measure_id, funnel.funnel_id, funnel.of_step, funnel.step, funnel.is_lost) for funnel in parts(launch).funnels]


def _facts(launch: Launch) -> Rows:
    return [(fact.kpi_id, fact.measure_id, date, value) for fact in parts(launch).facts for date, value in fact.days]


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
    return [(target.priority, metric, minutes * 60) for target in targets for metric, minutes in target.promises]


def _release_promises(launch: Launch) -> Rows:
    targets = launch.zendesk.sla if launch.zendesk else ()
    return [(target.priority,) for target in targets if target.resolution_by == "next_release"]


def _support_hours(launch: Launch) -> Rows:
    if launch.zendesk is not None and not launch.zendesk.support_hours:
        opens_at, closes_at = AROUND_THE_CLOCK
        return [(opens_at.date(), opens_at, closes_at)]
    today = dt.datetime.now(dt.UTC).date()
    return list(opening_intervals(launch, Dates(launch.date - HOURS_BEFORE_LAUNCH, max(today, launch.date) + HOURS_AHEAD)))


def _ticket_categories(launch: Launch) -> Rows:
    categories = launch.zendesk.categories if launch.zendesk else ()
    return [(category.id, category.name, category.kind, category.severity) for category in categories]


def _ticket_category_tags(launch: Launch) -> Rows:
    categories = launch.zendesk.categories if launch.zendesk else ()
    return [(category.id, tag) for category in categories for tag in dict.fromkeys(tag.lower() for tag in category.tags)]


def _severities(launch: Launch) -> Rows:
    return list(launch.pagerduty.severities.items()) if launch.pagerduty else []


def _incident_services(launch: Launch) -> Rows:
    return [(service,) for service in dict.fromkeys(launch.pagerduty.services)] if launch.pagerduty else []


def _incident_targets(launch: Launch) -> Rows:
    targets = launch.pagerduty.targets if launch.pagerduty else ()
    return [
        (
            target.severity,
            _seconds(target.acknowledge_minutes),
            _seconds(target.resolve_minutes),
            None if target.post_mortem_hours is None else target.post_mortem_hours * 3600,
        )
        for target in targets
    ]


def _on_call_hours(launch: Launch) -> Rows:
    today = dt.datetime.now(launch.zone).date()
    return list(on_call_intervals(launch, Dates(launch.date, max(today, launch.date))))


def _incident_levels(launch: Launch) -> Rows:
    return list(enumerate(launch.pagerduty.levels, start=1)) if launch.pagerduty else []


def _impact_events(launch: Launch) -> Rows:
    return [(name,) for name in dict.fromkeys(launch.pagerduty.impact)] if launch.pagerduty else []


def _health_rules(launch: Launch) -> Rows:
    health = launch.population.health if launch.population else None
    if health is None:
        return []
    return [
        (
            colour,
            health.outreach.get(colour),
            *((rule.name, rule.inactive_days, rule.usage_below, rule.tickets, rule.tag) if rule else (None,) * 5),
        )
        for colour, rule in health.colours
    ]


def _incident_patterns(launch: Launch) -> Rows:
    return [(launch.pagerduty.post_mortem, launch.pagerduty.requirements)] if launch.pagerduty else []


def _action_items(launch: Launch) -> Rows:
    found = launch.pagerduty.action_items if launch.pagerduty else None
    if found is None:
        return []
    return [(incident, item, opened, done, opened + dt.timedelta(days=found.days)) for incident, item, opened, done in found.rows]


def _deployment_keys(launch: Launch) -> Rows:
    found = launch.deployments
    return [(found.version, found.kind, found.result, found.identified_at)] if found else []


def _deployment_windows(launch: Launch) -> Rows:
    windows = launch.deployments.windows if launch.deployments else ()
    return [(window.from_day, window.to_day, *seconds) for window in windows for seconds in window.seconds]


def _deployment_targets(launch: Launch) -> Rows:
    hours = launch.deployments.hotfix_hours if launch.deployments else None
    return [] if hours is None else [(hours * 3600,)]


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


def _prometheus_metrics(launch: Launch) -> Rows:
    return [
        (metric.metric_id, metric.kind, metric.subject_id, metric.subject_name, metric.query, metric.unit,
         metric.error_codes, metric.trigger, metric.step_seconds, metric.status_label, metric.reading)
        for metric in prometheus_metrics(launch)
    ]  # fmt: skip


def _alerts(launch: Launch) -> Rows:
    return [
        (rule.alert.id, rule.alert.message, rule.alert.severity, rule.alert.page, rule.comparator, rule.bound, _seconds(rule.alert.minutes),
         _seconds(rule.alert.page_within_minutes), rule.reading, rule.quantile)
        for rule in alert_rules(launch)
    ]  # fmt: skip


def _alert_metrics(launch: Launch) -> Rows:
    return [(rule.alert.id, metric_id, part) for rule in alert_rules(launch) for part, metric_id in rule.parts]


def _leaks(launch: Launch) -> Rows:
    return [(alert.id, alert.message, alert.severity, alert.page, subject) for alert, subject in leaks(launch)]


def _response_classes(launch: Launch) -> Rows:
    return [
        (level.id, name, seconds, min((other for other in level.classes.values() if other > seconds), default=None))
        for level in (launch.prometheus.service_levels if launch.prometheus else ())
        for name, seconds in level.classes.items()
    ]


_REPLACED = {
    "kpis": _kpis,
    "kpi_terms": _kpi_terms,
    "kpi_ratios": _kpi_ratios,
    "phases": _phases,
    "verdicts": _verdicts,
    "plans": _plans,
    "segments": _segments,
    "event_measures": _event_measures,
    "user_measures": _user_measures,
    "outcome_measures": _outcome_measures,
    "funnel_measures": _funnel_measures,
    "facts": _facts,
    "funnel_steps": _funnel_steps,
    "active_events": _active_events,
    "release_promises": _release_promises,
    "ticket_categories": _ticket_categories,
    "ticket_category_tags": _ticket_category_tags,
    "severities": _severities,
    "incident_services": _incident_services,
    "on_call_hours": _on_call_hours,
    "incident_levels": _incident_levels,
    "impact_events": _impact_events,
    "health_rules": _health_rules,
    "incident_patterns": _incident_patterns,
    "action_items": _action_items,
    "deployment_keys": _deployment_keys,
    "deployment_windows": _deployment_windows,
    "prometheus_metrics": _prometheus_metrics,
    "response_classes": _response_classes,
    "alerts": _alerts,
    "alert_metrics": _alert_metrics,
    "leaks": _leaks,
}
