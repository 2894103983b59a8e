"""The benchmarks at toy sizes: figures are those of the process that ingests, fakes keep the protocols, one failure hides nothing."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import types
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command_line
from benchmarks import prometheus
from benchmarks.child import measured
from benchmarks.events import FIRST_DAY, bench_launch, write_days
from benchmarks.figure import Figure, at_least, at_most
from benchmarks.serve import served

MONDAY = dt.date(2026, 1, 5)
INCIDENTS = {"incidents": 10, "start": 0, "seconds": 86_400}
MIDNIGHT = int(dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp())


@pytest.fixture
def env(warehouse: str, tmp_path: Path) -> dict[str, str]:
    """A warehouse and an empty landing zone."""
    name = "AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"
    return {name: os.environ[name], "POSTLAUNCH_LANDING": str(tmp_path / "landing")}


def counts(warehouse: str, *tables: str) -> list[int]:
    with psycopg.connect(warehouse) as session:
        return [session.execute(f"select count(*) from raw.{table}").fetchone()[0] for table in tables]  # type: ignore[index]


def test_every_event_of_the_export_is_loaded(env: dict[str, str], warehouse: str, tmp_path: Path) -> None:
    write_days(tmp_path / "days", 300, days=3, plain=tmp_path / "lines")
    assert len(set((tmp_path / "lines").read_bytes().splitlines())) == 300
    with served("mixpanel", folder=str(tmp_path / "days")) as api:
        launch, last = bench_launch(mixpanel={"project_id": 1}), FIRST_DAY + dt.timedelta(days=2)
        found = measured("mixpanel", launch, FIRST_DAY, last, {**env, **api.env})
        assert api.calls() == {"/api/2.0/export": 1}
    assert (found.loaded, found.duplicates, found.quarantined) == (300, 0, 0)
    assert counts(warehouse, "mixpanel_events") == [300]


def test_every_ticket_and_event_is_loaded_past_the_empty_page(env: dict[str, str], warehouse: str) -> None:
    with served("zendesk", tickets=1_500, start=MIDNIGHT, seconds=86_400) as api:
        found = measured("zendesk", bench_launch(zendesk={}), MONDAY, MONDAY, {**env, **api.env})
    assert found.quarantined == 0
    assert counts(warehouse, "zendesk_tickets", "zendesk_ticket_metric_events") == [1_500, 9_000]


def test_every_incident_and_log_entry_is_loaded(env: dict[str, str], warehouse: str) -> None:
    with served("pagerduty", incidents=150, start=MIDNIGHT, seconds=86_400) as api:
        found = measured("pagerduty", bench_launch(pagerduty={}), MONDAY, MONDAY, {**env, **api.env})
    assert found.quarantined == 0
    assert counts(warehouse, "pagerduty_incidents", "pagerduty_log_entries") == [150, 600]


def test_every_sample_is_loaded(env: dict[str, str], warehouse: str) -> None:
    with served("prometheus", series={"bench_up": 2, "bench_memory": 1}) as api:
        found = measured("prometheus", prometheus.LAUNCH, MONDAY, MONDAY, {**env, **api.env})
    assert (found.loaded, found.quarantined) == (3 * 1_440, 0)
    assert counts(warehouse, "prometheus_samples") == [3 * 1_440]


def test_the_peak_is_not_that_of_the_process_that_asks(env: dict[str, str]) -> None:
    ballast = bytearray(400 << 20)
    with served("prometheus", series={}) as api:
        found = measured("prometheus", prometheus.LAUNCH, MONDAY, MONDAY, {**env, **api.env})
    assert len(ballast) > 400_000_000
    assert 20 < found.peak_mib < 200


def test_a_failed_ingest_says_why(env: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match="AIRFLOW_CONN_POSTLAUNCH_ZENDESK"):
        measured("zendesk", bench_launch(zendesk={}), MONDAY, MONDAY, env)


@pytest.mark.parametrize(
    ("api", "options", "path"),
    [
        ("pagerduty", INCIDENTS, "/log_entries?since=1970-01-01T00:00Z&until=1970-01-02T00:00Z&offset=9950&limit=100"),
        ("pagerduty", INCIDENTS, "/incidents?since=1970-01-01T00:00Z&until=1970-09-01T00:00Z"),
        ("prometheus", {"series": {"up": 1}}, "/api/v1/query_range?query=up&start=0&end=700000&step=60"),
    ],
)
def test_a_fake_keeps_the_limits_of_its_api(api: str, options: dict[str, object], path: str) -> None:
    with served(api, **options) as fake, pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"http://127.0.0.1:{fake.port}{path}")
    assert refusal.value.code == 400


@pytest.mark.parametrize("path", ["incremental/users/cursor.json", "incremental/ticket_events.json", "slas/policies.json"])
def test_lists_that_no_benchmark_is_about_are_empty_and_end(path: str) -> None:
    with served("zendesk", tickets=1, start=MIDNIGHT, seconds=60) as fake:
        answer = json.load(urllib.request.urlopen(f"http://127.0.0.1:{fake.port}/api/v2/{path}?start_time=0"))
    assert answer["end_of_stream"] is True
    assert [answer[name] for name in ("users", "ticket_events", "sla_policies") if name in answer] == [[]]


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One benchmark that misses its target, and one that breaks, before it."""

    def broken(_: object) -> list[Figure]:
        raise ValueError("the disk is full")

    runs = {"broken": broken, "slow": lambda _: [at_least("speed", 1.0, "rows/s", 2), at_most("memory", 1.0, "MiB", 2)]}
    for name, run in runs.items():
        module = types.ModuleType(name)
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"benchmarks.{name}", module)
    monkeypatch.setattr(command_line, "BENCHMARKS", tuple(runs))


def run_command(*arguments: str) -> tuple[int, str]:
    app = command_line.typer.Typer()
    app.command()(command_line.main)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_a_failure_hides_no_figure(benchmarks: None, tmp_path: Path) -> None:
    code, said = run_command("--quick", "--results", str(tmp_path / "results.json"))
    assert code == 1
    assert "broken failed: the disk is full" in said
    assert json.loads((tmp_path / "results.json").read_text()) == [
        {"name": "speed", "value": 1.0, "unit": "rows/s", "target": ">= 2", "holds": False},
        {"name": "memory", "value": 1.0, "unit": "MiB", "target": "<= 2", "holds": True},
    ]


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_a_missed_target_fails_only_a_strict_run(benchmarks: None, tmp_path: Path, options: list[str], code: int) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps([{"name": "speed", "value": 9}, {"name": "other", "value": 3}]))
    assert run_command("--quick", "--only", "slow", "--results", str(results), *options)[0] == code
    assert [each["name"] for each in json.loads(results.read_text())] == ["other", "speed", "memory"]
