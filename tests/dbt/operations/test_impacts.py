"""What incidents cost, against a count by hand of the same hours of the weeks before; 150 payments that were taken away are found again."""

from __future__ import annotations

import psycopg
import pytest

from tests.dbt.operations.conftest import IMPACT_SEED
from tests.dbt.operations.impact_cases import CASES, DATES, EVENTS, PLACE, PLANTED, PLANTED_LOSS, Loss, loss, payments

CAME = payments(IMPACT_SEED)
LOSSES = {case.id: loss(case, CAME) for case in CASES}


def test_every_incident_cost_what_a_count_by_hand_says(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select incident_id, status, weeks_count,
            array[events_count, expected_events_count, lost_events_count, lost_events_low_count, lost_events_high_count],
            array[users_count, expected_users_count, lost_users_count, lost_users_low_count, lost_users_high_count]
        from build.incident_impacts where launch_id = %s and event_name = 'Paid'
        """,
        [PLACE.launch_id],
    ).fetchall()
    assert {row[0] for row in rows} == set(LOSSES)
    for name, status, weeks, events, users in rows:
        expected = LOSSES[name]
        if isinstance(expected, Loss):
            assert (status, weeks) == ("measured", expected.weeks), name
            assert events == pytest.approx(expected.events, rel=1e-8), name
            assert users == pytest.approx(expected.users, rel=1e-8), name
        else:
            assert (status, events[1:], users[1:]) == (expected, [None] * 4, [None] * 4), name
    assert {each if isinstance(each, str) else each.weeks for each in LOSSES.values()} >= {"open", "no_data", "insufficient_data", 2, 3, 4}


def test_150_payments_that_were_taken_away_lie_within_the_interval(built: psycopg.Connection) -> None:
    row = built.execute(
        "select lost_events_low_count, lost_events_high_count from build.incident_impacts where incident_id = %s and event_name = 'Paid'",
        [PLANTED],
    ).fetchone()
    assert row is not None
    assert 0 < row[0] <= PLANTED_LOSS <= row[1] < 2 * PLANTED_LOSS, "found, and told from nothing"


def test_an_event_that_was_never_sent_lost_nobody_knows_what(built: psycopg.Connection) -> None:
    rows = built.execute("select distinct status from build.incident_impacts where event_name = %s", [EVENTS[1]]).fetchall()
    assert {row[0] for row in rows} == {"no_data", "open"}


def test_the_kpi_has_a_value_where_nothing_was_broken_and_none_where_a_loss_is_not_known(built: psycopg.Connection) -> None:
    """The launch of the test lists an event that is never sent: the dates of incidents are not known."""
    rows = built.execute(
        "select metric_date, value from build.kpi_daily where launch_id = %s and kpi_id = 'events_lost'", [PLACE.launch_id]
    ).fetchall()
    broken = {case.started.date() for case in CASES}
    assert {date for date, value in rows if value is not None} == set(DATES) - broken
    assert {value for _, value in rows if value is not None} == {0}
