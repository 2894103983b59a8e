"""KPIs that a launch file declares over PromQL, facts and other KPIs, against their definition worked out sample by sample."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest

from tests.dbt.operations import declared_cases
from tests.dbt.operations.metric_cases import DATES

DAY = dt.timedelta(days=1)
TRUTH = declared_cases.Truth(declared_cases.samples())


@pytest.mark.parametrize("kpi", [kpi["kpi"] for kpi in declared_cases.KPIS])
def test_a_declared_kpi_is_what_its_definition_says_in_every_period(built: psycopg.Connection, kpi: str) -> None:
    rows = built.execute(
        """
        select period_kind, period_start, value from build.scorecard
        where launch_id = 'declared' and kpi_id = %s and subject_id = '' and segment_id = ''
        """,
        [kpi],
    ).fetchall()
    expected = {period: TRUTH.of(kpi, dates) for period, dates in declared_cases.periods(kpi).items()}
    assert {(kind, start): value for kind, start, value in rows} == pytest.approx(expected, rel=1e-9, nan_ok=False)
    daily = built.execute("select metric_date, value from build.kpi_daily where launch_id = 'declared' and kpi_id = %s", [kpi]).fetchall()
    assert dict(daily) == pytest.approx({start: value for (kind, start), value in expected.items() if kind == "day"}, rel=1e-9)


def test_a_date_without_samples_is_not_seen_and_a_fact_is(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select kpi_id, days_seen_count, days_expected_count from build.scorecard
        where launch_id = 'declared' and period_kind = 'month' and period_start = '2026-02-01'
        """
    ).fetchall()
    seen = {kpi: (days, expected) for kpi, days, expected in rows}
    february = len([date for date in DATES if date.month == 2])
    assert seen["lag"] == (february - 1, 28)
    assert seen["unseen"] == (0, 28)
    assert seen["cost"] == (28, 28)
    assert seen["restarts_by_lag"] == (february - 1, 28)


def test_a_plan_is_held_against_what_came_in_its_month_of_the_launch(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select kpi_id, month_number, domain, period_start, period_end, is_per_day, planned_value, value, is_complete
        from build.plan_months where launch_id = 'declared'
        """
    ).fetchall()
    month_2, month_3 = declared_cases.MONTH_2, declared_cases.MONTH_2 + 30 * DAY
    dates = [date for date in DATES if date >= month_2]
    domains = {"cost": "capacity"}
    came = {kpi: TRUTH.of(kpi, dates) for kpi in declared_cases.PLANNED}
    assert came["restarts"], "something came"
    came["restarts"] /= len(dates)
    expected = [
        (kpi, 2, domains.get(kpi, "reliability"), month_2, month_2 + 29 * DAY, kpi == "restarts", plan, pytest.approx(came[kpi]), False)
        for kpi, plan in declared_cases.PLANNED.items()
    ]
    ahead = ("restarts", 3, "reliability", month_3, month_3 + 29 * DAY, False, 80.0, None, False)
    assert sorted(rows, key=lambda row: row[:2]) == sorted([*expected, ahead], key=lambda row: row[:2])
