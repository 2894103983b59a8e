"""The published marts of a real cohort against the text file it came in: CDNOW, 2,357 customers, January 1997 to June 1998.

The purchases went the way of all events: Mixpanel's export, landing zone, loader, dbt, gate, publication.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postlaunch.warehouse.db import connect
from tests.dbt.event_rows import days, rows_by
from tests.integration.conftest import Story

SAMPLE = Path(__file__).parents[2] / "sandbox" / "data" / "cdnow" / "CDNOW_sample.txt"
FIRST, LAST = dt.date(1997, 1, 1), dt.date(1998, 6, 30)
CALIBRATION_END = dt.date(1997, 9, 30)


def purchase_days() -> list[tuple[str, dt.date]]:
    """(customer, date) of every line."""
    fields = (line.split() for line in SAMPLE.read_text().splitlines())
    return [(customer, dt.date(int(date[:4]), int(date[4:6]), int(date[6:]))) for _, customer, date, *_ in fields]


@pytest.fixture(scope="module")
def marts(module_story: Story) -> Iterator[psycopg.Connection]:
    """A session on the published marts; it may look into `build` too."""
    with connect() as session:
        yield session


def total(marts: psycopg.Connection, column: str, first: dt.date, last: dt.date) -> int:
    row = marts.execute(
        f"select sum({column}) from marts.active_users_daily where launch_id = 'cdnow' and metric_date between %s and %s", [first, last]
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_there_are_2357_customers(marts: psycopg.Connection) -> None:
    assert total(marts, "new_users_count", FIRST, LAST) == 2357


def test_946_customers_repeat_by_the_end_of_september_and_1411_do_not(marts: psycopg.Connection) -> None:
    repeaters = total(marts, "first_repeat_users_count", FIRST, CALIBRATION_END)
    assert (repeaters, total(marts, "new_users_count", FIRST, LAST) - repeaters) == (946, 1411)


def test_there_are_2457_repeat_purchase_days_to_the_end_of_september_and_1882_after(marts: psycopg.Connection) -> None:
    until = total(marts, "repeat_users_count", FIRST, CALIBRATION_END)
    assert (until, total(marts, "repeat_users_count", CALIBRATION_END + dt.timedelta(days=1), LAST)) == (2457, 1882)


def test_the_weekly_retention_triangle_is_that_of_the_text_file(marts: psycopg.Connection) -> None:
    weeks_of: dict[str, set[dt.date]] = defaultdict(set)
    for customer, date in purchase_days():
        weeks_of[customer].add(date - dt.timedelta(days=date.weekday()))
    cohorts: dict[dt.date, list[set[dt.date]]] = defaultdict(list)
    for weeks in weeks_of.values():
        cohorts[min(weeks)].append(weeks)
    expected = {}
    for monday, members in cohorts.items():
        for number in range((LAST - monday).days // 7 + 1):
            week = monday + dt.timedelta(weeks=number)
            is_complete = week + dt.timedelta(days=6) <= LAST
            expected[monday, number] = (len(members), sum(week in weeks for weeks in members), is_complete)
    found = rows_by(
        marts,
        """
        select cohort_date, period_number, cohort_size_count, retained_count, is_complete
        from marts.retention_cohorts
        where launch_id = 'cdnow' and period_kind = 'week'
        """,
        keys=2,
    )
    assert len(expected) > 900
    assert found == expected


def test_every_day_has_a_row_even_without_a_purchase(marts: psycopg.Connection) -> None:
    found = rows_by(marts, "select metric_date, active_users_count from marts.active_users_daily where launch_id = 'cdnow'", keys=1)
    bought = defaultdict(set)
    for customer, date in purchase_days():
        bought[date].add(customer)
    assert found == {date: len(bought[date]) for date in days(FIRST, LAST)}
    assert min(found.values()) == 0


def test_no_customer_id_leaves_raw(marts: psycopg.Connection) -> None:
    keys = {row[0] for row in marts.execute("select distinct user_key from build.int_user_days where launch_id = 'cdnow'").fetchall()}
    assert len(keys) == 2357
    assert not keys & {customer for customer, _ in purchase_days()}
