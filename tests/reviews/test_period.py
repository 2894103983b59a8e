import datetime as dt
from types import ModuleType
from typing import get_args

import pytest

from postlaunch.config.launch import ReviewKind
from postlaunch.errors import ReviewError
from postlaunch.reviews import period as periods
from postlaunch.reviews import review as reviews
from postlaunch.reviews.period import parse_period


def test_a_week_is_an_iso_week_or_a_date_in_it(story: ModuleType) -> None:
    typed = parse_period("weekly", "2026-W01", story.EMR)
    assert (typed.start, typed.end, typed.label) == (dt.date(2025, 12, 29), dt.date(2026, 1, 4), "2026-W01")
    assert parse_period("weekly", "2026-01-01", story.EMR) == typed
    assert typed.previous_start == dt.date(2025, 12, 22)


def test_a_month_ends_with_its_last_day(story: ModuleType) -> None:
    period = parse_period("monthly", "2028-02", story.EMR)
    assert (period.start, period.end, period.title) == (dt.date(2028, 2, 1), dt.date(2028, 2, 29), "February 2028")
    assert period.previous_start == dt.date(2028, 1, 1)


def test_a_verdict_at_day_30_judges_the_thirty_days_before_it(story: ModuleType) -> None:
    period = parse_period("verdict", "day-30", story.EMR)
    assert period.start == period.end == dt.date(2026, 2, 10)
    assert story.EMR.launch_day(period.end) == 29


@pytest.mark.parametrize(
    ("kind", "text", "expects"),
    [
        ("daily", "2026-02-30", "a date such as 2026-03-31"),
        ("daily", "yesterday", "a date such as"),
        ("weekly", "2026-W54", "an ISO week such as 2026-W13"),
        ("monthly", "2026-13", "a month such as 2026-03"),
        ("monthly", "2026-03-01", "a month such as 2026-03"),
        ("verdict", "day-45", "one of the verdict days of the launch file, such as day-30"),
        ("verdict", "30", "one of the verdict days of the launch file, such as day-30"),
        ("verdict", "day-x", "such as day-30"),
        ("quarterly", "2026-Q1", "daily, weekly, monthly, verdict"),
    ],
)
def test_a_period_that_cannot_be_read_says_what_is_expected(kind: str, text: str, expects: str, story: ModuleType) -> None:
    with pytest.raises(ReviewError, match=expects):
        parse_period(kind, text, story.EMR)


def test_every_kind_of_review_has_its_periods_and_its_document() -> None:
    assert set(get_args(ReviewKind)) == set(periods._KINDS) == set(reviews._DOCUMENTS)
