"""Processes of the local stack: found again, stopped to the last grandchild, and never mistaken for another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.errors import SandboxError
from sandbox.processes import Supervisor

SLEEP = "import time; time.sleep(300)"
# A child that leaves the session, as a daemon does, and a grandchild below it.
FAMILY = f"""
import subprocess, sys, time
child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(300)"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
print("ready", flush=True)
time.sleep(300)
"""
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); {SLEEP}"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.end_strays()


def _start(supervisor: Supervisor, code: str) -> psutil.Process:
    process = supervisor.start("one", [sys.executable, "-c", code], os.environ, Path.cwd())
    if "ready" in code:
        supervisor.wait_ready(["one"], lambda: "ready" in supervisor.log("one").read_text(), seconds=20)
    return process


def test_a_started_process_is_found_again_by_another_supervisor(supervisor: Supervisor) -> None:
    process = _start(supervisor, SLEEP)
    again = Supervisor(supervisor.home).find("one")
    assert again is not None
    assert again.pid == process.pid


def test_starting_twice_keeps_the_first_process(supervisor: Supervisor) -> None:
    assert _start(supervisor, SLEEP).pid == _start(supervisor, SLEEP).pid


def test_stopping_ends_children_that_left_the_session(supervisor: Supervisor) -> None:
    _start(supervisor, FAMILY)
    _until(lambda: len(supervisor.strays()) == 3)
    assert supervisor.stop(["one"]) == ["one"]
    assert supervisor.strays() == []


def test_orphans_are_found_after_their_parent_died(supervisor: Supervisor) -> None:
    leader = _start(supervisor, FAMILY)
    _until(lambda: len(supervisor.strays()) == 3)
    leader.kill()
    leader.wait(10)
    assert supervisor.stop(["one"]) == []
    assert len(supervisor.end_strays()) == 2
    assert supervisor.strays() == []


def test_a_process_that_renamed_itself_is_still_known_as_ours(supervisor: Supervisor) -> None:
    process = _start(supervisor, f"import setproctitle; setproctitle.setproctitle('w' * 2000); print('ready', flush=True); {SLEEP}")
    assert [one.pid for one in supervisor.strays()] == [process.pid]


def test_a_process_that_ignores_the_polite_signal_is_killed(supervisor: Supervisor) -> None:
    process = _start(supervisor, DEAF)
    supervisor.stop(["one"], seconds=1)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_recycled_pid_is_never_killed(supervisor: Supervisor) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP])
    try:
        supervisor.runs.mkdir(parents=True)
        record = {"pid": stranger.pid, "start_time": psutil.Process(stranger.pid).create_time() - 1000, "command": []}
        (supervisor.runs / "one.json").write_text(json.dumps(record))
        assert supervisor.find("one") is None
        assert supervisor.stop(["one"]) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ends_while_starting_shows_its_log(supervisor: Supervisor) -> None:
    _start(supervisor, "import sys; sys.exit('no such table: launches')")
    with pytest.raises(SandboxError, match="one ended while starting(.|\n)*no such table: launches"):
        supervisor.wait_ready(["one"], lambda: False, seconds=20)


def test_a_process_that_never_gets_ready_is_told_after_the_time_is_up(supervisor: Supervisor) -> None:
    _start(supervisor, SLEEP)
    with pytest.raises(SandboxError, match="not ready after 0 seconds"):
        supervisor.wait_ready(["one"], lambda: False, seconds=0.1)


def _until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "the processes of the test did not start"
        time.sleep(0.05)
