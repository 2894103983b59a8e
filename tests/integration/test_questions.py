"""docs/reference/questions.md: an analyst's login answers each question, from one mart or two, as the scorecard and raw records do."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from postlaunch.warehouse.db import connect
from tests.integration.conftest import Story

PAGE = Path("docs/reference/questions.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (.+?)\n.*?```sql\n(.+?)```", PAGE, re.DOTALL | re.MULTILINE))
MAY_BE_EMPTY = {"dropped_ratio", "target", "days_to_trigger_low", "days_to_trigger", "days_to_trigger_high", "previous_value", "change"}

pytestmark = pytest.mark.slow


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
    rates = scorecard("tickets_per_1000_users", "week")
    found = {row["last_day"]: float(row["tickets_per_1000_users"]) for row in answers["Tickets per 1,000 users"]}
    assert len(found) == 14
    assert rates
    trend = {row["day"]: row["p95_seconds"] for row in answers["Trend of the p95 response time"]}
    assert trend == scorecard("latency_p95", "day")


def test_drop_off_and_categories_are_those_of_raw(answers: dict[str, list[dict[str, Any]]]) -> None:
    steps = answers["Drop-off by step last month"]
    assert [row["step_name"] for row in steps] == ["Signed Up", "Logged In", "Task Created"]
    assert [row["dropped_ratio"] for row in steps[1:]] == [
        pytest.approx(1 - later["reached_count"] / before["reached_count"]) for before, later in pairwise(steps)
    ]
    with connect() as session:
        tagged = session.execute(
            """
            select count(*) from raw.zendesk_tickets
            where launch_id = 'emr-platform' and record -> 'tags' ? 'account_access' and record ->> 'status' <> 'deleted'
                and (occurred_at at time zone 'America/New_York')::date between '2026-03-16' and '2026-04-12'
            """
        ).fetchone()
    assert tagged is not None
    opened = {row["category_id"]: row["opened"] for row in answers["Top ticket categories"]}
    assert opened["account_access"] == tagged[0] > 0
