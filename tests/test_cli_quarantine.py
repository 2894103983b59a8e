"""`postlaunch quarantine`: what a person reads, and that a refused line cannot command the terminal."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from postlaunch.cli import cli
from postlaunch.cli_quarantine import printable
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.errors import WarehouseError
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.load.loader import Loader
from postlaunch.load.quarantine import Choice, groups

DAY = dt.date(2026, 2, 17)
EVIL = b'{"event": "\x1b[2J\x1b]0;owned\x07[red]caf\xc3\xa9\xe2\x80\xae \xff'


@pytest.fixture
def refused(warehouse: str, sandbox_launches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pull:
    """A day with one event, and one line that is not JSON and full of commands for a terminal."""
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
    monkeypatch.setattr("postlaunch.cli_quarantine.console", Console(width=200))
    emr = load_launch(sandbox_launches, "emr-platform")
    window = emr.window(Dates.of(DAY))
    writer = PartitionWriter(Landing(str(tmp_path / "landing")), "mixpanel", "emr-platform", "events", DAY, new_pull_id(), window)
    good = {"event": "Logged In", "properties": {"time": int(window[0].timestamp()), "distinct_id": "u1"}}
    writer.write_all([json.dumps(good).encode(), EVIL])
    pull = writer.finalise({"timezone": "UTC"})
    with Loader(emr) as loader:
        loader.load(pull)
    return pull


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["quarantine", *arguments])


def test_a_list_a_line_and_a_replay(refused: Pull) -> None:
    listed = run("list", "--launch", "emr-platform", "--source", "mixpanel", "--reason", "json")
    row = next(line for line in listed.stdout.splitlines() if "emr-platform" in line)
    number = groups(Choice())[0].newest_id
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        *("emr-platform", "mixpanel", "events", "bad JSON", "1", "2026-02-17", str(number))
    ]
    shown = run("show", str(number)).stdout
    assert f"file     {refused.path}/part-0000.jsonl.gz" in shown
    assert "place    line 2, byte " in shown
    replayed = run("replay", "--source", "mixpanel")
    assert (replayed.exit_code, replayed.stdout.strip()) == (
        0,
        "mixpanel events 2026-02-17 of emr-platform: 0 of 1 refused lines are loaded now; still refused: bad JSON (1)",
    )


def test_a_line_is_shown_whole_and_obeyed_by_no_terminal(refused: Pull) -> None:
    shown = run("show", str(groups(Choice())[0].newest_id)).stdout
    assert 'line     {"event": "\\x1b[2J\\x1b]0;owned\\x07[red]café\\u202e \\xff\n' in shown
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_nothing_refused_is_said(warehouse: str) -> None:
    assert run("list").stdout == run("replay").stdout == "nothing is refused\n"


def test_a_record_that_is_not_there_and_a_pull_that_is_gone_are_errors(refused: Pull) -> None:
    missing = run("show", "999")
    assert isinstance(missing.exception, WarehouseError)
    (Path(str(refused.path)) / "manifest.json").unlink()
    replayed = run("replay")
    assert "not loaded again" in replayed.stdout
    assert str(replayed.exception) == "1 of 1 pulls could not be loaded again; the lines above say why"


@pytest.mark.parametrize("text", ["plain é 漢字", "", "[bold]not markup[/bold]"])
def test_what_can_be_read_is_left_alone(text: str) -> None:
    assert printable(text) == text
