"""What the demonstration loads, decided from the launch, the night and what is loaded already."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from postlaunch.config.load import load_launch
from sandbox.demo import Window, history, missing

NIGHT = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)  # day 90 (2026-04-12) has just ended in New York


def test_the_history_ends_the_night_before_and_begins_with_the_first_testers(sandbox_launches: Path) -> None:
    windows = history(load_launch(sandbox_launches, "emr-platform"), NIGHT)
    assert {window.source for window in windows} == {"mixpanel", "zendesk", "pagerduty", "prometheus"}
    assert {(window.first, window.last) for window in windows} == {(dt.date(2026, 1, 3), dt.date(2026, 4, 11))}


def test_the_real_cohort_is_loaded_whole(sandbox_launches: Path) -> None:
    windows = history(load_launch(sandbox_launches, "cdnow"), NIGHT)
    assert windows == [Window("mixpanel", "cdnow", dt.date(1997, 1, 1), dt.date(1998, 6, 30))]


def test_a_window_is_the_command_that_a_person_would_type() -> None:
    window = Window("zendesk", "emr-platform", dt.date(2026, 1, 3), dt.date(2026, 4, 11))
    assert " ".join(window.command) == "ingest zendesk --launch emr-platform --from 2026-01-03 --to 2026-04-11"


def test_a_second_demonstration_loads_only_what_is_missing() -> None:
    first, last = dt.date(2026, 1, 3), dt.date(2026, 4, 11)
    windows = [Window(source, "emr-platform", first, last) for source in ("mixpanel", "zendesk", "pagerduty")]
    loaded = {("emr-platform", "mixpanel"): dt.date(2026, 4, 12), ("emr-platform", "zendesk"): dt.date(2026, 4, 9)}
    assert missing(windows, loaded) == [
        Window("zendesk", "emr-platform", dt.date(2026, 4, 10), last),
        Window("pagerduty", "emr-platform", first, last),
    ]
