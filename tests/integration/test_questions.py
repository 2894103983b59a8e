"""docs/reference/questions.md: an analyst's login answers each question, from one mart or two, as the scorecard and raw records do."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from postlaunch.warehouse.db import connect
from sandbox.story import truth
from sandbox.story.plan import Plan
from tests.conftest import CLOCK, LAUNCH_DATE
from tests.dbt.event_rows import days
from tests.integration.conftest import STORY_LAST, Story

PAGE = Path("docs/reference/questions.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (.+?)\n.*?```sql\n(.+?)```", PAGE, re.DOTALL | re.MULTILINE))
DAY = dt.timedelta(days=1)
MAY_BE_EMPTY = {"target"}  # the plan promises no number there

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told() -> list[truth.Event]:
    """The story's own events, to the last date of the warehouse."""
    return [event for event in truth.events(Plan(launch_date=LAUNCH_DATE), CLOCK.timestamp()) if event.date <= STORY_LAST]


@pytest.fixture(scope="module")
def answers(module_story: Story) -> dict[str, list[dict[str, Any]]]:
    """Question -> rows."""
    with connect() as session:
        session.execute("set role postlaunch_analyst")
        with session.cursor(row_factory=dict_row) as cursor:
            return {title: cursor.execute(sql.encode()).fetchall() for title, sql in QUESTIONS.items()}


def scorecard(kpi_id: str, period_kind: str, **of: str) -> dict[Any, float]:
    """period_start -> value."""
    subject, segment = of.get("subject", ""), of.get("segment", "")
    with connect() as session:
        rows = session.execute(
            "select period_start, value from marts.scorecard where launch_id = 'emr-platform' and kpi_id = %s and period_kind = %s "
            "and subject_id = %s and segment_id = %s",
            [kpi_id, period_kind, subject, segment],
        ).fetchall()
    return dict(rows)


def test_ten_questions_are_asked_and_each_needs_one_join_or_none() -> None:
    assert len(QUESTIONS) == PAGE.count("\n## ") == 10
    assert all(len(re.findall(r"\bjoin\b", sql)) <= 1 for sql in QUESTIONS.values())


@pytest.mark.parametrize("title", QUESTIONS)
def test_an_analyst_gets_an_answer(answers: dict[str, list[dict[str, Any]]], title: str) -> None:
    rows = answers[title]
    assert rows
    empty = {column for column in rows[0] if all(row[column] is None for row in rows)}
    assert empty <= MAY_BE_EMPTY, f"nobody can tell from {sorted(empty)}"


def test_last_is_the_last_that_is_over(answers: dict[str, list[dict[str, Any]]]) -> None:
    weeks = {row["week"] for row in answers["P1 attainment last week"]}
    assert {f"{week:%Y-%m-%d}" for week in weeks} == {"2026-04-06"}, "the data end on Sunday 12 April"


def test_means_and_shares_are_those_of_the_scorecard(answers: dict[str, list[dict[str, Any]]]) -> None:
    with connect() as session:
        counted = session.execute(
            "select subject_id, sum(numerator) / nullif(sum(denominator), 0) from marts.kpi_daily where launch_id = 'emr-platform' "
            "and kpi_id = 'mean_time_to_acknowledge' and subject_id <> '' and launch_day >= 0 group by subject_id"
        ).fetchall()
    seconds = {severity: value for severity, value in counted if value is not None}
    asked = answers["Mean time to acknowledge by severity, against its target"]
    assert {row["severity"]: 60 * row["mean_minutes"] for row in asked if row["acknowledged"]} == pytest.approx(seconds)
    trend = {row["day"]: row["p95_seconds"] for row in answers["Trend of the p95 response time"]}
    assert trend == scorecard("latency_p95", "day")


def test_activation_and_what_is_lost_step_by_step_are_those_of_the_story(
    answers: dict[str, list[dict[str, Any]]], told: list[truth.Event]
) -> None:
    """Everybody signs up once, so that a week is the sum of its days."""

    def reached(first: dt.date, last: dt.date) -> list[int]:
        return [sum(step) for step in zip(*(truth.funnel(told, date) for date in days(first, last)), strict=True)]

    weeks = answers["Weekly activation by cohort"]
    assert len(weeks) == 15
    for row in weeks:
        steps = reached(row["week"], row["week"] + 6 * DAY)
        assert (row["entered"], row["activated"]) == (steps[0], steps[-1]), row["week"]
    march = reached(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    asked = answers["Drop-off by step last month"]
    assert [(row["step_name"], row["reached_count"]) for row in asked] == list(zip(truth.FUNNEL, march, strict=True))
    assert [row["dropped_ratio"] for row in asked[1:]] == pytest.approx([1 - later / before for before, later in pairwise(march)])


def test_tickets_are_those_of_raw_and_users_those_of_the_story(answers: dict[str, list[dict[str, Any]]], told: list[truth.Event]) -> None:
    with connect() as session:
        rows = session.execute(
            """
            select (occurred_at at time zone 'America/New_York')::date, record -> 'tags' ? 'account_access'
            from raw.zendesk_tickets
            where launch_id = 'emr-platform' and record ->> 'status' <> 'deleted' and not record -> 'tags' ? 'closed_by_merge'
            """
        ).fetchall()
    active = truth.active_users(told)
    opened = {row["category_id"]: row["opened"] for row in answers["Top ticket categories"]}
    assert opened["account_access"] == sum(has_tag and dt.date(2026, 3, 16) <= date <= dt.date(2026, 4, 12) for date, has_tag in rows) > 0
    weeks = answers["Tickets per 1,000 users"]
    assert len(weeks) == 14
    for row in weeks:
        dates = days(row["last_day"] - 6 * DAY, row["last_day"])
        tickets, users = sum(date in dates for date, _ in rows), len(set[Any]().union(*(active.get(date, set()) for date in dates)))
        assert (row["tickets"], row["users"]) == (tickets, users)
        assert float(row["tickets_per_1000_users"]) == pytest.approx(1000 * tickets / users)
