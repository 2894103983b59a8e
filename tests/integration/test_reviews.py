"""The reviews of the story's launches, from marts that the whole pipeline made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postlaunch.reviews import render

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]


def test_the_monthly_review_of_the_story_has_six_charts_and_fits_a_mail(module_story: Any, tmp_path: Path) -> None:
    review = render("monthly", module_story.launches["emr-platform"], "2026-03", out=tmp_path)
    assert len(review.images) >= 6
    assert len(review.html.encode()) < 90_000
    assert " is late" not in review.text
    assert " is held" not in review.text
    for section in ("ADOPTION AND GROWTH", "FUNNEL", "RETENTION", "SUPPORT", "INCIDENTS", "TECHNICAL HEALTH", "CAPACITY"):
        assert section in review.text


@pytest.mark.parametrize(("kind", "period"), [("daily", "2026-04-12"), ("weekly", "2026-W15"), ("verdict", "day-90")])
def test_every_other_review_of_the_story_renders(kind: str, period: str, module_story: Any, tmp_path: Path) -> None:
    review = render(kind, module_story.launches["emr-platform"], period, out=tmp_path)
    assert "no publication yet" not in review.text
    assert review.paths[0].is_file()


def test_cdnow_is_reviewed_by_its_purchases_alone(module_story: Any, tmp_path: Path) -> None:
    review = render("monthly", module_story.launches["cdnow"], "1997-06", out=tmp_path)
    assert [cid.partition(".")[0] for cid in review.images] == ["active-users", "retention-cohorts"]
    assert "Support" not in review.text


def _text(kind: str, launch: Any, period: str) -> str:
    return " ".join(render(kind, launch, period).text.split())


def test_the_day_of_the_p1_leads_with_it_and_its_light_is_not_green(module_story: Any) -> None:
    text = _text("daily", module_story.launches["emr-platform"], "2026-02-18")
    assert "launch day 37 1 P1 incident. 3 of 6 targets are met; missed:" in text
    assert "Incidents: ✗ 1 P1 incident; 1 of 2 targets missed: hotfixes in time" in text
    assert "1 of at most 9 in this phase" in text


def test_the_day_after_the_data_ends_says_that_nothing_was_seen(module_story: Any) -> None:
    text = _text("daily", module_story.launches["emr-platform"], "2026-04-13")
    assert "Nothing was seen on 13 April: no data of product, support, incidents, reliability and capacity." in text
    assert text.count("late since") == 1
    for claim in ("No incidents", "No target", "no target", "SLA clock", "Hold the line"):
        assert claim not in text


def test_a_week_of_two_days_is_compared_with_the_same_two(module_story: Any) -> None:
    text = _text("weekly", module_story.launches["cdnow"], "1998-W27")
    assert "Week 27, 2 of 7 days seen: compared with the same days of week 26." in text
    assert "Daily active users fell 70 % on the same days of week 26, to 1.5 a day" in text
