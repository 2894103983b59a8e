"""Which local dates and months a run is about, around the world and around clock changes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postlaunch.config.launch import Launch
from postlaunch.orchestration.defaults import NIGHTLY
from postlaunch.orchestration.windows import (
    dates_to_ingest,
    days_to_review,
    ended_dates,
    months_to_review,
    verdicts_to_give,
    weeks_to_review,
)

ZONES = (
    "America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "America/Sao_Paulo", "America/St_Johns", "UTC", "Europe/Lisbon",
    "Africa/Casablanca", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia",
    "Pacific/Kiritimati", "Pacific/Pago_Pago",
)  # fmt: skip
DAY = dt.timedelta(days=1)


def launch(zone: str, date: dt.date = dt.date(2026, 1, 12)) -> Launch:
    return Launch.model_validate(
        {
            "launch": "x1",
            "name": "X",
            "owner": {"name": "A", "email": "a@b.example"},
            "date": date,
            "timezone": zone,
            "mixpanel": {"project_id": 1},
        }
    )


def night(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The data interval of the nightly run that starts on the morning of `day`."""
    end = dt.datetime.combine(day, dt.time(6), tzinfo=dt.UTC)
    return end - DAY, end


def month_end(year: int, month: int) -> tuple[dt.datetime, dt.datetime]:
    """The data interval of the monthly run of the second of that month."""
    before = (year - 1, 12) if month == 1 else (year, month - 1)
    return dt.datetime(*before, 2, 6, tzinfo=dt.UTC), dt.datetime(year, month, 2, 6, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("zone", "ended"),
    [
        ("America/New_York", "2026-04-12"),  # its midnight is 04:00 UTC
        ("Pacific/Honolulu", "2026-04-11"),  # its midnight is 10:00 UTC: the 12th is not over at 06:00
        ("UTC", "2026-04-12"),
        ("Asia/Kolkata", "2026-04-12"),
        ("Pacific/Auckland", "2026-04-12"),
        ("Pacific/Kiritimati", "2026-04-12"),  # 06:00 UTC is 20:00 on the 13th there
    ],
)
def test_a_night_takes_the_last_date_that_is_over_in_the_zone_of_the_launch(zone: str, ended: str) -> None:
    assert dates_to_ingest(launch(zone), *night(dt.date(2026, 4, 13))) == [dt.date.fromisoformat(ended)]


@pytest.mark.parametrize("day", [dt.date(2026, 3, 8), dt.date(2026, 3, 9), dt.date(2026, 11, 1), dt.date(2026, 11, 2)])
def test_clock_changes_neither_drop_nor_double_a_date(day: dt.date) -> None:
    assert ended_dates(launch("America/New_York"), *night(day)) == [day - DAY]


def test_a_date_that_a_zone_skipped_ends_with_the_date_before_it() -> None:
    samoa = launch("Pacific/Apia")  # 2011-12-30 did not happen there
    found = [date for n in range(5) for date in ended_dates(samoa, *night(dt.date(2011, 12, 29) + n * DAY))]
    assert found == sorted(set(found))
    assert dt.date(2011, 12, 30) in found


@given(zone=st.sampled_from(ZONES), day=st.dates(dt.date(1990, 1, 1), dt.date(2037, 12, 31)))
def test_every_local_date_of_every_zone_belongs_to_exactly_one_night(zone: str, day: dt.date) -> None:
    here = launch(zone)
    owners = [morning for n in range(-3, 5) for morning in [day + n * DAY] if day in ended_dates(here, *night(morning))]
    assert len(owners) == 1
    start, end = night(owners[0])
    assert start < here.day_start(day + DAY) <= end


@given(
    zone=st.sampled_from(ZONES), start=st.dates(dt.date(2024, 1, 1), dt.date(2028, 1, 1)), hour=st.integers(0, 23), days=st.integers(1, 40)
)
def test_a_long_interval_is_the_sum_of_its_nights(zone: str, start: dt.date, hour: int, days: int) -> None:
    here, begin = launch(zone), dt.datetime.combine(start, dt.time(hour), tzinfo=dt.UTC)
    nights = [date for n in range(days) for date in ended_dates(here, begin + n * DAY, begin + (n + 1) * DAY)]
    assert nights == ended_dates(here, begin, begin + days * DAY)


def test_seven_nights_in_a_row_are_seven_dates() -> None:
    found = [date for n in range(7) for date in dates_to_ingest(launch("America/New_York"), *night(dt.date(2026, 3, 6) + n * DAY))]
    assert found == [dt.date(2026, 3, 5) + n * DAY for n in range(7)]


@pytest.mark.parametrize("zone", ZONES)
def test_on_the_second_every_zone_has_just_finished_the_same_month(zone: str) -> None:
    assert months_to_review(launch(zone), *month_end(2026, 3)) == ["2026-02"]


@given(zone=st.sampled_from(ZONES), year=st.integers(2020, 2030), month=st.integers(1, 12))
def test_every_month_is_reviewed_once_in_every_zone(zone: str, year: int, month: int) -> None:
    here = launch(zone, dt.date(year, month, 15))
    found = [
        period
        for n in range(-1, 3)
        for period in months_to_review(here, *month_end(year + (month + n - 1) // 12, (month + n - 1) % 12 + 1))
    ]
    assert found.count(f"{year}-{month:02}") == 1


@given(zone=st.sampled_from(ZONES), first=st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31)))
def test_every_week_and_verdict_is_given_once_in_every_zone(zone: str, first: dt.date) -> None:
    here = launch(zone, first)
    nights = [night(first + n * DAY) for n in range(100)]
    weeks = [week for each in nights for week in weeks_to_review(here, *each)]
    assert weeks == list(dict.fromkeys(weeks))
    sundays = [first + n * DAY for n in range(95) if (first + n * DAY).isoweekday() == 7]
    assert set(weeks) >= {f"{sunday.isocalendar().year}-W{sunday.isocalendar().week:02}" for sunday in sundays}
    assert [day for each in nights for day in verdicts_to_give(here, *each)] == ["day-7", "day-30", "day-60", "day-90"]


@pytest.mark.parametrize(("zone", "weekday"), [("Pacific/Auckland", 1), ("UTC", 1), ("America/New_York", 1), ("America/Los_Angeles", 2)])
def test_a_week_is_reviewed_the_night_after_its_sunday(zone: str, weekday: int) -> None:
    nights = [dt.date(2026, 3, 1) + n * DAY for n in range(14)]
    assert {end.isoweekday() for end in nights if weeks_to_review(launch(zone), *night(end))} == {weekday}


def test_a_launch_is_ingested_from_a_month_before_it_to_thirteen_months_after_it() -> None:
    date = dt.date(2026, 1, 12)
    ingested = {n for n in range(-40, 420) if dates_to_ingest(launch("UTC", date), *night(date + (n + 1) * DAY))}
    assert ingested == set(range(-30, 401))


def test_nobody_ingests_or_reviews_a_launch_of_1997_every_night() -> None:
    old = launch("America/New_York", dt.date(1997, 1, 1))
    assert dates_to_ingest(old, *night(dt.date(2026, 4, 13))) == []
    assert days_to_review(old, *night(dt.date(2026, 4, 13))) == []
    assert months_to_review(old, *month_end(2026, 4)) == []


def test_nothing_is_reviewed_before_launch_day_zero() -> None:
    soon = launch("UTC", dt.date(2026, 4, 20))
    assert days_to_review(soon, *night(dt.date(2026, 4, 20))) == []
    assert days_to_review(soon, *night(dt.date(2026, 4, 21))) == ["2026-04-20"]
    assert months_to_review(soon, *month_end(2026, 4)) == []
    assert months_to_review(soon, *month_end(2026, 5)) == ["2026-04"]


@pytest.mark.parametrize(
    ("zone", "begins"), [("UTC", 23), ("Europe/Berlin", 23), ("America/New_York", 23), ("America/Denver", 24), ("America/Los_Angeles", 24)]
)
def test_23_november_is_ingested_by_the_run_that_the_backfill_cookbook_names(zone: str, begins: int) -> None:
    start = dt.datetime(2026, 11, begins, 6, tzinfo=dt.UTC)
    assert dates_to_ingest(launch(zone), start, start + DAY) == [dt.date(2026, 11, 23)]
    assert NIGHTLY.expression == "0 6 * * *"
    cookbook = (Path(__file__).parents[2] / "docs" / "cookbooks" / "backfill.md").read_text()
    assert "For 23 November choose from 2026-11-23 06:00 to 2026-11-23 06:00" in cookbook
    assert "the run that the scheduler started on the morning of the 24th" in cookbook
    assert "*Reprocess Behavior*: **All Runs** to take days again" in cookbook
