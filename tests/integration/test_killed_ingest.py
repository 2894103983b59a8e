"""`kill -9` of an ingest at twenty moments, then the same command again: as if nothing had happened.

    begin ── calls of the API ── manifests ── load: insert ── copy ── finish ── commit ── end

The moments that must be met are met by construction: there the run stops at a named step and waits to be killed. The others follow a step
chosen at random by a few hundredths of a second, in which the API and the warehouse rest, so that they fall between two steps; a slow
machine may move them, and nothing is asked of where they fall. Every other run that goes on after a kill is killed too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest

from postlaunch.config.launch import Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest
from sandbox.apis import Limits, create_app
from sandbox.apis.server import running_server
from sandbox.state import source_connections
from tests.conftest import CLOCK, LAUNCH_DATE
from tests.integration.test_any_order import accounting_is_closed, difference, rows

KILLS: dict[Source, int] = {"mixpanel": 6, "zendesk": 5, "pagerduty": 4, "prometheus": 5}
WINDOWS = {
    "mixpanel": (dt.date(2026, 1, 12), dt.date(2026, 1, 17)),
    "zendesk": (dt.date(2026, 4, 10), dt.date(2026, 4, 11)),
    "pagerduty": (dt.date(2026, 3, 1), dt.date(2026, 3, 30)),
    "prometheus": (dt.date(2026, 2, 17), dt.date(2026, 2, 19)),
}
CALL_SECONDS, RANGE_SECONDS = 0.04, 0.02  # Prometheus is called a hundred times
CHILD = """
import datetime as dt, os, sys, time
from pathlib import Path
from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest
from postlaunch.sources.registry import SPECS
from postlaunch.sources.mixpanel import http as mixpanel_http

mixpanel_http.READ_BYTES = 4096
folder, launch, source, first, last, stop = sys.argv[1:]
pulls = Path(os.environ["POSTLAUNCH_LANDING"], source, launch)
chosen = load_launch(Path(folder), "emr-platform").model_copy(update={"launch": launch})
SPECS[source].extract

def is_here(step):
    if stop == "unfinished":
        return any(path.is_dir() and not (path / "manifest.json").exists() for path in pulls.glob("*/*/*"))
    return bool(stop) and step.startswith(stop)

def say(step, *_):
    print(step, flush=True)
    if is_here(step):
        print("(stopped)", flush=True)
        sys.stdin.read()  # until it is killed
    time.sleep(0.03)

say("begin")
ingest(source, chosen, dt.date.fromisoformat(first), dt.date.fromisoformat(last), progress=say)
say("end")
"""


RESTS = """
    create function ops.rest() returns trigger language plpgsql as $$ begin perform pg_sleep(0.05); return new; end $$;
    create trigger before_the_rows after insert on ops.partition_loads for each row execute function ops.rest();
    create trigger after_the_rows after update on ops.partition_loads for each row execute function ops.rest();
    create constraint trigger at_commit after insert on ops.partition_loads deferrable initially deferred
        for each row execute function ops.rest();
"""


@dataclass
class Held:
    """A launch's folder in the landing zone: as soon as a pull there is unfinished, the API holds back its answers."""

    folder: Path | None = None
    reached: Event = field(default_factory=Event)


HELD = Held()


@dataclass(frozen=True)
class Wreck:
    """What a killed run left: its last step, pulls without and with a manifest, and loads of this launch so far."""

    step: str
    unfinished: int
    landed: int
    loads: int
    is_running: bool

    @property
    def phase(self) -> str:
        """The part of the run in which it was killed."""
        if self.step in ("loaded", "end"):
            return "after"
        return "load" if self.step.startswith("loading") else "extraction"


@pytest.fixture(scope="module", autouse=True)
def landing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    app = create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none())

    @app.middleware("http")
    async def rest(request: Any, answer: Any) -> Any:
        if HELD.folder and unfinished(HELD.folder):
            HELD.reached.set()
        while HELD.folder and HELD.reached.is_set():  # noqa: ASYNC110  another thread sets it
            await asyncio.sleep(0.02)
        await asyncio.sleep(RANGE_SECONDS if request.url.path == "/api/v1/query_range" else CALL_SECONDS)
        return await answer(request)

    folder = tmp_path_factory.mktemp("landing")
    with running_server(app) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in source_connections(url).items():
            patch.setenv(name, f"{value}/?limits=none")  # what the budget does is tested elsewhere
        patch.setenv("POSTLAUNCH_LANDING", str(folder))
        yield folder


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_warehouse, autocommit=True) as session:
        session.execute(RESTS)
        yield session


@pytest.fixture(scope="module")
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


def start(launches: Path, launch: str, source: Source, stop: str = "") -> subprocess.Popen[str]:
    """A run that waits to be killed at its first step that begins with `stop`, or while a pull is `unfinished`; empty: it does not wait."""
    command = [sys.executable, "-c", CHILD, str(launches), launch, source, *map(str, WINDOWS[source]), stop]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=os.environ.copy(), **pipes)  # type: ignore[call-overload, no-any-return]


def steps_of(launches: Path, launch: str, source: Source) -> list[str]:
    """What a run says that nobody kills."""
    with start(launches, launch, source) as process:
        said, complaint = process.communicate(timeout=300)
    assert said.endswith("end\n"), complaint
    return said.splitlines()


def kill_at(process: subprocess.Popen[str], stop: str) -> str:
    """Kill a run that has stopped; returns the step."""
    with process:
        assert process.stdout
        said = list(takewhile(lambda line: line != "(stopped)\n", process.stdout))
        process.kill()
        process.wait(60)
    assert process.returncode == -signal.SIGKILL, f"it ended before it met {stop!r}: {said}"
    return said[-1].strip()


def kill_in_a_call(process: subprocess.Popen[str], folder: Path) -> str:
    """Kill a run in a call during which a pull has no manifest yet: the API holds its answer back until then. Returns the last step."""
    HELD.reached.clear()
    HELD.folder = folder
    with process:
        try:
            assert HELD.reached.wait(300), "no call was made while a pull was unfinished"
            process.kill()
        finally:
            HELD.folder = None
        said = process.communicate(timeout=60)[0].splitlines()
    return said[-1]


def unfinished(folder: Path) -> list[Path]:
    """Pulls without a manifest."""
    return [path for path in folder.glob("*/*/*") if path.is_dir() and not (path / "manifest.json").exists()]


def kill_after(process: subprocess.Popen[str], steps: int, seconds: float) -> str:
    """Kill a run some time after so many steps, or after its end if it has fewer; returns its last step."""
    with process:
        assert process.stdout
        said = [line for _ in range(steps) if (line := process.stdout.readline())]
        time.sleep(seconds)
        process.kill()
        said += process.communicate(timeout=60)[0].splitlines()
    assert process.returncode in (0, -signal.SIGKILL)
    return said[-1].strip() if said else "begin"


def wreck(session: psycopg.Connection, folder: Path, launch: str, step: str) -> Wreck:
    pulls = [path for path in folder.glob("*/*/*") if path.is_dir()]
    landed = sum((pull / "manifest.json").exists() for pull in pulls)
    counts = session.execute(
        "select (select count(*) from ops.partition_loads where launch_id = %(launch)s), "
        "exists (select from ops.ingest_runs where launch_id = %(launch)s and status = 'running')",
        {"launch": launch},
    ).fetchall()[0]
    return Wreck(step, len(pulls) - landed, landed, *counts)


def strays(folder: Path) -> list[str]:
    """Folders without a manifest, and files that no manifest names."""
    found = []
    for place, folders, files in os.walk(folder):
        if folders:
            found += [f"{place}/{file}" for file in files]
        elif "manifest.json" not in files:
            found.append(place)
        else:
            known = {part["name"] for part in json.loads(Path(place, "manifest.json").read_text())["files"]}
            found += [f"{place}/{file}" for file in set(files) ^ {"manifest.json", *known}]
    return found


def catalogue(session: psycopg.Connection, launch: str) -> list[tuple[object, ...]]:
    """Which properties the events of each date carry, and how often."""
    columns = "event_date, event_name, property, value_type, event_count"
    return session.execute(f"select {columns} from raw.event_property_days where launch_id = %s order by 1, 2, 3, 4", [launch]).fetchall()  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("source", KILLS)
def test_a_killed_ingest_leaves_nothing_that_the_next_one_does_not_fix(
    source: Source, session: psycopg.Connection, emr: Launch, sandbox_launches: Path, landing: Path
) -> None:
    undisturbed = f"undisturbed-{source}"
    steps = steps_of(sandbox_launches, undisturbed, source)
    expected = rows(session, source, undisturbed)
    assert sum(map(len, expected.values())) > 30
    random, count = Random(f"kill -9 {source}"), KILLS[source]
    stops = {0: next(step for step in steps[1:] if not step.startswith("load")), 2: "loading"}
    if source in ("mixpanel", "prometheus"):  # a pull of the others is written within a millisecond
        stops[4] = "unfinished" if source == "mixpanel" else "call"
    wrecks = []
    for number in range(count):
        launch = f"killed-{source}-{number // 2 if number < count // 2 * 2 else number}"
        folder = landing / source / launch
        stop = stops.get(number, "")  # on even numbers, whose run is the first of its launch
        process = start(sandbox_launches, launch, source, "" if stop == "call" else stop)
        if stop == "call":
            step = kill_in_a_call(process, folder)
        else:
            step = kill_at(process, stop) if stop else kill_after(process, random.randint(1, len(steps)), random.uniform(0, 0.06))
        wrecks.append(wreck(session, folder, launch, step))
        if number % 2 == 0 and number + 1 < count:
            continue
        ingest(source, emr.model_copy(update={"launch": launch}), *WINDOWS[source])
        told = f"{launch}: {wrecks}"
        assert difference(rows(session, source, launch), expected) == [], told
        assert catalogue(session, launch) == catalogue(session, undisturbed), told
        assert strays(folder) == [], told
        runs = session.execute("select status, error from ops.ingest_runs where launch_id = %s order by ingest_run_id", [launch]).fetchall()
        assert runs[-1] == ("succeeded", None), told
        assert set(runs[:-1]) <= {("failed", "the run was killed"), ("succeeded", None)}, told
        accounting_is_closed(session, launch)
    assert {"extraction", "load"} <= {each.phase for each in wrecks}, wrecks
    assert [wrecks[number].is_running for number in stops] == [True] * len(stops), wrecks
    assert wrecks[4].unfinished if 4 in stops else True, wrecks
