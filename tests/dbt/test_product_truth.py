"""Product marts equal a brute-force count, over random events in two zones: changes of the clock, a date never loaded."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt import product_truth as truth
from tests.dbt.event_rows import Event, load_dates, rows_by, write_launch

STEPS = ("Signed Up", "Logged In", "Task Created")
FIRST, LAST = dt.date(2026, 1, 5), dt.date(2026, 4, 12)
NEW_YORK = truth.random_product(
    "new-york", 1, "America/New_York", FIRST, LAST,
    steps=STEPS, window=dt.timedelta(hours=72), missing=frozenset({dt.date(2026, 2, 14)}),
)  # fmt: skip
SYDNEY = truth.random_product(
    "sydney", 2, "Australia/Sydney", FIRST, LAST,
    steps=STEPS[:2], window=dt.timedelta(hours=5), active_events=("Signed Up", "Logged In", "Task Created"),
)  # fmt: skip
PRODUCTS = (NEW_YORK, SYDNEY)
SAMPLE = Path(__file__).parents[2] / "sandbox" / "data" / "cdnow" / "CDNOW_sample.txt"
REPEATS = {"second-purchase": (2, 30), "four-purchases": (4, 365)}  # funnel -> purchases, days

REPEATED: dict[str, Any] = {
    "project_id": 1,
    "funnels": [
        {"id": name, "name": name, "steps": ["Purchase"] * count, "window_hours": within * 24} for name, (count, within) in REPEATS.items()
    ],
}

each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.launch_id)


@pytest.fixture(scope="module")
def marts(module_warehouse: str, module_launch_files: Path) -> Iterator[psycopg.Connection]:
    with connect() as session:
        for product in PRODUCTS:
            mixpanel: dict[str, Any] = {
                "project_id": 1,
                "active_events": list(product.active_events),
                "funnels": [
                    {"id": "activation", "name": "A", "steps": list(product.steps), "window_hours": product.window.total_seconds() / 3600}
                ],
            }
            write_launch(module_launch_files, product.launch_id, date=dt.date(2026, 1, 12), timezone=product.timezone, mixpanel=mixpanel)
            load_dates(session, product.launch_id, product.timezone, product.covered, product.events)
        write_launch(module_launch_files, "cdnow", date=dt.date(1997, 1, 1), timezone="UTC", mixpanel=REPEATED)
        load_dates(
            session, "cdnow", "UTC", sorted({at.date() for _, at in purchases()}), [Event(who, "Purchase", at) for who, at in purchases()]
        )
        build()
        yield session


def purchases() -> list[tuple[str, dt.datetime]]:
    """(customer, noon) of every line of the sample, in its order."""
    fields = (line.split() for line in SAMPLE.read_text().splitlines())
    return [(who, dt.datetime(int(day[:4]), int(day[4:6]), int(day[6:]), 12, tzinfo=dt.UTC)) for _, who, day, *_ in fields]


@pytest.mark.parametrize("funnel_id", REPEATS)
def test_repeat_purchases_of_real_customers_are_those_of_the_text_file(marts: psycopg.Connection, funnel_id: str) -> None:
    """Of each customer's purchase days: whether so many purchases follow in so many days, by counting lines."""
    count, within = REPEATS[funnel_id]
    by_customer = defaultdict(list)
    for who, at in sorted(purchases(), key=lambda line: line[1]):
        by_customer[who].append(at)
    expected = [0, 0]
    for moments in by_customer.values():
        for day in set(moments):
            first = moments.index(day)
            later = moments[first + count - 1 : first + count]
            expected[0] += 1
            expected[1] += bool(later) and later[0] - day <= dt.timedelta(days=within)
    row = marts.execute(
        "select sum(entered_count)::integer, sum(reached_count)::integer from build.funnel_daily "
        "where launch_id = 'cdnow' and funnel_id = %s and step_number = %s",
        [funnel_id, count],
    ).fetchone()
    assert row == tuple(expected)
    assert row == {"second-purchase": (6696, 2138), "four-purchases": (6696, 2367)}[funnel_id]


@each_product
def test_active_users_of_every_day_and_trailing_window(marts: psycopg.Connection, product: truth.Product) -> None:
    found = rows_by(
        marts,
        f"""
        select metric_date, active_users_count, active_users_7d_count, active_users_30d_count, new_users_count, repeat_users_count,
            first_repeat_users_count
        from build.active_users_daily where launch_id = '{product.launch_id}'
        """,
        keys=1,
    )
    assert found == truth.active_users(product)


@each_product
def test_volumes_of_every_event(marts: psycopg.Connection, product: truth.Product) -> None:
    query = (
        f"select metric_date, event_name, events_count, users_count from build.event_volumes_daily where launch_id = '{product.launch_id}'"
    )
    assert rows_by(marts, query, keys=2) == truth.volumes(product)


@each_product
def test_funnel_with_pending_entries(marts: psycopg.Connection, product: truth.Product) -> None:
    query = f"""
        select entry_date, step_number, entered_count, reached_count, pending_count
        from build.funnel_daily where launch_id = '{product.launch_id}'
        """
    expected = truth.funnel(product, "uniques", "day")
    assert sum(reached for (_, step), (_, reached, _) in expected.items() if step == len(product.steps)) > 10
    assert sum(pending for _, _, pending in expected.values()) > 0
    assert rows_by(marts, query, keys=2) == expected


@each_product
@pytest.mark.parametrize("kind", ["week", "month"])
@pytest.mark.parametrize("counting", ["uniques", "totals"])
def test_uniques_and_totals_of_weeks_and_months(marts: psycopg.Connection, product: truth.Product, counting: str, kind: str) -> None:
    query = f"""
        select period_start, step_number, entered_count, reached_count, pending_count
        from build.funnel_periods
        where launch_id = '{product.launch_id}' and counting = '{counting}' and period_kind = '{kind}'
        """
    assert rows_by(marts, query, keys=2) == truth.funnel(product, counting, kind)


@each_product
@pytest.mark.parametrize("kind", ["day", "week"])
def test_retention_of_every_cohort_and_period(marts: psycopg.Connection, product: truth.Product, kind: str) -> None:
    query = f"""
        select cohort_date, period_number, cohort_size_count, retained_count, is_complete
        from build.retention_cohorts where launch_id = '{product.launch_id}' and period_kind = '{kind}'
        """
    assert rows_by(marts, query, keys=2) == truth.retention(product, 7 if kind == "week" else 1)


@each_product
def test_activation_is_known_on_the_day_its_window_closes(marts: psycopg.Connection, product: truth.Product) -> None:
    query = f"""
        select metric_date, numerator, denominator
        from build.kpi_daily where launch_id = '{product.launch_id}' and kpi_id = 'activation'
        """
    activated = truth.activation(product)
    assert rows_by(marts, query, keys=1) == {date: activated.get(date, (None, None)) for date in product.covered}


@each_product
@pytest.mark.parametrize("number", [1, 7, 30])
def test_retention_kpis_are_dated_by_observation(marts: psycopg.Connection, product: truth.Product, number: int) -> None:
    query = f"""
        select metric_date, numerator, denominator
        from build.kpi_daily where launch_id = '{product.launch_id}' and kpi_id = 'retention' and subject_id = '{number}'
        """
    cohorts = truth.retention(product, 1)
    observed = {cohort + dt.timedelta(days=number): (retained, size) for (cohort, n), (size, retained, _) in cohorts.items() if n == number}
    assert rows_by(marts, query, keys=1) == {date: observed.get(date, (None, None)) for date in product.covered}


@each_product
def test_a_month_of_the_scorecard_is_made_of_its_days(marts: psycopg.Connection, product: truth.Product) -> None:
    query = f"""
        select kpi_id, value, is_complete from build.scorecard
        where launch_id = '{product.launch_id}' and period_kind = 'month' and period_start = '2026-02-01' and domain = 'product'
        """
    found = rows_by(marts, query, keys=1)
    february = {date: counts for date, counts in truth.active_users(product).items() if date.month == 2}
    last = february[dt.date(2026, 2, 28)]
    activated, entered = truth.activation(product, "month")[dt.date(2026, 2, 1)]
    assert entered < sum(count for date, (_, count) in truth.activation(product).items() if date.month == 2)  # somebody entered twice
    is_complete = len(february) == 28
    assert found["daily_active_users"] == (pytest.approx(sum(counts[0] for counts in february.values()) / len(february)), is_complete)
    assert found["weekly_active_users"] == (last[1], is_complete)
    assert found["monthly_active_users"] == (last[2], is_complete)
    assert found["new_users"] == (sum(counts[3] for counts in february.values()), is_complete)
    assert found["activation"] == (pytest.approx(activated / entered), is_complete)
    assert is_complete == (product is SYDNEY)
