"""Which landed dates a run that goes on may take: pulled by the runs that were cut short, after the date was over, and not refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.landing.resume import clear_refusal, landed_since, mark_refused, newest_pull
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull
from postlaunch.sources.mixpanel.spec import EVENTS
from postlaunch.sources.registry import SPECS

DAYS = [dt.date(2026, 1, 12) + dt.timedelta(days=number) for number in range(4)]
SINCE = dt.datetime(2026, 1, 15, 2, tzinfo=dt.UTC)  # the third date ends at 05:00, in New York
LAUNCH = Launch.model_validate(
    {
        "launch": "shop",
        "name": "Shop",
        "owner": {"name": "Ada", "email": "ada@example.com"},
        "date": "2026-01-12",
        "timezone": "America/New_York",
        "mixpanel": {"project_id": 1},
        "zendesk": {},
    }
)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(str(tmp_path / "landing"))


def pull(landing: Landing, day: dt.date, moment: dt.datetime) -> Pull:
    pull_id = f"{moment:%Y%m%dT%H%M%S%fZ}-000000"
    return PartitionWriter(landing, "mixpanel", "shop", "events", day, pull_id, LAUNCH.window(Dates.of(day))).finalise({})


def taken(landing: Landing) -> list[str]:
    return [pull.manifest.partition for pull in landed_since(landing, LAUNCH, SPECS["mixpanel"].streams, Dates(DAYS[0], DAYS[-1]), SINCE)]


def test_dates_are_taken_up_to_the_first_that_is_not_landed_and_the_last_never_is(landing: Landing) -> None:
    later = SINCE + dt.timedelta(days=2)
    for day in (DAYS[0], DAYS[1], DAYS[3]):
        pull(landing, day, later)
    assert taken(landing) == ["2026-01-12", "2026-01-13"]
    pull(landing, DAYS[2], later)
    assert taken(landing) == ["2026-01-12", "2026-01-13", "2026-01-14"]


def test_a_pull_of_an_earlier_run_is_not_taken(landing: Landing) -> None:
    pull(landing, DAYS[0], SINCE - dt.timedelta(seconds=1))
    assert taken(landing) == []
    pull(landing, DAYS[0], SINCE + dt.timedelta(seconds=1))
    assert taken(landing) == ["2026-01-12"]


def test_a_date_that_was_still_running_is_not_taken(landing: Landing) -> None:
    for day in DAYS[:2]:
        pull(landing, day, SINCE)
    pull(landing, DAYS[2], SINCE + dt.timedelta(hours=2, minutes=59))
    assert taken(landing) == ["2026-01-12", "2026-01-13"]
    pull(landing, DAYS[2], SINCE + dt.timedelta(hours=3))
    assert taken(landing) == ["2026-01-12", "2026-01-13", "2026-01-14"]


def test_a_refused_pull_is_passed_over_until_it_is_taken(landing: Landing) -> None:
    older, newer = (pull(landing, DAYS[0], SINCE + dt.timedelta(hours=hours)) for hours in (0, 1))
    mark_refused(newer, "lost rows")
    assert newest_pull(landing, EVENTS, LAUNCH, DAYS[0]) == older
    assert newest_pull(landing, EVENTS, LAUNCH, DAYS[0], even_refused=True) == newer
    clear_refusal(newer)
    assert newest_pull(landing, EVENTS, LAUNCH, DAYS[0]) == newer


def test_a_merged_window_has_no_parts_to_go_on_with(landing: Landing) -> None:
    assert landed_since(landing, LAUNCH, SPECS["zendesk"].streams, Dates(DAYS[0], DAYS[-1]), SINCE) == []
