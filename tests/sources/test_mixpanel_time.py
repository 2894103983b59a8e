from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postlaunch.sources.mixpanel.time import ProjectClock, event_time


def wall(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


def utc(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("clock", "moment"),
    [
        ("2026-01-12T14:00:00", "2026-01-12T19:00:00"),  # winter
        ("2026-07-12T14:00:00", "2026-07-12T18:00:00"),  # summer
        ("2025-11-02T01:30:00", "2025-11-02T05:30:00"),  # twice: the first, daylight time
        ("2025-11-02T02:00:00", "2025-11-02T07:00:00"),
        ("2026-03-08T01:59:59", "2026-03-08T06:59:59"),
        ("2026-03-08T02:30:00", "2026-03-08T07:30:00"),  # never: the offset before
        ("2026-03-08T03:00:00", "2026-03-08T07:00:00"),
    ],
)
def test_a_wall_clock_of_new_york_becomes_utc(clock: str, moment: str) -> None:
    assert utc(ProjectClock("America/New_York").moment(wall(clock))) == moment


def test_a_project_in_utc_is_left_as_it_is() -> None:
    assert ProjectClock("UTC").moment(1768226400) == 1768226400


ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia")


@given(st.sampled_from(ZONES), st.integers(min_value=0, max_value=2**31 - 1))
def test_every_wall_clock_reads_as_zoneinfo_reads_it(zone: str, seconds: int) -> None:
    local = dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=ZoneInfo(zone), fold=0)
    assert ProjectClock(zone).moment(seconds) == int(local.timestamp())


@pytest.mark.parametrize(
    "time", [1_768_226_400_000, -1_768_226_400_000, 253_402_300_800, 2**64, int(1e300)], ids=lambda time: f"{time:.1e}"
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_time_outside_the_calendar_is_left_as_it_is(zone: str, time: int) -> None:
    assert ProjectClock(zone).moment(time) == time


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_the_first_and_the_last_second_of_the_calendar_can_be_read(zone: str, clock: str) -> None:
    assert abs(ProjectClock(zone).moment(wall(clock)) - wall(clock)) < 86_400


@pytest.mark.parametrize(
    ("event", "time"),
    [
        ({"properties": {"time": 12}}, 12),
        ({"properties": {"time": 12.0}}, 12),
        ({"properties": {"time": 12.5}}, None),
        ({"properties": {"time": "12"}}, 12),
        ({"properties": {"time": "12.0"}}, 12),
        ({"properties": {"time": "12.5"}}, None),
        ({"properties": {"time": "soon"}}, None),
        ({"properties": {"time": "9" * 5000}}, None),
        ({"properties": {"time": True}}, None),
        ({"properties": None}, None),
        ([], None),
    ],
)
def test_a_time_is_a_whole_number_or_none(event: object, time: int | None) -> None:
    assert event_time(event) == time
