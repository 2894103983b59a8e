"""Tickets that are due with a release, each judged by hand."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest

from tests.dbt.operations.release_cases import PLACE, TICKETS, status

EXPECTED = {str(ticket.id): status(ticket) for ticket in TICKETS if status(ticket) is not None}


def test_every_ticket_is_judged_as_by_hand(built: psycopg.Connection) -> None:
    rows = built.execute("select ticket_id, status from build.ticket_releases where launch_id = %s", [PLACE.launch_id]).fetchall()
    assert dict(rows) == EXPECTED
    assert set(EXPECTED.values()) == {"in_time", "late", "missed", "open", "no_data"}


def test_the_kpi_is_the_share_of_those_that_are_decided(built: psycopg.Connection) -> None:
    row = built.execute(
        "select sum(numerator), sum(denominator) from build.kpi_daily where launch_id = %s and kpi_id = 'solved_by_next_release'",
        [PLACE.launch_id],
    ).fetchone()
    counts = Counter(EXPECTED.values())
    assert row == pytest.approx((counts["in_time"], counts["in_time"] + counts["late"] + counts["missed"]))
