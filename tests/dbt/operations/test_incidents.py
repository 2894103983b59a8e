"""Incidents and their means against the history that they were made from."""

from __future__ import annotations

import datetime as dt

import psycopg

from tests.dbt.operations.incident_cases import FIRST, INCIDENTS, LAST, LAUNCH_DATE, PLACE


def test_an_incident_is_timed_by_its_first_acknowledgement_and_last_resolution(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select incident_id, severity, service_name, metric_date, launch_day,
            acknowledge_seconds, resolve_seconds, is_open, is_acknowledged, escalation_count
        from build.incidents
        """
    ).fetchall()
    expected = {}
    for incident in INCIDENTS:
        date = incident.triggered_at.astimezone(PLACE.zone).date()
        acknowledged = (incident.acknowledged_at[0] - incident.triggered_at).total_seconds() if incident.acknowledged_at else None
        resolved = None if incident.is_open else (incident.resolved_at[-1] - incident.triggered_at).total_seconds()
        answers = (acknowledged, resolved, incident.is_open, bool(incident.acknowledged_at), incident.escalation_count)
        expected[incident.id] = (incident.severity, "EMR API", date, (date - LAUNCH_DATE).days, *answers)
    assert {row[0]: row[1:] for row in rows} == expected
    assert any(incident.is_open and incident.resolved_at for incident in INCIDENTS)


def test_every_date_and_severity_has_a_row_that_counts_the_unanswered_beside_the_sums(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select metric_date, severity, triggered_count, acknowledged_count, never_acknowledged_count, resolved_count, open_count,
            acknowledge_seconds_sum, resolve_seconds_sum
        from build.incident_daily
        """
    ).fetchall()
    assert len(rows) == 14 * 5
    for date, severity, *counts in rows:
        triggered = [one for one in INCIDENTS if one.severity == severity and one.triggered_at.astimezone(PLACE.zone).date() == date]
        acknowledged = [(one.acknowledged_at[0] - one.triggered_at).total_seconds() for one in triggered if one.acknowledged_at]
        resolved = [(one.resolved_at[-1] - one.triggered_at).total_seconds() for one in triggered if not one.is_open]
        unanswered = (len(triggered) - len(acknowledged), len(resolved), len(triggered) - len(resolved))
        assert counts == [len(triggered), len(acknowledged), *unanswered, sum(acknowledged), sum(resolved)]


def test_mean_times_are_over_answered_incidents_of_all_severities(built: psycopg.Connection) -> None:
    rows = built.execute(
        "select kpi_id, sum(numerator) / sum(denominator), count(*) from build.int_kpi_incidents where kpi_id like 'mean%' group by kpi_id"
    )
    acknowledged = [(one.acknowledged_at[0] - one.triggered_at).total_seconds() for one in INCIDENTS if one.acknowledged_at]
    resolved = [(one.resolved_at[-1] - one.triggered_at).total_seconds() for one in INCIDENTS if not one.is_open]
    days = (LAST - FIRST) // dt.timedelta(days=1) + 1
    assert set(rows.fetchall()) == {
        ("mean_time_to_acknowledge", sum(acknowledged) / len(acknowledged), days),
        ("mean_time_to_resolve", sum(resolved) / len(resolved), days),
    }


def test_incidents_are_counted_by_severity(built: psycopg.Connection) -> None:
    rows = built.execute("select kpi_id, sum(value) from build.int_kpi_incidents where kpi_id like 'incidents%' group by kpi_id").fetchall()
    assert dict(rows) == {f"incidents_p{level}": sum(one.severity == f"P{level}" for one in INCIDENTS) for level in range(3)}
