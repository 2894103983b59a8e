"""What a run of an ingest DAG does: which launches, which dates, with or without look-back, and when it emits its asset."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from postlaunch.errors import ConfigError, PostlaunchError, SourceAuthError, SourceError, WarehouseError

NIGHT = (dt.datetime(2026, 4, 12, 6, tzinfo=dt.UTC), dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC))
DATE = "2026-04-12"


@pytest.fixture
def launches(sandbox_launches: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
    return sandbox_launches


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    return tmp_path / "landing"


def context(run_type: str) -> dict[str, Any]:
    """What Airflow tells a task: its run, and the outlets it may fill in."""
    outlet = SimpleNamespace(extra=None)
    return {"dag_run": SimpleNamespace(run_type=run_type), "outlet_events": defaultdict(lambda: outlet), "outlet": outlet}


def test_a_run_asks_for_the_launches_that_have_the_source_and_are_followed(launches: Path) -> None:
    from postlaunch.orchestration.ingests import windows

    expected = [{"launch": "emr-platform", "first": DATE, "last": DATE}]  # cdnow has mixpanel too, but is a launch of 1997
    assert windows("mixpanel", *NIGHT) == expected
    assert windows("zendesk", *NIGHT) == expected


def test_launch_files_are_read_when_the_task_runs(launches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from postlaunch.orchestration.ingests import windows

    text = (launches / "emr-platform.yaml").read_text()
    (tmp_path / "one.yaml").write_text(text.replace("launch: emr-platform", "launch: tokyo").replace("America/New_York", "Asia/Tokyo"))
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path))
    assert [window["launch"] for window in windows("prometheus", *NIGHT)] == ["tokyo"]


def test_one_wrong_launch_file_among_five_fails_its_own_task_with_the_reason_and_the_other_four_go_on(
    launches: Path, tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.config.load import read_launches
    from postlaunch.orchestration.ingests import ingest_window, windows
    from postlaunch.warehouse.config_sync import sync_launches

    text = (launches / "emr-platform.yaml").read_text()
    names = ["one", "two", "three", "four", "five"]
    for name in names:
        (tmp_path / f"{name}.yaml").write_text(text.replace("launch: emr-platform", f"launch: {name}"))
    (tmp_path / "old.yaml").write_text((launches / "cdnow.yaml").read_text())
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path))
    sync_launches(read_launches(tmp_path).launches)
    for wrong in ("three", "old"):
        with (tmp_path / f"{wrong}.yaml").open("a") as file:
            file.write("colour: blue\n")
    (tmp_path / "new.yaml").write_text("launch: new\ncolour: blue\n")

    found = windows("zendesk", *NIGHT)
    assert {window["launch"] for window in found} == {*names, "new"}, "a launch of 1997 is nobody's nightly work, wrong or right"
    assert {(window["first"], window["last"]) for window in found} == {(DATE, DATE)}
    for window in found:
        if window["launch"] in ("three", "new"):
            with pytest.raises(AirflowFailException, match=rf"{window['launch']}\.yaml: colour: unknown key"):
                ingest_window("zendesk", window, context("scheduled"))
    with psycopg.connect(warehouse) as session:
        faults = dict(session.execute("select launch_id, reason from ops.launch_faults").fetchall())
    assert set(faults) == {"three", "new", "cdnow"}
    assert "three.yaml: colour: unknown key" in faults["three"]


def test_a_launch_whose_time_zone_changed_fails_its_own_task_with_the_command_that_fixes_it(
    launches: Path, tmp_path: Path, landing: Path, warehouse: str, apis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.ingests import ingest_window, windows

    folder, text = tmp_path / "two", (launches / "emr-platform.yaml").read_text()
    folder.mkdir()
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
    for name in ("moved", "other"):
        (folder / f"{name}.yaml").write_text(text.replace("launch: emr-platform", f"launch: {name}"))
        ingest_window("pagerduty", {"launch": name, "first": DATE, "last": DATE}, context("backfill"))
    moved = folder / "moved.yaml"
    moved.write_text(moved.read_text().replace("timezone: America/New_York", "timezone: Asia/Kolkata"))
    by_name = {window["launch"]: window for window in windows("pagerduty", *NIGHT)}
    with pytest.raises(AirflowFailException, match="`postlaunch redate --launch moved`"):
        ingest_window("pagerduty", by_name["moved"], context("scheduled"))
    assert ingest_window("pagerduty", by_name["other"], context("scheduled"))["launch"] == "other"
    with psycopg.connect(warehouse) as session:
        assert [launch_id for (launch_id,) in session.execute("select launch_id from ops.launch_faults")] == ["moved"]


def test_a_launch_file_that_was_put_right_before_its_task_ran_skips_what_it_does_not_have(
    launches: Path, warehouse: str, landing: Path
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException  # noqa: TID251

    from postlaunch.orchestration.ingests import ingest_window

    with pytest.raises(AirflowSkipException, match="cdnow does not name zendesk"):
        ingest_window("zendesk", {"launch": "cdnow", "first": DATE, "last": DATE}, context("scheduled"))


def test_the_asset_is_emitted_while_there_is_something_to_build(launches: Path, landing: Path, warehouse: str, apis: str) -> None:
    from airflow.sdk.exceptions import AirflowSkipException  # noqa: TID251

    from postlaunch.orchestration.ingests import announce_change, ingest_window

    window = {"launch": "emr-platform", "first": DATE, "last": DATE}
    run = context("backfill")
    first = ingest_window("pagerduty", window, run)
    assert first == {**window, "is_changed": True}
    announce_change("pagerduty", first, run)
    assert run["outlet"].extra == window
    again = ingest_window("pagerduty", window, run)
    assert again["is_changed"], "the attempt before may have been killed before it could announce what it loaded"
    with psycopg.connect(warehouse) as session:
        session.execute("insert into ops.builds (status, is_full_refresh) values ('succeeded', false)")
        session.execute("update ops.partition_loads set build_id = 1 where is_changed")
    again = ingest_window("pagerduty", window, run)
    with pytest.raises(AirflowSkipException, match=f"nothing of pagerduty is to be built for emr-platform {DATE}"):
        announce_change("pagerduty", again, run)


@pytest.mark.parametrize(("run_type", "first_date"), [("scheduled", "2026-04-09"), ("manual", "2026-04-09"), ("backfill", DATE)])
def test_a_nightly_run_looks_back_and_a_backfill_takes_its_own_days(
    run_type: str, first_date: str, launches: Path, landing: Path, warehouse: str, apis: str
) -> None:
    from postlaunch.orchestration.ingests import ingest_window

    ingest_window("mixpanel", {"launch": "emr-platform", "first": DATE, "last": DATE}, context(run_type))
    with psycopg.connect(warehouse) as session:
        runs = session.execute("select first_date::text, last_date::text, status from ops.ingest_runs").fetchall()
    assert runs == [(first_date, DATE, "succeeded")]


def test_a_refused_password_is_not_tried_again(
    launches: Path, landing: Path, warehouse: str, apis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.ingests import ingest_window

    address = apis.replace("http://", "http://agent%40sandbox.example:wrong-secret@")
    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_POSTLAUNCH_ZENDESK", address)
        with pytest.raises(AirflowFailException) as caught:
            ingest_window("zendesk", {"launch": "emr-platform", "first": DATE, "last": DATE}, context("scheduled"))
    assert "wrong-secret" not in str(caught.value)


def test_a_task_that_would_wait_long_for_the_limit_comes_again_and_fails_nothing(
    launches: Path, landing: Path, warehouse: str, apis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException  # noqa: TID251

    from postlaunch.orchestration.ingests import ingest_window

    address = os.environ["AIRFLOW_CONN_POSTLAUNCH_MIXPANEL"].partition("?")[0]
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_MIXPANEL", f"{address}?limits=1/hour")
    window = {"launch": "emr-platform", "first": DATE, "last": DATE}
    assert ingest_window("mixpanel", window, context("backfill"))["is_changed"]
    with pytest.raises(AirflowRescheduleException) as caught:
        ingest_window("mixpanel", window, context("backfill"))
    wait = caught.value.reschedule_date - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=59) < wait < dt.timedelta(minutes=61)


def test_a_page_is_a_line_in_the_log_and_a_slow_one_says_that_it_lives(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postlaunch.orchestration import defaults

    now = [0.0]
    monkeypatch.setattr(defaults.time, "monotonic", lambda: now[0])
    report = defaults.log_progress("zendesk emr-platform")
    with caplog.at_level("INFO", logger=defaults.__name__):
        for moment, message, rows in [
            (0, "tickets, page 1", 10),
            (1, "tickets, page 1", 20),
            (2, "tickets, page 2", 30),
            (8, "tickets, page 2", 40),
        ]:
            now[0] = moment
            report(message, rows, None)
    assert caplog.messages == [
        "zendesk emr-platform: tickets, page 1 10",
        "zendesk emr-platform: tickets, page 2 30",
        "zendesk emr-platform: tickets, page 2 40",
    ]


@pytest.mark.parametrize(
    ("error", "is_final"), [(SourceError, False), (WarehouseError, False), (SourceAuthError, True), (ConfigError, True)]
)
def test_only_what_a_retry_cannot_fix_is_not_tried_again(error: type[PostlaunchError], is_final: bool, warehouse: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.defaults import step

    with pytest.raises(AirflowFailException if is_final else error, match="the reason"), step():
        raise error("the reason")


def test_a_task_that_lost_the_warehouse_is_tried_again_and_says_so_in_one_line(warehouse: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.defaults import step
    from postlaunch.warehouse.db import connect

    def lose_the_warehouse() -> None:
        with step(), connect("loader") as session, psycopg.connect(warehouse) as other:
            other.execute("select pg_terminate_backend(%s, 10000)", [session.info.backend_pid])
            session.execute("select 1")

    with pytest.raises(WarehouseError, match=r"^PostgreSQL at 127\.0\.0\.1:.*as soon as the server answers") as caught:
        lose_the_warehouse()
    assert not isinstance(caught.value, AirflowFailException)
    assert len(str(caught.value).splitlines()) == 1


def test_connections_of_a_secrets_backend_reach_the_library(tmp_path: Path) -> None:
    secret = {
        "conn_type": "http",
        "host": "127.0.0.1",
        "port": 8101,
        "login": "robot",
        "password": "s3cret/p@ss",
        "extra": {"scheme": "http"},
    }
    (tmp_path / "connections.json").write_text(json.dumps({"postlaunch_zendesk": secret}))
    code = (
        "from postlaunch.orchestration.defaults import export_connections\n"
        "from postlaunch.config.connections import get_connection\n"
        "export_connections('postlaunch_zendesk', 'postlaunch_nowhere')\n"
        "found = get_connection('postlaunch_zendesk')\n"
        "print('FOUND', found.base_url, found.login, found.password)"
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_CONN_")},
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(tmp_path / "connections.json")}),
    }
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert "FOUND http://127.0.0.1:8101 robot s3cret/p@ss" in done.stdout, done.stderr
