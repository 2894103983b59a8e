"""Who is mailed, and how long a review waits for its numbers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launch

DAY = dt.date(2026, 4, 12)
FORM = {"launch": None, "period": None, "recipients": None, "send": False, "send_again": False}


@pytest.fixture
def launch(sandbox_launches: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Launch:
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
    return load_launch(sandbox_launches, "emr-platform")


def context(run_type: str, started: dt.datetime | None = None, busy: tuple[str, ...] = (), **form: Any) -> dict[str, Any]:
    """What Airflow tells a task: its run, its form, and how many runs of another DAG are under way."""
    end = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
    return {
        "params": {**FORM, **form},
        "data_interval_start": end - dt.timedelta(days=1),
        "data_interval_end": end,
        "dag_run": SimpleNamespace(run_type=run_type, start_date=started or dt.datetime.now(dt.UTC), run_after=end),
        "ti": SimpleNamespace(get_dr_count=lambda dag_id, states: int(dag_id in busy and "running" in states)),
    }


def nobody(_source: str) -> bool:
    """No ingest and no build is under way."""
    return False


def ingested(warehouse: str, source: str, status: str = "succeeded", error: str | None = None, day: dt.date = DAY) -> None:
    with psycopg.connect(warehouse) as session:
        session.execute(
            "insert into ops.ingest_runs (launch_id, source, first_date, last_date, status, error)"
            " values ('emr-platform', %s, %s, %s, %s, %s)",
            (source, day, day, status, error),
        )


def published(warehouse: str, domain: str, through: dt.date, held: str | None = None) -> None:
    with psycopg.connect(warehouse) as session:
        session.execute(
            "insert into ops.domain_status (launch_id, domain, covered_through, held_since, held_from_date, held_reason)"
            " values ('emr-platform', %(domain)s, %(through)s, case when %(held)s::text is not null then now() end,"
            " case when %(held)s::text is not null then %(through)s::date + 1 end, %(held)s)",
            {"domain": domain, "through": through, "held": held},
        )


@pytest.mark.parametrize("form", [{}, {"send": True}, {"send": True, "send_again": True}])
def test_a_backfill_never_mails_whatever_its_form_says(form: dict[str, bool]) -> None:
    from postlaunch.orchestration.reviews import sending

    assert sending("backfill", {**FORM, **form}) == {"send": False, "again": False}


def test_a_launch_that_mails_other_reviews_has_not_asked_for_this_one(launch: Launch) -> None:
    from postlaunch.orchestration.reviews import asks_for

    def mailing(**recipients: tuple[str, ...]) -> Launch:
        return launch.model_copy(update={"reviews": launch.reviews.model_copy(update={"recipients": recipients})})

    assert asks_for("daily", mailing(daily=("a@example.org",)))
    assert not asks_for("daily", mailing(weekly=("a@example.org",)))
    assert asks_for("daily", mailing()), "its task fails and says what is missing"


def test_a_scheduled_run_mails_once() -> None:
    from postlaunch.orchestration.reviews import sending

    assert sending("scheduled", FORM) == {"send": True, "again": False}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, (False, False)),
        ({"send": True}, (True, False)),
        ({"send": True, "send_again": True}, (True, True)),
        ({"send_again": True}, (False, False)),
    ],
)
def test_a_manual_run_mails_as_its_form_says(form: dict[str, bool], expected: tuple[bool, bool]) -> None:
    from postlaunch.orchestration.reviews import sending

    assert tuple(sending("manual", {**FORM, **form}).values()) == expected


def test_a_run_reviews_what_ended_or_what_its_form_names(launch: Launch) -> None:
    from postlaunch.orchestration.reviews import targets
    from postlaunch.orchestration.windows import days_to_review

    assert targets("daily", days_to_review, context("scheduled")) == [{"launch": "emr-platform", "period": "2026-04-12"}]
    assert targets("daily", days_to_review, context("manual", launch="cdnow", period="1997-03-31")) == [
        {"launch": "cdnow", "period": "1997-03-31"}
    ]


def test_a_form_that_names_an_unknown_launch_says_which_there_are(launch: Launch) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.reviews import targets
    from postlaunch.orchestration.windows import days_to_review

    with pytest.raises(AirflowFailException, match="known: cdnow, emr-platform"):
        targets("daily", days_to_review, context("manual", launch="erm"))


def test_a_review_waits_for_what_was_not_ingested_yet(launch: Launch, warehouse: str) -> None:
    from postlaunch.orchestration.coverage import missing_domains

    published(warehouse, "product", DAY)
    published(warehouse, "support", DAY - dt.timedelta(days=1))
    waiting, given_up = missing_domains(launch, DAY, nobody)
    assert "product" not in waiting
    assert "support" in waiting
    assert given_up == {}


def test_a_review_does_not_wait_for_a_held_domain_or_a_failed_source(launch: Launch, warehouse: str) -> None:
    from postlaunch.orchestration.coverage import missing_domains

    published(warehouse, "product", DAY - dt.timedelta(days=1), held="half of the events are missing")
    ingested(warehouse, "pagerduty", "failed", "HTTP 503")
    waiting, given_up = missing_domains(launch, DAY, nobody)
    assert "half of the events are missing" in given_up["product"]
    assert "HTTP 503" in given_up["incidents"]
    assert not {"product", "incidents"} & set(waiting)


def test_a_failed_source_is_waited_for_while_airflow_tries_it_again(launch: Launch, warehouse: str) -> None:
    from postlaunch.orchestration.coverage import missing_domains

    ingested(warehouse, "pagerduty", "failed", "HTTP 503")
    waiting, _ = missing_domains(launch, DAY, lambda source: source == "pagerduty")
    assert "incidents" in waiting


def test_a_source_without_news_is_not_waited_for(launch: Launch, warehouse: str) -> None:
    from postlaunch.orchestration.coverage import missing_domains

    ingested(warehouse, "zendesk")
    waiting, given_up = missing_domains(launch, DAY, nobody)
    assert "support" not in waiting
    assert "support" in given_up


@pytest.mark.parametrize(
    ("run_type", "minutes_ago", "goes_on"), [("scheduled", 5, False), ("scheduled", 61, True), ("manual", 0, True), ("backfill", 0, True)]
)
def test_patience_ends_after_an_hour_and_only_the_schedule_has_any(
    run_type: str, minutes_ago: int, goes_on: bool, launch: Launch, warehouse: str
) -> None:
    from postlaunch.orchestration.reviews import nothing_to_wait_for

    started = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
    target = {"launch": "emr-platform", "period": "2026-04-12"}
    assert nothing_to_wait_for("daily", target, context(run_type, started, busy=("ingest_zendesk",))) is goes_on


def test_a_scheduled_run_without_recipients_says_where_they_belong(tmp_path: Path, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.reviews import render_and_deliver

    with pytest.raises(AirflowFailException, match=r"launch cdnow: reviews\.recipients\.daily is missing"):
        render_and_deliver("daily", {"launch": "cdnow", "period": "1997-03-31"}, context("scheduled"))


def test_a_launch_with_a_wrong_file_is_reviewed_by_its_last_right_one_and_a_launch_that_never_had_one_is_not(
    sandbox_launches: Path, warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postlaunch.config.load import read_launches
    from postlaunch.orchestration.reviews import targets
    from postlaunch.orchestration.windows import days_to_review
    from postlaunch.warehouse.config_sync import sync_launches

    text = (sandbox_launches / "emr-platform.yaml").read_text()
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.yaml").write_text(text.replace("launch: emr-platform", f"launch: {name}"))
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path))
    sync_launches(read_launches(tmp_path).launches)
    (tmp_path / "two.yaml").write_text(text.replace("launch: emr-platform", "launch: two") + "colour: blue\n")
    (tmp_path / "new.yaml").write_text(text.replace("launch: emr-platform", "launch: new") + "colour: blue\n")
    found = targets("daily", days_to_review, context("scheduled"))
    assert sorted((target["launch"], target["period"]) for target in found) == [(name, DAY.isoformat()) for name in ("one", "three", "two")]
