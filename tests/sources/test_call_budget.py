"""No window ever holds more calls than the limit, whoever makes them; nobody waits longer than that asks for, and everybody is told."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.managers import BaseManager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postlaunch.config.connections import Connection, Limit, get_connection
from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, WarehouseError
from postlaunch.sources import call_budget as module
from postlaunch.sources.base import TransientError, call
from postlaunch.sources.budget import UNLIMITED
from postlaunch.sources.call_budget import BudgetSpentError, CallBudget, call_budget, margin_seconds, next_turn, plan, waits_at_most
from postlaunch.warehouse.db import connect
from sandbox.apis.limits import Window

START = dt.datetime(2026, 4, 13, tzinfo=dt.UTC)
MIXPANEL = "AIRFLOW_CONN_POSTLAUNCH_MIXPANEL"


def silent(message: str, completed: int, total: int | None) -> None:
    """Nobody listens."""


def budget_of(*limits: Limit, progress: Any = silent, account: str = "data.mixpanel.com/1") -> CallBudget:
    return CallBudget("mixpanel", account, limits, progress)


@pytest.fixture
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


@contextmanager
def waiting(budget: CallBudget) -> Iterator[list[float]]:
    """A call that is being waited for meanwhile; yields a list that gets the moment when it may be made."""
    made: list[float] = []

    def take() -> None:
        budget.take()
        made.append(time.monotonic())

    before, thread = last_turn(), Thread(target=take)
    thread.start()
    while last_turn() == before:
        assert thread.is_alive()
    yield made
    thread.join(120)


def last_turn() -> int:
    """The number of the newest turn that was given."""
    with connect("loader", autocommit=True) as session:
        return int(session.execute("select coalesce(max(call_id), 0) from ops.api_calls").fetchall()[0][0])


# --- the sliding window --------------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(
    limits=st.lists(st.builds(Limit, st.integers(1, 7), st.sampled_from([1, 2, 10, 60])), min_size=1, max_size=3),
    gaps=st.lists(st.one_of(st.just(0.0), st.floats(0, 30)), min_size=1, max_size=60),
)
def test_no_window_holds_more_calls_than_its_limit_and_none_comes_later_than_it_must(limits: list[Limit], gaps: list[float]) -> None:
    now, made = START, []
    for gap in gaps:
        now += dt.timedelta(seconds=gap)
        turn, reason = next_turn(now, made[::-1], limits)
        made.append(turn)
        for limit in limits:
            window = [moment for moment in made if moment > turn - dt.timedelta(seconds=limit.seconds)]
            assert len(window) <= limit.calls
        assert (reason is None) == (turn == now)
        if reason:
            assert turn == made[-1 - reason.calls] + dt.timedelta(seconds=reason.seconds + margin_seconds(reason))
    assert made == sorted(made)


def hammer(limiter: Any, limit: Limit, calls: int, together: Any, refused: Any) -> None:
    budget = budget_of(limit)
    together.wait()
    for _ in range(calls):
        budget.take()
        if limiter.take():
            refused.value += 1


class Limiters(BaseManager):
    """Serves the simulator's own limiter to other processes."""


Limiters.register("Window", Window)


@pytest.mark.slow
def test_forty_processes_at_once_are_never_refused_and_get_nearly_all_that_the_limit_allows(warehouse: str) -> None:
    fork, limit = multiprocessing.get_context("fork"), Limit(20, 5)
    with Limiters(ctx=fork) as server:
        limiter, refused = server.Window(limit.calls, float(limit.seconds), time.monotonic), fork.Value("i", 0)  # type: ignore[attr-defined]
        together = fork.Barrier(41)
        processes = [fork.Process(target=hammer, args=(limiter, limit, 2, together, refused)) for _ in range(40)]
        for process in processes:
            process.start()
        together.wait()
        started = time.monotonic()
        for process in processes:
            process.join(120)
        seconds = time.monotonic() - started
    assert [process.exitcode for process in processes] == [0] * 40
    assert refused.value == 0
    allowed = (40 * 2 / limit.calls - 1) * limit.seconds  # the first twenty need not wait
    assert allowed <= seconds <= 4 * allowed  # 1.03 on a machine at rest; turns one after another would take 25 times


def test_a_task_that_wakes_late_moves_those_behind_it(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit(1, 1)
    first, late, behind = budget_of(limit), budget_of(limit), budget_of(limit)
    slept = late._wait
    monkeypatch.setattr(late, "_wait", lambda turn: slept(SimpleNamespace(**{**vars(turn), "wait_seconds": turn.wait_seconds + 1.0})))
    first.take()
    with waiting(late) as late_made, waiting(behind) as behind_made:
        pass
    gaps = [after - before for before, after in pairwise(sorted(late_made + behind_made))]
    assert len(gaps) == 1
    assert gaps[0] >= 1


# --- what the API says -----------------------------------------------------------------------------------------------------


def test_a_pause_holds_for_everybody_also_for_those_who_have_their_turn_already(warehouse: str) -> None:
    limit = Limit(1, 1)
    mine, other = budget_of(limit), budget_of(limit)
    mine.take()
    until = []
    with waiting(other) as made:
        paused = time.monotonic()
        for seconds in (3, 1):  # the longer one holds
            mine.pause(seconds)
            with connect("loader", autocommit=True) as session:
                until += session.execute("select paused_until from ops.api_pauses").fetchall()
    assert made[0] - paused >= 3
    assert until[0] == until[1]


def test_a_pause_of_one_account_is_not_that_of_another(warehouse: str) -> None:
    budget_of(Limit(9, 1)).pause(3600)
    with waits_at_most(0):
        budget_of(Limit(9, 1), account="data.mixpanel.com/2").take()


def test_a_task_that_is_told_to_wait_long_comes_again_instead_of_sleeping(warehouse: str) -> None:
    """The same call that got the Retry-After, not only those after it."""
    with waits_at_most(60):
        task = budget_of(Limit(9, 1))
    calls: list[int] = []

    def refused() -> None:
        calls.append(1)
        raise TransientError("its call limit is used up", 1800.0)

    with pytest.raises(BudgetSpentError, match="because of the pause that Mixpanel asked for") as caught:
        call(task, refused)
    assert len(calls) == 1
    assert caught.value.wait_seconds == pytest.approx(1800, abs=60)


def test_a_short_wait_that_was_told_is_waited_out_once(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [TransientError("its call limit is used up", 2.0)]

    def answer() -> str:
        if faults:
            raise faults.pop()
        return "answer"

    planned, wait = [], CallBudget._wait
    monkeypatch.setattr(CallBudget, "_wait", lambda budget, turn: (planned.append(turn.wait_seconds), wait(budget, turn)))
    started = time.monotonic()
    assert call(budget_of(Limit(9, 1)), answer) == "answer"
    assert time.monotonic() - started >= 2.0
    assert sum(planned) < 2.5, "once, and not a second time on top"


# --- waits -----------------------------------------------------------------------------------------------------------------


def test_who_does_not_wait_long_is_told_when_to_come_back_and_keeps_no_turn(warehouse: str) -> None:
    with waits_at_most(60):
        task = budget_of(Limit(2, 3600))
    task.take()
    task.take()
    with pytest.raises(BudgetSpentError, match=r"no call before \d\d:\d\d UTC, because of Mixpanel's limit of 2 calls an hour") as caught:
        task.take()
    assert caught.value.wait_seconds == pytest.approx(3602, abs=5)
    with psycopg.connect(warehouse) as session:
        assert session.execute("select count(*), bool_and(is_made) from ops.api_calls").fetchall() == [(2, True)]


def test_a_wait_is_told_with_its_reason_and_who_is_ahead(warehouse: str) -> None:
    class HeardError(Exception):
        """Told once is enough."""

    said: list[tuple[str, int, int | None]] = []

    def hear(*told: Any) -> None:
        said.append(told)  # type: ignore[arg-type]
        raise HeardError

    with psycopg.connect(warehouse) as session:
        session.execute(
            "insert into ops.api_calls (budget, call_at, is_made) "
            "values ('mixpanel data.mixpanel.com/1', clock_timestamp() + interval '650 seconds', false)"
        )
    asked = time.monotonic()
    with pytest.raises(HeardError):
        budget_of(Limit(1, 600), progress=hear).take()
    ((told, done, seconds),) = said
    # ten minutes and two seconds of margin after a turn that comes in 650 s: 1,252 s, less what a busy machine took to ask
    assert (told, done) == ("waiting 21 min for Mixpanel's limit of 1 call in 10 minutes; 1 call is ahead", 0)
    assert 1252 - (time.monotonic() - asked) - 1 <= (seconds or 0) <= 1252


def test_an_interrupted_wait_gives_its_turn_back(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = budget_of(Limit(1, 60))
    budget.take()

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            budget.take()
    with psycopg.connect(warehouse) as session:
        assert session.execute("select count(*) from ops.api_calls").fetchall() == [(1,)]


def test_what_is_older_than_the_window_is_forgotten_killed_turns_too(warehouse: str) -> None:
    with psycopg.connect(warehouse) as session:
        session.execute(
            "insert into ops.api_calls (budget, call_at, is_made) "
            "select 'mixpanel data.mixpanel.com/1', now() - interval '5 seconds', made from unnest(array[true, false]) as made"
        )
    budget_of(Limit(1, 2)).take()
    with psycopg.connect(warehouse) as session:
        assert session.execute("select count(*) from ops.api_calls").fetchall() == [(1,)]


def test_without_a_warehouse_no_call_is_made(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE", "postgres://nobody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(WarehouseError, match="no PostgreSQL at 127.0.0.1:1/nowhere"):
        budget_of(Limit(1, 1)).take()


def test_a_warehouse_that_was_never_migrated_says_what_fixes_it(warehouse: str) -> None:
    with psycopg.connect(warehouse) as session:
        session.execute("drop table ops.api_calls")
    with pytest.raises(WarehouseError, match="cannot count the calls to Mixpanel: .*; run `postlaunch migrate`"):
        budget_of(Limit(1, 1)).take()


# --- whose budget, and how large ---------------------------------------------------------------------------------------------


def connection(**extra: Any) -> Connection:
    return Connection("postlaunch_source", "https", "data.mixpanel.com", login="robot", password="secret", extra=extra)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("30/minute", [Limit(30, 60)]),
        ("60/hour,3/second", [Limit(60, 3600), Limit(3, 1)]),
        ("60/5minutes, 3/second", [Limit(60, 300), Limit(3, 1)]),
        ("1000/2 days", [Limit(1000, 172800)]),
        ("none", []),
    ],
)
def test_a_connection_may_say_its_limits(text: str, limits: list[Limit], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"https://robot:secret@shop.example?limits={text}")
    assert get_connection("shop").limits == tuple(limits)
    assert connection().limits is None


@pytest.mark.parametrize("text", ["", "60", "60/hour;3/second", "0/minute", "60/fortnight", "-1/hour", "many/hour", 60])
def test_limits_that_are_not_understood_name_the_variable(text: object) -> None:
    with pytest.raises(ConfigError, match=r"AIRFLOW_CONN_POSTLAUNCH_SOURCE: limits=.* write 60/hour,3/second or none"):
        _ = connection(limits=text).limits


def test_each_source_has_its_documented_limits_and_each_mixpanel_project_its_own(emr: Launch) -> None:
    mixpanel = call_budget("mixpanel", emr, connection(), silent)
    assert isinstance(mixpanel, CallBudget)
    assert mixpanel.limits_in_words == "60 calls an hour and 3 calls a second"
    assert emr.mixpanel is not None
    assert mixpanel._key == f"mixpanel data.mixpanel.com/{emr.mixpanel.project_id}"
    zendesk = call_budget("zendesk", emr, connection(), silent)
    assert isinstance(zendesk, CallBudget)
    assert (zendesk._key, zendesk.limits_in_words) == ("zendesk data.mixpanel.com", "10 calls a minute")
    assert call_budget("prometheus", emr, connection(), silent) is UNLIMITED
    assert call_budget("mixpanel", emr, connection(limits="none"), silent) is UNLIMITED


def test_the_plan_says_how_long_it_takes_before_it_starts(emr: Launch, warehouse: str, apis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = dt.date(2026, 1, 12), dt.date(2026, 4, 11)
    for source in ("MIXPANEL", "ZENDESK", "PROMETHEUS"):
        monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source}", apis)
    assert plan("mixpanel", emr, Dates(first, last)) == "mixpanel: 3 calls of at most 60 calls an hour and 3 calls a second: no waiting"
    assert plan("zendesk", emr, Dates(first, last)) == "zendesk: at most 10 calls a minute"
    assert plan("prometheus", emr, Dates(first, last)) is None
    monkeypatch.setenv(MIXPANEL, f"{apis}?limits=1/hour")
    assert plan("mixpanel", emr, Dates(first, last)) == "mixpanel: 3 calls of at most 1 call an hour: about 2.0 h of waiting"
    assert plan("mixpanel", emr, Dates.of(last)) == "mixpanel: 1 call of at most 1 call an hour: no waiting"


def test_an_ingest_says_its_plan_first_and_every_call_is_counted(
    warehouse: str, apis: str, sandbox_launches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from postlaunch.cli import cli

    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path))
    monkeypatch.setenv(MIXPANEL, f"{os.environ[MIXPANEL].partition('?')[0]}?limits=60/hour")
    window = ["--from", "2026-04-10", "--to", "2026-04-11"]
    done = CliRunner().invoke(cli, ["ingest", "mixpanel", "--launch", "emr-platform", *window], catch_exceptions=False)
    assert done.output.startswith("mixpanel: 1 call of at most 60 calls an hour: no waiting\n")
    with psycopg.connect(warehouse) as session:
        rows = session.execute("select budget, is_made from ops.api_calls").fetchall()
    assert rows == [(f"mixpanel {apis.removeprefix('http://')}/1001", True)]
