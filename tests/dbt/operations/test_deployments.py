"""Deployments against what their change events mean by plain Python: windows, hotfixes, incidents within a day."""

from __future__ import annotations

import datetime as dt

import psycopg

from tests.dbt.operations.deployment_cases import CHANGES, FIRST, INCIDENTS, LAST, LAUNCH_DATE, PLACE, UNSEEN, meaning

DEPLOYED = [(change, found) for change in CHANGES if (found := meaning(change)) is not None]
DATES = [FIRST + dt.timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


def test_every_deployment_means_what_its_change_event_says(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select deployment_id, metric_date, is_hotfix, is_successful, is_in_window, live_seconds, is_live_in_time, incidents_24h_count,
            launch_day
        from build.deployments where launch_id = 'shipped'
        """
    ).fetchall()
    expected = {change.id: (*found, (found.metric_date - LAUNCH_DATE).days) for change, found in DEPLOYED}
    assert {row[0]: row[1:] for row in rows} == expected
    for place in range(2, 8):  # each answer is there, also the one that it is not known
        assert len({found[place - 1] for _, found in DEPLOYED}) > (1 if place == 2 else 2)


def test_days_and_kpis_count_deployments_and_a_day_that_was_not_seen_counts_none(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select metric_date, deployments_count, hotfixes_count, successful_count, failed_count, outside_window_count, live_seconds_sum,
            live_in_time_count, live_late_count, watched_count, followed_count
        from build.deployment_daily where launch_id = 'shipped' order by metric_date
        """
    ).fetchall()
    assert [row[0] for row in rows] == DATES
    for date, *found in rows:
        of_date = [each for _, each in DEPLOYED if each.metric_date == date]
        expected = [
            len(of_date),
            sum(each.is_hotfix for each in of_date),
            *(sum(each.is_successful is word for each in of_date) for word in (True, False)),
            sum(each.is_in_window is False for each in of_date),
            sum(each.live_seconds or 0 for each in of_date),
            *(sum(each.is_live_in_time is word for each in of_date) for word in (True, False)),
            sum(each.incidents_24h is not None for each in of_date),
            sum(bool(each.incidents_24h) for each in of_date),
        ]
        assert found == ([None] * len(expected) if date == UNSEEN else expected)
    values = dict(
        built.execute(
            """
            select kpi_id, sum(numerator) / nullif(sum(denominator), 0) from build.kpi_daily
            where launch_id = 'shipped' and kpi_id in ('deployment_success', 'hotfixes_in_time') group by kpi_id
            """
        ).fetchall()
    )
    ended = [each.is_successful for _, each in DEPLOYED if each.is_successful is not None]
    timed = [each.is_live_in_time for _, each in DEPLOYED if each.is_live_in_time is not None]
    assert values == {"deployment_success": sum(ended) / len(ended), "hotfixes_in_time": sum(timed) / len(timed)}


def test_an_incident_knows_what_was_deployed_in_the_day_before_it(built: psycopg.Connection) -> None:
    rows = built.execute(
        "select incident_id, deployments_24h_count, last_deployed_at from build.incidents where launch_id = 'shipped'"
    ).fetchall()
    expected = {}
    for incident in INCIDENTS:
        before = [change.at for change, _ in DEPLOYED if dt.timedelta(0) <= incident.at - change.at < dt.timedelta(hours=24)]
        date = incident.at.astimezone(PLACE.zone).date()
        is_seen = date != UNSEEN and date > FIRST
        expected[incident.id] = (len(before) if is_seen else None, max(before, default=None))
    assert {row[0]: row[1:] for row in rows} == expected
