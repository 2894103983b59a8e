"""The command line with one wrong launch file among right ones: it is named, its launch stops, and the others go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

DAY = ("--from", "2026-03-01", "--to", "2026-03-01")


@pytest.fixture
def folder(sandbox_launches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One right launch file, which asks the files below for nothing."""
    (tmp_path / "launches").mkdir()
    (tmp_path / "launches" / "emr-platform.yaml").write_text((sandbox_launches / "emr-platform.yaml").read_text())
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path / "launches"))
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    return tmp_path / "launches"


def put(folder: Path, launch_id: str, without: str = "", **changed: object) -> None:
    """The right file again as another launch, with some keys changed, and one left out with the sections that need it."""
    content = yaml.safe_load((folder / "emr-platform.yaml").read_text())
    for key in (without, *{"prometheus": ["alerts"], "pagerduty": ["deployments"]}.get(without, [])):
        content.pop(key, None)
    (folder / f"{launch_id}.yaml").write_text(yaml.safe_dump({**content, "launch": launch_id, **changed}))


def postlaunch(*arguments: str) -> tuple[int, str, str]:
    """Exit code and what was said, each in one line."""
    program = [str(Path(sys.executable).with_name("postlaunch")), *arguments]
    done = subprocess.run(program, check=False, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"})
    return done.returncode, done.stdout, done.stderr


def test_right_files_end_with_0_and_a_table_of_them(folder: Path) -> None:
    code, said, complaint = postlaunch("launches", "check")
    assert (code, complaint) == (0, "")
    assert "emr-platform" in said


def test_every_fault_is_named_at_once_with_file_key_and_both_places_and_the_right_ones_are_listed(folder: Path) -> None:
    zendesk = yaml.safe_load((folder / "emr-platform.yaml").read_text())["zendesk"]
    put(folder, "twice", zendesk={**zendesk, "sla": [*zendesk["sla"], zendesk["sla"][0]]})
    put(folder, "blue", colour="blue")
    code, said, complaint = postlaunch("launches", "check")
    assert code == 1
    assert complaint.startswith("postlaunch: ")
    assert f"{folder / 'blue.yaml'}: colour: unknown key" in complaint
    priority = zendesk["sla"][0]["priority"]
    assert f"{folder / 'twice.yaml'}: zendesk.sla: entries [0] and [{len(zendesk['sla'])}] have the same priority '{priority}'" in complaint
    assert "Traceback" not in complaint
    assert "emr-platform" in said


def test_what_may_be_meant_is_a_warning_and_no_failure(folder: Path) -> None:
    put(folder, "no-pages", without="pagerduty")
    code, said, complaint = postlaunch("launches", "check")
    assert (code, complaint) == (0, "")
    assert "no-pages: kpis[" in said
    assert "mean_time_to_resolve" in said
    assert "emr-platform: kpis[" not in said


def test_live_asks_the_sources_and_ends_with_1_where_something_is_not_there(folder: Path, apis: str) -> None:
    pagerduty = yaml.safe_load((folder / "emr-platform.yaml").read_text())["pagerduty"]
    put(folder, "paged", without="prometheus")  # the simulated Prometheus has nothing of today
    put(folder, "nobody", without="prometheus", pagerduty={**pagerduty, "services": ["PNOBODY"]})
    (folder / "emr-platform.yaml").unlink()
    code, said, _ = postlaunch("launches", "check", "--live")
    assert code == 1
    assert "nobody: pagerduty.services" in said
    assert "PNOBODY" in said
    assert "paged: pagerduty" not in said
    (folder / "nobody.yaml").unlink()
    assert postlaunch("launches", "check", "--live")[0] == 0


def test_a_launch_beside_a_wrong_file_is_ingested_and_the_wrong_one_stops_with_its_reason(folder: Path, warehouse: str, apis: str) -> None:
    put(folder, "blue", colour="blue")
    assert postlaunch("ingest", "pagerduty", "--launch", "emr-platform", *DAY)[0] == 0
    code, _, complaint = postlaunch("ingest", "pagerduty", "--launch", "blue", *DAY)
    assert code == 1
    assert complaint.startswith(f"postlaunch: {folder / 'blue.yaml'}: colour: unknown key")
