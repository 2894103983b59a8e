"""KPIs that a launch file declares over PromQL, facts and other KPIs, against their definition worked out sample by sample."""

from __future__ import annotations

import psycopg
import pytest

from tests.dbt.operations import declared_cases
from tests.dbt.operations.metric_cases import DATES

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
