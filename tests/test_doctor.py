"""`postlaunch doctor`: each finding says what is wrong and carries the line that fixes it."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from postlaunch import doctor
from postlaunch.cli import cli
from sandbox.ports import HOST
from sandbox.stack import Stack

GOOD = Path(__file__).parents[1] / "launches"


@pytest.fixture(autouse=True)
def _no_stack_of_this_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A demonstration that is up holds the ports, and says so: another finding than these."""
    monkeypatch.setattr("sandbox.stack.Stack", partial(Stack, home=tmp_path / "stack"))


def _check(name: str) -> doctor.Check:
    return next(check for check in doctor.checks() if check.name == name)


def test_every_finding_that_is_not_well_has_a_line_that_fixes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path / "none"))
    monkeypatch.setenv("POSTLAUNCH_DBT_PROJECT", str(tmp_path))
    ill = {check.name: check.fix for check in doctor.checks() if not check.ok}
    assert {"Chromium", "fonts", "prometheus", "promtool", "node exporter", "launch files", "warehouse"} <= ill.keys()
    assert all(ill.values())
    assert ill["Chromium"] == ill["prometheus"] == ill["fonts"] == "make system"


def test_a_browser_is_found_by_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser = tmp_path / "my-browser"
    browser.touch(mode=0o755)
    monkeypatch.setenv("BROWSER_PATH", str(browser))
    assert _check("Chromium") == doctor.Check("Chromium", True, str(browser))


def test_a_browser_variable_that_points_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chrome")
    check = _check("Chromium")
    assert not check.ok
    assert "/nowhere/chrome" in check.detail


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("POSTLAUNCH_PORT_MAIL", str(port))
        check = _check(f"port {port}")
    assert not check.ok
    assert "in use by process" in check.detail
    assert check.fix == "export POSTLAUNCH_PORT_MAIL=<a free port>"


def test_a_broken_launch_file_is_named_with_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("launch: broken\nname: Broken\ndate: tomorrow\n")
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path))
    check = _check("launch files")
    assert not check.ok
    assert "broken.yaml" in check.detail
    assert "date" in check.detail


def test_a_reachable_warehouse_shows_its_version_and_no_password(warehouse: str) -> None:
    check = _check("warehouse")
    assert check.ok
    assert check.detail.startswith("PostgreSQL 18 on 127.0.0.1")
    assert warehouse.split(":")[2].split("@", maxsplit=1)[0] not in check.detail


def test_an_unreachable_warehouse_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE", "postgres://postlaunch:hunter2@127.0.0.1:1/warehouse")
    check = _check("warehouse")
    assert not check.ok
    assert "127.0.0.1:1" in check.detail
    assert "hunter2" not in check.detail + str(check.fix)


def test_a_full_disk_is_told_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_GIB", 10**9)
    check = _check("disk")
    assert not check.ok
    assert check.fix is not None
    assert check.fix.startswith("free ")


def test_the_command_ends_with_1_when_something_is_missing_and_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(cli, ["doctor"], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "make system" in result.stdout
