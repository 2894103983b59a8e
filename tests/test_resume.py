"""Runs that are killed, and runs at the same time: nothing is lost, nothing is loaded twice, nobody waits without need."""

from __future__ import annotations

import datetime as dt
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from postlaunch.config.launch import Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.errors import SourceError
from postlaunch.ingest import IngestResult, ingest
from postlaunch.landing.zone import Landing
from postlaunch.sources import base
from tests.test_ingest import ROWS

FIRST, LAST = dt.date(2026, 2, 17), dt.date(2026, 2, 20)
CHILD = """
import datetime as dt, os, signal, sys
from pathlib import Path
from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest

folder, source, first, last, fatal = sys.argv[1:]

def report(message, completed, total):
    if f"{message} {completed}".startswith(fatal):
        os.kill(os.getpid(), signal.SIGKILL)

ingest(source, load_launch(Path(folder), "emr-platform"), dt.date.fromisoformat(first), dt.date.fromisoformat(last), progress=report)
"""


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setattr(base.PATIENCE, "attempts", 1)
    return tmp_path / "landing"


@pytest.fixture(scope="session")
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


@pytest.fixture
def query(warehouse: str) -> Callable[..., list[tuple[Any, ...]]]:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(warehouse) as session:
            cursor = session.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def fingerprint(query) -> Callable[[Source], str]:
    def of(source: Source) -> str:
        return str(query(f"select count(*) || ' ' || coalesce(sum(hashtextextended(row::text, 0)), 0) from ({ROWS[source]}) as row")[0][0])

    return of


@pytest.fixture
def killed(sandbox_launches: Path) -> Callable[..., None]:
    """Ingest in a process of its own that kills itself at the first word of progress that begins so."""

    def run(source: Source, fatal: str) -> None:
        arguments = [str(sandbox_launches), source, str(FIRST), str(LAST), fatal]
        done = subprocess.run([sys.executable, "-c", CHILD, *arguments], check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == -signal.SIGKILL, done.stderr

    return run


def unfinished(landing: Path) -> list[Path]:
    return [path.parent for path in landing.rglob("part-*") if not (path.parent / "manifest.json").exists()]


def dates_pulled(landing: Path, source: str) -> list[int]:
    """How many complete pulls each date, or stream, has."""
    return [len(list(folder.glob("*/manifest.json"))) for folder in sorted((landing / source / "emr-platform").glob("*/*"))]


KILLS: list[tuple[Source, str, list[int]]] = [
    ("mixpanel", "events of 2026-02-17..2026-02-21 1", [1, 1, 1, 1]),
    ("mixpanel", "loading events 2026-02-19", [1, 1, 1, 2]),
    ("prometheus", "samples of 2026-02-19", [1, 1, 1, 1]),
    ("prometheus", "loading samples 2026-02-18", [1, 1, 1, 2]),
    ("prometheus", "loaded", [1, 1, 1, 2]),
    ("zendesk", "users", [1] * 8 + [2]),  # the tickets go with the people beside them
    ("zendesk", "ticket_metric_events", [1] * 9),
    ("zendesk", "loading ticket_metric_events", [1] * 9),
    ("pagerduty", "notes", [1] * 9),
    ("pagerduty", "escalation_policies", [1] * 9),
    ("pagerduty", "loading incidents", [1] * 9),
]


@pytest.mark.parametrize(("source", "fatal", "pulls"), KILLS, ids=[f"{source} at {fatal}" for source, fatal, _ in KILLS])
def test_a_killed_run_goes_on_where_the_landing_zone_ends(
    source, fatal, pulls, apis, emr, query, fingerprint, killed, landing, monkeypatch
) -> None:
    killed(source, fatal)
    assert query("select status, error from ops.ingest_runs") == [("running", None)]
    result = ingest(source, emr, FIRST, LAST)
    assert query("select status, error from ops.ingest_runs order by 1") == [("failed", "the run was killed"), ("succeeded", None)]
    assert unfinished(landing) == []
    assert sorted(dates_pulled(landing, source)) == pulls
    assert len(result.loads) == len(pulls)
    after = fingerprint(source)
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(landing.with_name("undisturbed")))
    query("truncate ops.partition_loads, " + ", ".join(sorted({f"raw.{word[4:]}" for word in ROWS[source].split() if word[:4] == "raw."})))
    ingest(source, emr, FIRST, LAST)
    assert fingerprint(source) == after


def test_dates_that_were_landed_are_not_asked_for_again(apis, emr, warehouse, killed, landing) -> None:
    ingest("prometheus", emr, LAST, LAST)
    httpx.delete(f"{apis}/_sandbox/requests")
    ingest("prometheus", emr, LAST, LAST)
    one_date = httpx.get(f"{apis}/_sandbox/requests").json()["prometheus"]
    killed("prometheus", "samples of 2026-02-20")
    httpx.delete(f"{apis}/_sandbox/requests")
    result = ingest("prometheus", emr, FIRST, LAST)
    assert httpx.get(f"{apis}/_sandbox/requests").json()["prometheus"] == one_date
    assert result.resumed == 3
    assert "3 partitions were landed by a run that was cut short" in result.summary
    assert ingest("prometheus", emr, FIRST, LAST).resumed == 0, "after one that succeeded, everything is pulled anew"


def test_a_run_that_failed_goes_on_too_but_not_after_a_day_and_not_with_other_words(apis, emr, query, landing, monkeypatch) -> None:
    def fail(message: str, *_: object) -> None:
        if message == "samples of 2026-02-19":
            raise SourceError("prometheus: trouble")

    def failed() -> None:
        with pytest.raises(SourceError):
            ingest("prometheus", emr, FIRST, LAST, progress=fail)

    failed()
    assert ingest("prometheus", emr, FIRST, LAST).resumed == 2
    failed()
    query("update ops.ingest_runs set started_at = started_at - interval '25 hours'")
    assert ingest("prometheus", emr, FIRST, LAST).resumed == 0
    failed()
    other = emr.model_copy(update={"prometheus": emr.prometheus.model_copy(update={"lookback_days": 2})})
    assert ingest("prometheus", other, FIRST, LAST).resumed == 0


class Held:
    """An ingest in a thread that stops at a word of progress until it is released."""

    def __init__(self, emr: Launch, first: dt.date, last: dt.date, word: str = "") -> None:
        self.said: list[str] = []
        self.reached, self.go = threading.Event(), threading.Event()
        self.result: IngestResult | BaseException | None = None
        self._arguments, self._word = ("prometheus", emr, first, last), word
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = ingest(*self._arguments, progress=self._report)  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001
            self.result = error

    def _report(self, message: str, *_: object) -> None:
        self.said.append(message)
        if self._word and message.startswith(self._word):
            self.reached.set()
            assert self.go.wait(60)

    def end(self) -> IngestResult:
        self.go.set()
        self._thread.join(60)
        assert isinstance(self.result, IngestResult), self.result
        return self.result


def test_runs_of_the_same_dates_wait_and_others_do_not(apis, emr, query, landing) -> None:
    held = Held(emr, FIRST, FIRST, "samples of")
    assert held.reached.wait(60)
    second = Held(emr, FIRST, FIRST)
    other = ingest("prometheus", emr, LAST, LAST)
    assert other.loaded > 0
    assert query("select count(*) from ops.ingest_runs where status = 'running'") == [(1,)], "the second has not begun"
    assert second.result is None
    assert held.end().loaded > 0
    assert not second.end().is_changed
    assert re.match(r"waiting for run 1 \(session \d+\), at work on the same dates since ", second.said[0])
    assert query("select array_agg(status) from ops.ingest_runs") == [(["succeeded"] * 3,)]


def test_a_run_sweeps_nothing_of_one_that_is_alive(apis, emr, query, landing) -> None:
    held = Held(emr, FIRST, FIRST, "loading")
    assert held.reached.wait(60)
    writing = Landing(str(landing)).folder("prometheus", "emr-platform", "samples", FIRST) / "20260101T000000000000Z-000000"
    writing.mkdir()
    (writing / "part-0000.jsonl.gz").write_bytes(b"half")
    ingest("prometheus", emr, FIRST, LAST)
    assert writing.exists(), "the run of the first date may be writing it"
    held.end()
    ingest("prometheus", emr, FIRST, LAST)
    assert not writing.exists()
