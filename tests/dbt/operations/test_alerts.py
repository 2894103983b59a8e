"""Alerts over history: episodes and days against a walk over the points, `for` against promtool, pages as they were planted."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postlaunch.marts.build import build
from tests.conftest import Warehouses
from tests.dbt.event_rows import write_launch
from tests.dbt.operations import alert_cases as cases
from tests.dbt.operations import page_cases
from tests.dbt.operations.alert_cases import DATES, PLACE, RULES, SILENT_DATE, date_of, points
from tests.dbt.operations.incident_cases import incident_entities, log_entities
from tests.dbt.operations.raw_rows import put_entities, put_samples
from tests.dbt_forks import only

SEED = 3
SAMPLES = cases.samples(SEED)
VALUES = cases.values(SAMPLES)
EPISODES = {rule.id: cases.episodes(rule, VALUES[rule.id]) for rule in RULES}


@pytest.fixture(scope="module")
def alerts(warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """The launch that is watched, and the one of the planted breaches."""
    with (
        pytest.MonkeyPatch.context() as patch,
        warehouses.copied(template, patch) as uri,
        psycopg.connect(uri) as session,
    ):
        folder = tmp_path_factory.mktemp("launches")
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        write_launch(folder, PLACE.launch_id, **cases.FILE)
        session.execute("set timezone to 'UTC'")
        write_launch(folder, page_cases.PLACE.launch_id, **page_cases.FILE)
        put_samples(session, page_cases.PLACE, page_cases.DATES, page_cases.samples())
        for stream, entities in (("incidents", incident_entities), ("log_entries", log_entities)):
            first = page_cases.DATES[0]
            put_entities(session, page_cases.PLACE, "pagerduty", stream, (first, first), entities(page_cases.incidents()))
        put_samples(session, PLACE, DATES, SAMPLES)
        session.commit()
        only(patch, "incidents", "reliability", "capacity")
        build()
        yield session


def test_episodes_are_those_of_the_walk(alerts: psycopg.Connection) -> None:
    rows = alerts.execute(
        "select alert_id, started_at, fired_at, last_seen_at, ended_at, seen_seconds, worst_value, is_start_seen, is_certain, metric_date "
        "from build.alert_episodes where launch_id = 'guarded'"
    ).fetchall()
    expected = [
        (
            *(
                rule.id,
                each.started_at,
                each.fired_at,
                each.last_seen_at,
                each.ended_at,
                60 * each.seen,
                pytest.approx(each.worst, rel=1e-9),
            ),
            *(each.is_start_seen, each.fired_at is not None, date_of(each.fired_at or each.started_at)),
        )
        for rule in RULES
        for each in EPISODES[rule.id]
    ]
    by_start = {row[:2]: row for row in rows}
    assert by_start == {row[:2]: row for row in expected}
    assert len(rows) == len(expected)
    assert {row[0] for row in rows if row[2]} == {rule.id for rule in RULES}, "each fires"
    assert any(row[4] is None for row in rows)
    assert not all(row[7] for row in rows)
    assert any(row[2] is None for row in rows), "a gap hides whether it fired"
    assert any(date_of(row[1]) != date_of(row[3]) for row in rows), "over midnight"


def test_days_are_those_of_the_walk_and_a_silent_date_says_nothing(alerts: psycopg.Connection) -> None:
    rows = alerts.execute(
        "select alert_id, metric_date, episodes_count, possible_episodes_count, breach_seconds, firing_seconds, observed_seconds, "
        "observed_seconds + unknown_seconds from build.alert_daily where launch_id = 'guarded'"
    ).fetchall()
    assert len(rows) == len(RULES) * len(DATES)
    for alert_id, date, *found in rows:
        rule = next(rule for rule in RULES if rule.id == alert_id)
        own = {moment: value for moment, value in VALUES[alert_id].items() if date_of(moment) == date}
        of_date = [each for each in EPISODES[alert_id] if date_of(each.fired_at or each.started_at) == date]
        certain = sum(each.fired_at is not None for each in of_date)
        held = sum(rule.holds(value) for value in own.values())
        fired = sum(date_of(moment) == date for moment in cases.firing(rule, VALUES[alert_id]))
        length = 60 * sum(date_of(moment) == date for moment in points())
        known = [certain, len(of_date) - certain, 60 * held, 60 * fired] if own else [None] * 4
        assert found == [*known, 60 * len(own), length], (alert_id, date)
        assert bool(own) == (date != SILENT_DATE)
    assert {row[-1] for row in rows} == {86400, 82800}


def test_a_dependency_is_down_while_no_probe_reaches_it(alerts: psycopg.Connection) -> None:
    rows = alerts.execute(
        "select metric_date, observed_seconds, down_seconds, observed_seconds + no_data_seconds from build.dependency_daily"
    ).fetchall()
    assert [row[0] for row in sorted(rows)] == DATES
    for date, observed, down, length in rows:
        own = [value for moment, value in VALUES["payment"].items() if date_of(moment) == date]
        assert (observed, down) == (60 * len(own), 60 * own.count(0.0) if own else None)
        assert length == 60 * sum(date_of(moment) == date for moment in points())


def test_pages_are_held_against_breaches_as_planted(alerts: psycopg.Connection) -> None:
    rows = alerts.execute(
        "select told_by, subject_id, occurred_at, incident_id, outcome from build.page_breaches where launch_id = 'paged_or_not'"
    ).fetchall()
    assert sorted(rows, key=str) == page_cases.expected()
    assert Counter(outcome for *_, outcome in rows) == {"caught": 9, "late": 1, "missed": 4, "false": 4, "unknown": 4}


@pytest.mark.needs("promtool")
def test_it_fires_when_prometheus_does(tmp_path: Path) -> None:
    """Every minute of a day without a gap, each rule: the walk that the warehouse is held against, and Prometheus' own evaluation."""
    whole = cases.samples(9, is_whole=True)
    own = cases.values(whole)
    minutes = points()[:1440]
    names = {
        "api.requests": "requests", "query_time.value.histogram": "queries", "answer_time.good.counter": "seconds",
        "answer_time.of.counter": "answers", "cpu.resource": "cpu", "free.alert": "free", "bank.dependency": "probe",
        "sessions.value.gauge": "sessions",
    }  # fmt: skip
    by_series: dict[str, dict[dt.datetime, float]] = {}
    for sample in whole:
        labels = ",".join(f'{name}="{value}"' for name, value in sample.labels)
        by_series.setdefault(f"{names[sample.metric_id]}{{{labels}}}", {})[sample.sampled_at] = sample.value
    rules = [{"alert": rule.id, "expr": rule.promql, "for": f"{rule.minutes}m"} for rule in RULES]
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "launch", "rules": rules}]}))
    series = [
        {"series": name, "values": " ".join(repr(found[moment]) if moment in found else "_" for moment in minutes)}
        for name, found in by_series.items()
    ]
    fired = {
        rule.id: cases.firing(rule, {moment: value for moment, value in own[rule.id].items() if moment in set(minutes)}) for rule in RULES
    }
    asked = [
        {
            "expr": f'count(ALERTS{{alertname="{rule.id}",alertstate="firing"}})',
            "eval_time": f"{number}m",
            "exp_samples": [{"labels": "{}", "value": 1}] if moment in fired[rule.id] else [],
        }
        for rule in RULES
        for number, moment in enumerate(minutes)
    ]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    tests = {"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": [case]}
    (tmp_path / "tests.json").write_text(json.dumps(tests))
    outcome = subprocess.run(["promtool", "test", "rules", str(tmp_path / "tests.json")], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, (outcome.stdout + outcome.stderr)[:3000]
    assert all(len(moments) > 10 for moments in fired.values())
