"""A year of true days is never held, at any volume; lost halves and doubled days are, from the volume that decisions.md states."""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from postlaunch.quality.volume import HISTORY_DAYS, LAUNCH_WEEK_DAYS, add_volume
from sandbox.story.cdnow import purchases
from sandbox.story.events import event_day
from sandbox.story.plan import Plan

FLAT, OFFICE = (1.0,) * 7, (1.2, 1.3, 1.3, 1.2, 1.1, 0.3, 0.25)
VOLUMES = (20, 50, 200, 1_000, 10_000, 100_000)
YEAR = 365


def _damage(counts: Sequence[int], day: int) -> float | None:
    """What the gate judges on the morning after `day` (days from the launch), by the days up to it."""
    known = range(max(LAUNCH_WEEK_DAYS, day - HISTORY_DAYS), day + 1)
    return add_volume({"counts": {str(other - day): counts[other] for other in known}})["damage_ratio"]  # type: ignore[no-any-return]


def _is_held(counts: Sequence[int], day: int) -> bool:
    ratio = _damage(counts, day)
    return ratio is not None and not 0.6 <= ratio <= 1.65


def _held(counts: Sequence[int]) -> list[int]:
    return [day for day in range(len(counts)) if _is_held(counts, day)]


def _year(mean: float, week: Sequence[float], growth: float, seed: int, noise: float = 0.0) -> list[int]:
    """A launch: its rush in the first days, growth or decline over ten months, weekdays, Poisson counts, days that differ by `noise`."""
    random, days = np.random.default_rng(seed), np.arange(YEAR)
    level = mean * np.exp(growth * np.minimum(days, 300)) * (1 + 2 * np.exp(-days / 4)) * np.exp(random.normal(0, noise, YEAR))
    return [int(count) for count in random.poisson(level * np.array([week[day % 7] for day in days]))]


def test_eighteen_months_of_real_purchases_are_never_held() -> None:
    """CDNOW: 13 purchases a day, and the acquisition of customers ends on 1997-03-25, so that purchases fall to a fifth for good."""
    counts = collections.Counter(purchase.date for purchase in purchases())
    first, last = min(counts), max(counts)
    series = [counts[first + dt.timedelta(days=day)] for day in range((last - first).days + 1)]
    assert len(series) > 500
    assert _held(series) == []


@pytest.mark.parametrize("mean", VOLUMES)
def test_a_year_of_a_launch_is_never_held_at_any_volume(mean: int) -> None:
    years = [_year(mean, week, growth, seed) for seed, (week, growth) in enumerate([(FLAT, 0.003), (OFFICE, 0.003), (OFFICE, -0.003)])]
    assert [_held(year) for year in years] == [[], [], []]


def test_days_that_differ_more_than_chance_widen_their_own_spread() -> None:
    assert [_held(_year(5_000, OFFICE, 0.001, seed, noise=0.15)) for seed in range(3)] == [[], [], []]


@pytest.mark.parametrize("damage", [lambda count: count // 2, lambda count: 2 * count], ids=["half a day lost", "a doubled day"])
@pytest.mark.parametrize("mean", [2_000, 100_000])
def test_damage_of_a_busy_day_is_always_held(mean: int, damage: Callable[[int], int]) -> None:
    year = _year(mean, FLAT, 0.003, 7)
    for day in range(60, YEAR, 31):
        assert _is_held([damage(count) if other == day else count for other, count in enumerate(year)], day), day


def test_a_campaign_of_one_day_and_the_days_after_it_are_not_held() -> None:
    year = _year(10_000, OFFICE, 0.001, 3)
    year[200] = int(year[200] * 1.6)
    assert _held(year) == []


def test_a_holiday_that_is_as_quiet_as_a_sunday_is_told_and_not_held() -> None:
    year = _year(10_000, OFFICE, 0.0, 4)
    year[201] = year[202 - 202 % 7 - 1]  # a weekday as quiet as the last Sunday
    assert _held(year) == []


def test_a_new_level_is_held_once_at_most_and_never_when_it_has_lasted_a_day() -> None:
    year = _year(10_000, FLAT, 0.0, 5)
    assert set(_held([count // 4 if day >= 150 else count for day, count in enumerate(year)])) <= {150}


def test_growth_waves_and_an_incident_of_the_story_are_no_damage_and_a_damaged_day_of_it_is() -> None:
    plan = Plan(dt.date(2026, 1, 12))
    counts = [len(event_day(plan, day)) for day in range(91)]
    assert _held(counts) == []
    for factor in (0.5, 2.0):
        assert _held([int(count * factor) if day == 85 else count for day, count in enumerate(counts)]) == [85]
