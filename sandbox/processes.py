"""Background processes that can be found again, and stopped to the last grandchild.

.local/run/<name>.json   pid, start time and command: a recycled pid has another start time and is never touched
POSTLAUNCH_STACK=<dir>   in the environment of every process we start, hence of all its descendants, whatever session they move to
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox.errors import SandboxError

MARK = "POSTLAUNCH_STACK"
START_TIME_TOLERANCE = 1.5  # seconds; psutil computes start times from clock ticks and the boot time


@dataclass(frozen=True)
class Supervisor:
    """Starts, finds and stops the processes of one local stack, whose state lies in `home`."""

    home: Path

    @property
    def runs(self) -> Path:
        """Folder of the pid files."""
        return self.home / "run"

    def log(self, name: str) -> Path:
        """Log file of a process."""
        return self.home / "logs" / f"{name}.log"

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> psutil.Process:
        """Start a process in a session of its own, output to its log; one that runs already is left alone."""
        running = self.find(name)
        if running is not None:
            return running
        self.runs.mkdir(parents=True, exist_ok=True)
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**environment, MARK: str(self.home), "SPT_NOENV": "1"},  # setproctitle would write its titles over the mark
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = psutil.Process(process.pid)
        record = {"pid": process.pid, "start_time": started.create_time(), "command": list(command)}
        (self.runs / f"{name}.json").write_text(json.dumps(record, indent=2))
        return started

    def find(self, name: str) -> psutil.Process | None:
        """The running process of that name, or None."""
        try:
            record = json.loads((self.runs / f"{name}.json").read_text())
            process = psutil.Process(int(record["pid"]))
            same = abs(process.create_time() - float(record["start_time"])) < START_TIME_TOLERANCE
            return process if same and _is_alive(process) else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def wait_ready(self, names: Sequence[str], is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until processes do their work. Raises SandboxError with the end of a log if one ends, or all take too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            for name in names:
                if self.find(name) is None:
                    raise SandboxError(f"{name} ended while starting; the end of {self.log(name)}:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                logs = "\n".join(f"the end of {self.log(name)}:\n{self.tail(name)}" for name in names)
                raise SandboxError(f"{', '.join(names)}: not ready after {seconds:.0f} seconds; {logs}")
            time.sleep(0.25)

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a process's log."""
        try:
            return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def stop(self, names: Sequence[str], seconds: float = 15) -> list[str]:
        """Stop processes and all their descendants. Returns the names that ran.

        The leaders are asked first and have `seconds` to end their own children, then what is left is asked, and killed after three more.
        """
        leaders = {name: process for name in names if (process := self.find(name)) is not None}
        family = _family(list(leaders.values()))
        for number, targets, patience in (
            (signal.SIGTERM, list(leaders.values()), seconds),
            (signal.SIGTERM, family, 3),
            (signal.SIGKILL, family, 5),
        ):
            asked = [process for process in targets if _is_alive(process)]
            for process in asked:
                _signal(process, number)
            wait_gone(asked, patience)
        for name in names:
            (self.runs / f"{name}.json").unlink(missing_ok=True)
        return list(leaders)

    def strays(self) -> list[psutil.Process]:
        """Every living process that descends from one that this supervisor started, wherever it has gone."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get(MARK) == str(self.home) and _is_alive(process):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def end_strays(self) -> list[str]:
        """Kill what `stop` could not know of, and verify that nothing is left. Returns what was killed; raises if something survives."""
        strays = self.strays()
        told = [describe(process) for process in strays]
        for process in strays:
            _signal(process, signal.SIGKILL)
        wait_gone(strays, 5)
        left = [describe(process) for process in self.strays()]
        if left:
            raise SandboxError(f"these processes of the local stack would not end: {'; '.join(left)}")
        return told


def describe(process: psutil.Process) -> str:
    """`123 python -m ...`, as far as it may be read."""
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:100]}"
    except psutil.Error:
        return str(process.pid)


def _family(leaders: Sequence[psutil.Process]) -> list[psutil.Process]:
    """The leaders, their descendants, and everything in their sessions (orphans, whose parent has ended)."""
    found = {process.pid: process for process in leaders}
    for leader in leaders:
        try:
            found.update({child.pid: child for child in leader.children(recursive=True)})
        except psutil.Error:
            continue
    sessions = {leader.pid for leader in leaders}
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) in sessions:
                found[process.pid] = process
        except (OSError, psutil.Error):
            continue
    return list(found.values())


def _is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie has ended and only waits for its parent to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def wait_gone(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until all have ended, at most so long; returns those that have not. A zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_is_alive(process) for process in processes):
        time.sleep(0.05)
    psutil.wait_procs(processes, timeout=0)
    return [process for process in processes if _is_alive(process)]


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return
