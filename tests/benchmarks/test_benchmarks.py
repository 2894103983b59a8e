"""The benchmarks at toy sizes: figures are those of the process that ingests, fakes keep the protocols, one failure hides nothing."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
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
from benchmarks.backends import autovacuum_seconds, cpu_seconds, model_seconds, statement_seconds
from benchmarks.child import measured
from benchmarks.duckdb_peer import IDENTITIES, Rows, compare
from benchmarks.events import FIRST_DAY, bench_launch, write_days
from benchmarks.figure import Figure, at_least, at_most
from benchmarks.history import RESTATED, Scale, fill, night
from benchmarks.serve import served
from postlaunch.warehouse.db import connect

MONDAY = dt.date(2026, 1, 5)
INCIDENTS = {"incidents": 10, "start": 0, "seconds": 86_400}
SPEND = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time() - 0.02)"  # /proc counts in hundredths
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


def test_a_night_brings_a_new_date_and_three_again_and_their_loads_tell_what_raw_holds(warehouse: str) -> None:
    with connect(autocommit=True) as session:
        fill(session, Scale(200), 10)
        before = session.execute("select max(load_id) from ops.partition_loads").fetchone()
        night(session, Scale(200), 10)
        loads = session.execute(
            """
            select stream, partition_date - date '2025-01-06', loaded_count, (
                select count(*) from raw.mixpanel_events as event where stream = 'events' and event.load_id = loads.load_id
            ) + (
                select count(*) from raw.prometheus_samples as sample where stream = 'samples' and sample.load_id = loads.load_id
            )
            from ops.partition_loads as loads where load_id > %s and partition_date is not null
            """,
            before,
        ).fetchall()
    days = {10, *(10 - back for back in RESTATED)}
    assert {(stream, day) for stream, day, _, _ in loads} == {(stream, day) for stream in ("events", "samples") for day in days}
    assert {(stream, told) for stream, _, told, _ in loads} == {("events", 200), ("events", 202), ("samples", 55 * 288)}
    assert [told - held for _, _, told, held in loads] == [0] * len(loads)
    assert counts(warehouse, "zendesk_tickets") == [88]


def test_the_seconds_of_a_model_are_those_of_all_its_statements() -> None:
    entry = (
        "LOG:  QUERY STATISTICS\nDETAIL:  ! system usage stats:\n!\t%s s user, %s s system, 9.0 s elapsed\nSTATEMENT:  /* %s */ select 1\n"
    )
    node = '"node_id": "model.postlaunch.%s"'
    log = entry % ("0.5", "0.25", node % "days") + entry % ("1.0", "0.0", node % "days") + entry % ("7.0", "7.0", "by hand")
    assert model_seconds(log + entry % ("0.125", "0.0", node % "users")) == {"days": 1.75, "users": 0.125}


def test_the_seconds_of_the_identities_are_those_of_each_part_of_a_statement_and_of_no_model() -> None:
    entry = "LOG:  %s STATISTICS\nDETAIL:  ! system usage stats:\n!\t%s s user, 0.5 s system, 9.0 s elapsed\nSTATEMENT:  %s\n"
    parts = [entry % (part, "1.0", 'create index on "reached_ids"') for part in ("PARSE MESSAGE", "BIND MESSAGE", "EXECUTE MESSAGE")]
    model = entry % ("QUERY", "64.0", '/* "node_id": "model.postlaunch.days" */ select 1 from ops.identities')
    other = entry % ("QUERY", "64.0", "select other_ids from raw.zendesk_tickets")
    copied = entry % ("QUERY", "8.0", "copy resolved_ids from stdin")
    assert statement_seconds("".join([other, *parts, model, copied]), IDENTITIES) == 13.0
    assert statement_seconds(other, re.compile("zendesk")) == 64.5


def marts(*rows: list[object], columns: str = "launch_id, users_count, ratio") -> Rows:
    return Rows(columns.split(", "), list(rows))


def test_rows_are_the_same_in_any_order_and_to_twelve_digits() -> None:
    """`compare` raises where they are not."""
    ours = marts(["a", 1, 0.1 + 0.2], ["a", 2, None])
    compare("days", ours, marts([None, 2, "a"], [0.3, 1, "a"], columns="ratio, users_count, launch_id"))
    compare("days", marts(["a", "in words"], columns="launch_id, notice"), marts(["a"], columns="launch_id"))
    compare("days", marts(), None)
    with pytest.raises(RuntimeError, match="ours alone are 1 rows"):
        compare("days", ours, marts([None, 2, "a"], [0.30000000001, 1, "a"], columns="ratio, users_count, launch_id"))


@pytest.mark.parametrize(
    ("peers", "said"),
    [
        (marts(["a", 1, 0.5], ["a", 1, 0.5]), "ours alone are 0 rows; DuckDB's alone are 1 rows, for example {'launch_id': 'a', "),
        (marts(["a", 1, 0.5000001]), "ours alone are 1 rows, for example {'launch_id': 'a', 'users_count': 1, 'ratio': 0.5}"),
        (marts(["a", 1], columns="launch_id, users_count"), "DuckDB tells nothing of ratio"),
        (None, "ours alone are 1 rows"),
    ],
)
def test_rows_that_differ_are_named_with_their_mart(peers: Rows | None, said: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(f"days: {said}")):
        compare("days", marts(["a", 1, 0.5]), peers)


def test_what_a_child_cost_is_still_counted_when_it_has_ended() -> None:
    before = cpu_seconds(os.getpid())
    spent = float(subprocess.run([sys.executable, "-c", SPEND], check=True, capture_output=True, text=True).stdout)
    assert cpu_seconds(os.getpid()) - before >= spent > 0.1


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


def test_autovacuum_is_charged_to_the_database_whose_tables_it_sees_to() -> None:
    log = (
        '12:00 LOG:  automatic analyze of table "night_30.raw.events"\n\tsystem usage: CPU: user: 0.20 s, system: 0.03 s, elapsed: 0.31 s\n'
        "12:00 LOG:  QUERY STATISTICS\n\t!\t9.0 s user, 1.0 s system, 10 s elapsed\n"
        '12:01 LOG:  automatic vacuum of table "night_365.build.days": index scans: 1\n\tpages: 0 removed\n'
        "\tsystem usage: CPU: user: 0.05 s, system: 0.01 s, elapsed: 0.1 s\n"
        '12:01 LOG:  automatic aggressive vacuum of table "night_30.build.days": index scans: 0\n'
        "\tsystem usage: CPU: user: 0.10 s, system: 0.00 s, elapsed: 0.1 s\n"
    )
    assert autovacuum_seconds(log) == pytest.approx({"night_30": 0.33, "night_365": 0.06})
