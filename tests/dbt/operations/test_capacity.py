"""Daily usage against numpy, trends against scipy.stats.theilslopes, forecasts against futures that are known."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from itertools import product

import numpy as np
import psycopg
import pytest
from scipy.stats import theilslopes

from tests.dbt.operations.capacity_cases import ACCELERATING, CURVES, LAST, SHAPES, SIMULATED, SLOPES, days_until, values
from tests.dbt.operations.capacity_cases import DATES as SIMULATED_DATES
from tests.dbt.operations.metric_cases import DATES, LAUNCH_DATE, SILENT_DATE, TRIGGERS, local_date, resource_samples

Key = tuple[str, dt.date]
WINDOW = 42


def fullest() -> dict[Key, list[float]]:
    """(resource, date) -> the fullest instance at each moment."""
    highest: dict[tuple[str, dt.date, dt.datetime], float] = {}
    for sample in resource_samples():
        if sample.metric_id.endswith(".resource") and not math.isnan(sample.value):
            key = (sample.metric_id.removesuffix(".resource"), local_date(sample), sample.sampled_at)
            highest[key] = max(sample.value, highest.get(key, -math.inf))
    days: dict[Key, list[float]] = defaultdict(list)
    for (resource, date, _), value in highest.items():
        days[resource, date].append(value)
    return days


USAGE = fullest()


def test_a_day_has_average_maximum_and_p95_of_the_fullest_instance(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select resource_id, metric_date, average_value, maximum_value, p95_value, samples_count, trigger_value, launch_day
        from build.capacity_daily
        where launch_id = 'watched'
        """
    ).fetchall()
    assert {row[:2] for row in rows} == set(USAGE)
    for resource, date, *found in rows:
        values = USAGE[resource, date]
        expected = [np.mean(values), max(values), np.percentile(values, 95), len(values), TRIGGERS[resource], (date - LAUNCH_DATE).days]
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_trend_is_theilslopes_since_its_first_date_and_its_interval_is_never_narrower(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select
            resource_id, metric_date, trend_from_date, observed_days_count, level_value, slope_per_day, slope_low_per_day,
            slope_high_per_day
        from build.capacity_forecast
        where launch_id = 'watched'
        """
    ).fetchall()
    assert {row[:2] for row in rows} == set(USAGE)
    known = 0
    for resource, date, first, days, level, slope, low, high in rows:
        window = [day for day in DATES if first <= day <= date and (resource, day) in USAGE]
        assert (date - first).days < WINDOW
        assert days == len(window)
        assert level == pytest.approx(np.percentile(USAGE[resource, date], 95), rel=1e-12)
        assert (slope is None) == (days < 7)
        if slope is not None:
            expected = theilslopes([np.percentile(USAGE[resource, day], 95) for day in window], [(day - date).days for day in window])
            assert slope == pytest.approx(expected.slope, rel=1e-9, abs=1e-9)
            assert low <= expected.low_slope + 1e-9
            assert high >= expected.high_slope - 1e-9
            known += 1
    assert known > 150


Answer = tuple[str, float | None, float | None, float | None, dt.date, float]


@pytest.fixture(scope="module")
def answers(built: psycopg.Connection) -> dict[str, Answer]:
    """Resource -> outlook, days to the trigger (earliest, latest), where its trend begins and what is used, on the last date."""
    rows = built.execute(
        """
        select resource_id, outlook, days_to_trigger, days_to_trigger_low, days_to_trigger_high, trend_from_date, level_value
        from build.capacity_forecast
        where launch_id = 'simulated' and metric_date = %s
        """,
        [LAST],
    ).fetchall()
    assert len(rows) == len(SHAPES) + len(SLOPES) * SIMULATED + 2 * len(CURVES) * ACCELERATING
    return {str(row[0]): row[1:] for row in rows}


def test_what_jumped_over_its_trigger_is_there_and_not_52_days_away(answers: dict[str, Answer]) -> None:
    assert answers["jumped_over"][:4] == ("reached", 0, 0, 0)


def test_memory_at_80_3_percent_of_a_trigger_of_80_is_reached(answers: dict[str, Answer]) -> None:
    assert answers["just_over"][0] == "reached"
    assert answers["just_over"][5] == pytest.approx(0.803)


@pytest.mark.parametrize("resource", ["jumped_yesterday", "jumped_today"])
def test_after_a_jump_nothing_is_known_of_the_pace(answers: dict[str, Answer], resource: str) -> None:
    assert answers[resource][:4] == ("unknown", None, None, None)


def test_a_week_of_growth_after_six_flat_ones_is_a_trend_of_its_own(answers: dict[str, Answer]) -> None:
    outlook, days, earliest, latest, first, _ = answers["last_week"]
    assert outlook == "growing"
    assert days == pytest.approx((1.2 - 0.86) / 0.08, rel=0.15)
    assert earliest is not None
    assert latest is not None
    assert earliest <= (1.2 - 0.86) / 0.08 <= latest
    assert LAST - dt.timedelta(days=8) <= first <= LAST - dt.timedelta(days=6)


@pytest.mark.parametrize("resource", ["plateau", "flat", "weekly", "spike"])
def test_a_plateau_a_weekend_and_a_spike_are_no_growth(answers: dict[str, Answer], resource: str) -> None:
    assert answers[resource][0] == "not_growing"
    assert answers[resource][1] is None


def test_growth_that_accelerates_shortens_the_range_to_before_the_curve_meets_the_trigger(answers: dict[str, Answer]) -> None:
    outlook, days, earliest, latest, _, level = answers["accelerating"]
    truth = math.sqrt((1.0 - 0.3) / 0.0002) - 41  # the curve is at 41 days now, and at its trigger in 18
    assert outlook == "growing"
    assert earliest is not None
    assert days is not None
    assert latest is not None
    line = theilslopes(values()["accelerating"][-28:], range(-27, 1))
    assert earliest < truth < (1.0 - line.intercept) / line.high_slope  # one line through four weeks: 33 days at the earliest
    assert latest > truth
    assert days < (1.0 - level) / (41 * 0.0002 * 0.75)  # three quarters of the pace of today


@pytest.mark.parametrize(("curve", "least"), [("straight", 0.95), ("quadratic", 0.95), ("exponential", 0.85)])
def test_the_range_of_days_holds_when_the_curve_itself_meets_the_trigger(answers: dict[str, Answer], curve: str, least: float) -> None:
    """Growth that gets faster too: of an exponential curve the parabola sees a part, so that it is late once in ten."""
    held = []
    for days, number in product(("iid", "memory"), range(ACCELERATING)):
        outlook, _, earliest, latest, *_ = answers[f"{curve}_{days}_{number}"]
        if outlook == "growing":
            assert earliest is not None
            assert latest is not None
            held.append(earliest <= days_until(number) <= latest)
    assert len(held) >= 0.8 * 2 * ACCELERATING
    assert sum(held) / len(held) >= least, f"{sum(held)} of {len(held)}"


def test_a_trend_starts_after_the_last_restart(answers: dict[str, Answer]) -> None:
    outlook, days, _, _, first, _ = answers["restarted"]
    assert (outlook, first) == ("growing", SIMULATED_DATES[35])
    assert days == pytest.approx((1.0 - 0.56) / 0.02, rel=0.15)
    outlook, days, _, _, first, _ = answers["sawtooth"]
    assert (outlook, first) == ("growing", SIMULATED_DATES[40])
    assert days == pytest.approx((1.0 - 0.7) / 0.05, rel=0.15)


def test_intervals_hold_what_they_promise_for_independent_days_and_for_days_that_remember(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select resource_id, slope_low_per_day, slope_high_per_day, is_growing, backtest_count, backtest_covered_count
        from build.capacity_forecast
        where launch_id = 'simulated' and metric_date = %s and slope_per_day is not null
        """,
        [LAST],
    ).fetchall()
    covered: dict[str, list[bool]] = defaultdict(list)
    grown: dict[str, list[bool]] = defaultdict(list)
    tested: dict[str, list[int]] = {"iid": [0, 0], "memory": [0, 0]}
    for resource, low, high, is_growing, count, covered_count in rows:
        kind = resource.rpartition("_")[0]
        if kind in SLOPES:
            covered[kind.split("_")[0]].append(low <= SLOPES[kind] <= high)
            grown[kind].append(is_growing)
            tested[kind.split("_")[0]][0] += count
            tested[kind.split("_")[0]][1] += covered_count
    for days in ("iid", "memory"):
        assert len(covered[days]) >= 0.98 * 2 * SIMULATED  # few are cut so short that nothing is said
        assert 0.90 <= sum(covered[days]) / len(covered[days]) <= 0.99
        assert 0.90 <= tested[days][1] / tested[days][0] <= 0.99  # the published back-test of forecasts seven days ahead
        assert sum(grown[f"{days}_flat"]) / len(grown[f"{days}_flat"]) <= 0.05
    assert sum(grown["iid_grow"]) / len(grown["iid_grow"]) >= 0.9  # and what grows is seen


def test_the_kpi_is_the_nearest_trigger_and_unknown_before_it_is_a_year(built: psycopg.Connection) -> None:
    rows = dict(
        built.execute(
            "select metric_date, days_to_trigger from build.int_capacity_outlooks where launch_id = 'watched' and resource_id = ''"
        ).fetchall()
    )
    assert sorted(rows) == DATES
    forecasts: dict[dt.date, dict[str, tuple[str, float | None]]] = defaultdict(dict)
    for resource, date, outlook, days in built.execute(
        "select resource_id, metric_date, outlook, days_to_trigger from build.capacity_forecast where launch_id = 'watched'"
    ):
        forecasts[date][resource] = (outlook, days)
    for date, value in rows.items():
        there = forecasts[date]
        near = [days for outlook, days in there.values() if outlook in ("reached", "growing") and days is not None and days < 365]
        is_known = len(there) == len(TRIGGERS) and all(outlook != "unknown" for outlook, _ in there.values())
        expected = min(near) if near else 365 if is_known else None
        assert value == (None if expected is None else pytest.approx(expected, rel=1e-9))
    assert rows[SILENT_DATE] is None
