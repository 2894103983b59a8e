"""Daily usage against numpy, trends against scipy.stats.theilslopes."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict

import numpy as np
import psycopg
import pytest
from scipy.stats import theilslopes

from tests.dbt.operations.metric_cases import DATES, LAUNCH_DATE, SILENT_DATE, TRIGGERS, local_date, resource_samples

Key = tuple[str, dt.date]
WINDOW = 28


def fullest() -> dict[Key, list[float]]:
    """(resource, date) -> the fullest instance at each moment."""
    highest: dict[tuple[str, dt.date, dt.datetime], float] = {}
    for sample in resource_samples():
        if not math.isnan(sample.value):
            key = (sample.metric_id.removesuffix(".resource"), local_date(sample), sample.sampled_at)
            highest[key] = max(sample.value, highest.get(key, -math.inf))
    days: dict[Key, list[float]] = defaultdict(list)
    for (resource, date, _), value in highest.items():
        days[resource, date].append(value)
    return days


USAGE = fullest()


def trend(resource: str, date: dt.date) -> tuple[int, tuple[float, float, float, float] | None]:
    """Observations in the window that ends on `date`, and theilslopes through their p95 (x: days after `date`)."""
    window = {day: USAGE[resource, day] for day in DATES if (resource, day) in USAGE and 0 <= (date - day).days < WINDOW}
    if len(window) < 7:
        return len(window), None
    offsets = [(day - date).days for day in window]
    return len(window), tuple(theilslopes([np.percentile(values, 95) for values in window.values()], offsets))


def test_a_day_has_average_maximum_and_p95_of_the_fullest_instance(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select resource_id, metric_date, average_value, maximum_value, p95_value, samples_count, trigger_value, launch_day
        from build.capacity_daily
        """
    ).fetchall()
    assert {row[:2] for row in rows} == set(USAGE)
    for resource, date, *found in rows:
        values = USAGE[resource, date]
        expected = [np.mean(values), max(values), np.percentile(values, 95), len(values), TRIGGERS[resource], (date - LAUNCH_DATE).days]
        assert found == pytest.approx(expected, rel=1e-12)


def test_trends_and_their_intervals_equal_theilslopes_with_gaps_ties_and_noise(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select resource_id, metric_date, observed_days_count, slope_per_day, level_value, slope_low_per_day, slope_high_per_day
        from build.capacity_forecast
        """
    ).fetchall()
    expected = {key: trend(*key) for key in USAGE}
    assert {row[:2] for row in rows} == {key for key, (_, line) in expected.items() if line}
    for resource, date, days, *line in rows:
        assert (days, line) == (expected[resource, date][0], pytest.approx(list(expected[resource, date][1]), rel=1e-9, abs=1e-9))
    assert len(rows) > 150


def test_days_to_trigger_follow_from_level_and_slopes(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select resource_id, metric_date, days_to_trigger, days_to_trigger_low, days_to_trigger_high, is_growing from build.capacity_forecast
        """
    ).fetchall()
    kinds = set()
    for resource, date, *days, is_growing in rows:
        _, line = trend(resource, date)
        assert line is not None
        slope, level, low, high = line
        expected = [_days_until(TRIGGERS[resource], level, one) for one in (slope, high, low)]
        assert days == [one if one is None else pytest.approx(one, rel=1e-6, abs=1e-9) for one in expected]
        assert is_growing == (low > 0)
        kinds.add(tuple(one is None for one in expected))
    assert len(kinds) >= 3


def _days_until(trigger: float, level: float, slope: float) -> float | None:
    if level >= trigger:
        return 0.0
    return (trigger - level) / slope if slope > 0 else None


def test_the_kpi_is_the_first_sure_trigger_and_a_year_if_there_is_none(built: psycopg.Connection) -> None:
    rows = built.execute("select metric_date, value from build.int_kpi_capacity").fetchall()
    assert [date for date, _ in sorted(rows)] == DATES
    for date, value in rows:
        days = []
        for resource, trigger in TRIGGERS.items():
            _, line = trend(resource, date) if (resource, date) in USAGE else (0, None)
            if line is not None:
                slope, level, low, _ = line
                until = _days_until(trigger, level, slope)
                days.append(min(until, 365.0) if until is not None and (low > 0 or until == 0) else 365.0)
        assert value == (pytest.approx(min(days), rel=1e-6) if days else None)
    assert dict(rows)[SILENT_DATE] is None
