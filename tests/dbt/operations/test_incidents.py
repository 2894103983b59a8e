"""Incidents, their means and their promises against a walk over the histories that they were made from."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import defaultdict

import psycopg
import pytest

from tests.dbt.operations.incident_cases import DATA_END, FIRST, INCIDENTS, LAST, LAUNCH_DATE, PLACE, TARGETS, Incident, outcome

PAGED = "launch_id = 'paged'"


def date_of(incident: Incident) -> dt.date:
    return incident.triggered_at.astimezone(PLACE.zone).date()


def counted() -> list[Incident]:
    """Each merged group once: by its survivor, or by its first incident if the survivor is not ours."""
    ours, stands = {incident.id for incident in INCIDENTS}, {}
    for incident in sorted(INCIDENTS, key=lambda one: (one.triggered_at, one.id)):
        if incident.merged_into and incident.merged_into not in ours:
            stands.setdefault(incident.merged_into, incident.id)
    return [incident for incident in INCIDENTS if not incident.merged_into or stands.get(incident.merged_into) == incident.id]


COUNTED = counted()


def judged(incident: Incident) -> tuple[bool | None, bool | None]:
    """Was it acknowledged and resolved in time?"""
    found = outcome(incident)
    waited = found.ended if found.ended is not None else (DATA_END - incident.triggered_at).total_seconds()
    acknowledge, resolve = TARGETS.get(incident.severity, (None, None))
    return found.in_time(found.acknowledged, acknowledge, waited), found.in_time(found.resolved, resolve, waited)


def test_a_thousand_incidents_are_timed_and_judged_as_their_histories_say(built: psycopg.Connection) -> None:
    rows = built.execute(
        f"""
        select incident_id, severity, service_name, title, merged_into_incident_id, metric_date, launch_day, acknowledge_seconds,
            resolve_seconds, is_open, is_acknowledged, escalation_count, is_counted, is_acknowledged_in_time, is_resolved_in_time
        from build.incidents where {PAGED}
        """
    ).fetchall()
    expected, once = {}, {incident.id for incident in COUNTED}
    for incident in INCIDENTS:
        date, found = date_of(incident), outcome(incident)
        name = (incident.severity, "EMR API", None, incident.merged_into, date, (date - LAUNCH_DATE).days)
        answers = (found.acknowledged, found.resolved, found.ended is None, found.acknowledged is not None, found.escalations)
        expected[incident.id] = (*name, *answers, incident.id in once, *judged(incident))
    wrong = {row[0]: (row[1:], expected[row[0]]) for row in rows if row[1:] != expected[row[0]]}
    assert (len(rows), wrong) == (1000, {})
    assert sum(incident.merged_into is not None for incident in INCIDENTS) > 80


def test_one_p1_with_two_merged_into_it_is_one_p1(built: psycopg.Connection) -> None:
    row = built.execute(
        """
        select triggered_count, never_acknowledged_count, resolve_seconds_sum / resolved_count, merged_count
        from build.incident_daily where launch_id = 'one_p1' and severity = 'P1' and triggered_count > 0
        """
    ).fetchall()
    assert row == [(1, 0, 7200.0, 2)]
    rows = built.execute("select incident_id, merged_into_incident_id from build.incidents where launch_id = 'one_p1'").fetchall()
    assert set(rows) == {("MAIN", None), ("TWIN1", "MAIN"), ("TWIN2", "MAIN")}


def test_every_date_and_severity_counts_the_unanswered_and_the_merged_beside_the_sums(built: psycopg.Connection) -> None:
    rows = built.execute(
        f"""
        select metric_date, severity, triggered_count, acknowledged_count, never_acknowledged_count, resolved_count, open_count,
            handed_over_count, merged_count, acknowledged_in_time_count, acknowledged_late_count, resolved_in_time_count,
            resolved_late_count, acknowledge_seconds_sum, resolve_seconds_sum
        from build.incident_daily where {PAGED}
        """
    ).fetchall()
    assert len(rows) == 14 * 5
    for date, severity, *found in rows:
        of_row = [one for one in INCIDENTS if one.severity == severity and date_of(one) == date]
        once = [one for one in of_row if one in COUNTED]
        outcomes = [outcome(one) for one in once]
        acknowledged = [one.acknowledged for one in outcomes if one.acknowledged is not None]
        resolved = [one.resolved for one in outcomes if one.resolved is not None]
        is_open = sum(one.ended is None for one in outcomes)
        verdicts = [judged(one) for one in once]
        assert found == [
            *(len(once), len(acknowledged), len(once) - len(acknowledged), len(resolved), is_open),
            *(len(once) - len(resolved) - is_open, len(of_row) - len(once)),
            *(sum(verdict[act] is kept for verdict in verdicts) for act in (0, 1) for kept in (True, False)),
            *(sum(acknowledged), sum(resolved)),
        ]


def percentile(values: list[float], share: float) -> float | None:
    """Linear between the two values around the rank."""
    if not values:
        return None
    ordered, rank = sorted(values), share * (len(values) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def test_each_severity_is_judged_by_its_own_promise_in_each_week(built: psycopg.Connection) -> None:
    rows = built.execute(
        f"""
        select period_start, severity, acknowledge_seconds_mean, acknowledge_seconds_median, acknowledge_seconds_p90,
            resolve_seconds_median, acknowledged_in_time_ratio, acknowledge_status, resolve_status
        from build.incident_responses where {PAGED} and period_kind = 'week'
        """
    ).fetchall()
    groups: dict[tuple[dt.date, str], list[Incident]] = defaultdict(list)
    for incident in COUNTED:
        date = date_of(incident)
        groups[date - dt.timedelta(days=date.weekday()), incident.severity].append(incident)
    assert {row[:2] for row in rows} == set(groups)
    for start, severity, *found in rows:
        outcomes, verdicts = [outcome(one) for one in groups[start, severity]], [judged(one) for one in groups[start, severity]]
        acknowledged = [one.acknowledged for one in outcomes if one.acknowledged is not None]
        resolved = [one.resolved for one in outcomes if one.resolved is not None]
        kept, late = (sum(verdict[0] is kind for verdict in verdicts) for kind in (True, False))
        status = [status_of(severity, act, [verdict[act] for verdict in verdicts]) for act in (0, 1)]
        expected = [statistics.fmean(acknowledged), percentile(acknowledged, 0.5), percentile(acknowledged, 0.9), percentile(resolved, 0.5)]
        assert found[:4] == [pytest.approx(value, rel=1e-12) for value in expected]
        assert found[4:] == [kept / (kept + late) if kept + late else None, *status]


def status_of(severity: str, act: int, verdicts: list[bool | None]) -> str:
    """A promise is kept if no incident broke it."""
    if TARGETS.get(severity, (None, None))[act] is None:
        return "no_target"
    known = [verdict for verdict in verdicts if verdict is not None]
    return "no_data" if not known else "met" if all(known) else "missed"


def test_kpis_are_over_answered_and_judged_incidents_of_all_severities(built: psycopg.Connection) -> None:
    rows = built.execute(
        f"""
        select kpi_id, subject_id, sum(numerator), sum(denominator), count(*)
        from build.kpi_daily where {PAGED} and domain = 'incidents' group by 1, 2
        """
    ).fetchall()
    found = {row[0]: row[2:] for row in rows if not row[1]}
    outcomes, verdicts = [outcome(one) for one in COUNTED], [judged(one) for one in COUNTED]
    acknowledged = [one.acknowledged for one in outcomes if one.acknowledged is not None]
    resolved = [one.resolved for one in outcomes if one.resolved is not None]
    days = (LAST - FIRST) // dt.timedelta(days=1) + 1
    assert found["mean_time_to_acknowledge"] == (sum(acknowledged), len(acknowledged), days)
    assert found["mean_time_to_resolve"] == (sum(resolved), len(resolved), days)
    for act, kpi in enumerate(("acknowledged_in_time", "resolved_in_time")):
        known = [verdict[act] for verdict in verdicts if verdict[act] is not None]
        assert found[kpi] == (sum(known), len(known), days)
    severities = {row[1]: row[2] for row in rows if row[0] == "incidents"}
    for level in range(3):
        assert severities[f"P{level}"] == sum(one.severity == f"P{level}" for one in COUNTED)
    assert severities[""] == len(COUNTED)


def test_a_priority_that_nobody_mapped_is_named(built: psycopg.Connection) -> None:
    rows = built.execute(f"select distinct severity, notice from build.incident_daily where {PAGED} and notice is not null").fetchall()
    assert rows
    assert all(severity == "none" and "a priority such as Unheard of" in notice for severity, notice in rows)


def test_services_that_the_account_does_not_have_are_no_quiet_day(built: psycopg.Connection) -> None:
    rows = built.execute("select severity, triggered_count, notice from build.incident_daily where launch_id = 'typo'").fetchall()
    assert {count for _, count, _ in rows} == {None}
    assert {notice for severity, _, notice in rows if severity == "none"} == {"PagerDuty has no service PNONE of pagerduty.services"}
    kpis = built.execute("select value from build.kpi_daily where launch_id = 'typo' and domain = 'incidents'").fetchall()
    assert {value for (value,) in kpis} == {None}
