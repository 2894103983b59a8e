"""What a review may rely on: fresh, held or late, since when and why."""

from __future__ import annotations

import datetime as dt

import pytest

from postlaunch.config.launch import Launch
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.status import DomainStatus, domain_status
from tests.quality.hand_built import LAST, LAUNCH, LAUNCH_DATE, Warehouse

NEXT = LAST + dt.timedelta(days=1)
SPEC = Launch.model_validate(
    {
        "launch": LAUNCH,
        "name": "EMR",
        "owner": {"name": "Dana", "email": "dana@example.com"},
        "date": LAUNCH_DATE,
        "timezone": "America/New_York",
        "mixpanel": {"project_id": 1},
    }
)


@pytest.fixture
def hand(warehouse: str) -> Warehouse:
    return Warehouse()


def _published(hand: Warehouse, **columns: object) -> None:
    hand.run("insert into ops.builds (status, is_full_refresh) values ('succeeded', false)")
    hand.run("insert into ops.publications (build_id) values (1)", role="publisher")
    values = {"covered_through": LAST, "held_since": None, "held_from_date": None, "held_reason": None} | columns
    hand.run(
        "insert into ops.domain_status values "
        "(%(launch)s, 'product', 1, %(covered_through)s, %(held_since)s, %(held_from_date)s, %(held_reason)s)",
        {"launch": LAUNCH, **values},
        role="publisher",
    )


def _ingested(hand: Warehouse, status: str, hour: int, day: dt.date = NEXT, error: str | None = None) -> None:
    started = dt.datetime(2026, 3, 31, hour, tzinfo=dt.UTC)
    hand.run(
        "insert into ops.ingest_runs (launch_id, source, first_date, last_date, status, error, started_at) "
        "values (%s, 'mixpanel', %s, %s, %s, %s, %s)",
        [LAUNCH, day, day, status, error, started],
        role="loader",
    )


def _status(period_end: dt.date = LAST) -> DomainStatus:
    with connect("reporter") as session:
        statuses = domain_status(session, SPEC, period_end)
    assert [status.domain for status in statuses] == ["product"], "only the domains that the launch fills"
    return statuses[0]


def test_a_published_period_is_fresh_whatever_fails_later(hand: Warehouse) -> None:
    _published(hand)
    _ingested(hand, "failed", 6, error="503")
    assert _status() == DomainStatus("product", "fresh", None, LAST, None)


def test_a_domain_that_the_gate_holds_says_since_when_and_why(hand: Warehouse) -> None:
    since = dt.datetime(2026, 3, 30, 6, tzinfo=dt.UTC)
    _published(hand, held_since=since, held_from_date=LAST, held_reason="half is missing")
    assert _status() == DomainStatus("product", "held", since, LAST, "half is missing")


def test_a_period_before_the_held_dates_is_not_affected(hand: Warehouse) -> None:
    _published(hand, held_since=dt.datetime(2026, 3, 30, 6, tzinfo=dt.UTC), held_from_date=LAST, held_reason="half is missing")
    assert _status(LAST - dt.timedelta(days=1)).state == "fresh"


def test_a_source_that_fails_holds_since_the_first_failure_in_a_row(hand: Warehouse) -> None:
    _published(hand)
    _ingested(hand, "failed", 1, error="old")
    _ingested(hand, "succeeded", 2)
    _ingested(hand, "failed", 6, error="503 from data.mixpanel.com")
    _ingested(hand, "failed", 7, error="password refused")
    _ingested(hand, "running", 8)
    status = _status(NEXT)
    assert (status.state, status.since) == ("held", dt.datetime(2026, 3, 31, 6, tzinfo=dt.UTC))
    assert status.reason == "mixpanel could not be ingested: password refused"


def test_a_failed_backfill_of_other_dates_holds_nothing(hand: Warehouse) -> None:
    _published(hand)
    _ingested(hand, "failed", 6, day=LAUNCH_DATE, error="503")
    assert _status(NEXT).state == "late"


def test_dates_that_are_not_published_yet_are_late_by_name(hand: Warehouse) -> None:
    _published(hand)
    _ingested(hand, "succeeded", 6)
    status = _status(NEXT)
    assert (status.state, status.covered_through, status.reason) == ("late", LAST, "no mixpanel data for 2026-03-30 yet")
    assert _status(NEXT + dt.timedelta(days=1)).reason == "no mixpanel data for 2026-03-30 to 2026-03-31 yet"


def test_a_domain_that_was_never_published_is_late(hand: Warehouse) -> None:
    assert _status() == DomainStatus("product", "late", None, None, "nothing from mixpanel was published yet")
