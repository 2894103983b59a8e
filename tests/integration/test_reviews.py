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
