"""`kill -9` of an ingest at twenty random moments, then the same command again: as if nothing had happened.

    begin ── calls of the API ── manifests ── load: insert ── copy ── finish ── commit ── end

The API and the warehouse rest a little at each of these steps, so that some moments fall into the calls, some between landing zone and
warehouse, some into the load and its commit. Every other run that goes on after a kill is killed too.
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
from dataclasses import dataclass
from pathlib import Path
from random import Random
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
import datetime as dt, sys, time
from pathlib import Path
from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest
from postlaunch.sources import mixpanel_http, extractor

mixpanel_http.READ_BYTES = 4096
folder, launch, source, first, last = sys.argv[1:]
chosen = load_launch(Path(folder), "emr-platform").model_copy(update={"launch": launch})
extractor(source)

def say(step, *_):
    print(step, flush=True)
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


def start(launches: Path, launch: str, source: Source) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(launches), launch, source, *map(str, WINDOWS[source])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def begun(process: subprocess.Popen[str]) -> float:
    """The moment at which a run begins; before, it imports."""
    assert process.stdout
    assert process.stdout.readline() == "begin\n", process.stderr and process.stderr.read()
    return time.monotonic()


def seconds(launches: Path, launch: str, source: Source) -> float:
    """How long a run takes that nobody kills."""
    with start(launches, launch, source) as process:
        since = begun(process)
        said, complaint = process.communicate(timeout=60)
    assert said.endswith("end\n"), complaint
    return time.monotonic() - since


def kill(process: subprocess.Popen[str], delay: float) -> str:
    """Kill a run some time after it began; returns its last step."""
    with process:
        since = begun(process)
        time.sleep(max(0.0, since + delay - time.monotonic()))
        process.kill()
        said, _ = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGKILL)
    return said.splitlines()[-1] if said else "begin"


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
def test_a_killed_ingest_leaves_nothing_that_the_next_one_does_not_mend(
    source: Source, session: psycopg.Connection, emr: Launch, sandbox_launches: Path, landing: Path
) -> None:
    undisturbed = f"undisturbed-{source}"
    whole = seconds(sandbox_launches, undisturbed, source)
    expected = rows(session, source, undisturbed)
    assert sum(map(len, expected.values())) > 30
    random, count = Random(f"kill -9 {source}"), KILLS[source]
    shares = [(number + random.random()) / count for number in range(count)]
    random.shuffle(shares)
    wrecks = []
    for number, share in enumerate(shares):
        launch = f"killed-{source}-{number // 2 if number < count // 2 * 2 else number}"
        folder = landing / source / launch
        step = kill(start(sandbox_launches, launch, source), share * whole)
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
    assert any(each.is_running for each in wrecks), wrecks
    assert any(each.unfinished for each in wrecks) or source in ("zendesk", "pagerduty"), wrecks  # theirs are written within a millisecond
