"""One budget of calls for each account of an API, kept in the warehouse: all tasks of an installation share it.

    take()  ──>  a turn behind everybody who came before  ──>  sleep until then  ──>  look again  ──>  the call is made

No window of S seconds holds more than N calls. The turns are a plan; what counts is when calls are really made, so a task that wakes late
moves those behind it. Only the way to the API is not seen: `margin_seconds` is kept free for its jitter. All times are the server's.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg

from postlaunch.config.connections import Connection, Limit, get_connection
from postlaunch.config.launch import Launch, Source
from postlaunch.dates import Dates
from postlaunch.errors import SourceError, WarehouseError
from postlaunch.progress import Progress
from postlaunch.sources.base import public_url
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.registry import SPECS
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import take
from postlaunch.warehouse.refusals import refusal

_TOLD_SECONDS = 2.0  # shorter waits are not worth a word
_TICK_SECONDS = 10.0  # slept at once, so that a long wait can be told and ended

_longest_wait: ContextVar[float] = ContextVar("longest_wait", default=math.inf)

_PLANNED = "select call_at from ops.api_calls where budget = %s order by call_at desc limit %s"
_MADE = "select call_at from ops.api_calls where budget = %s and is_made order by call_at desc limit %s"
_PAUSE = """
    insert into ops.api_pauses values (%s, clock_timestamp() + %s)
    on conflict (budget) do update set paused_until = greatest(api_pauses.paused_until, excluded.paused_until)
"""


class BudgetSpentError(SourceError):
    """The next call is further away than the caller waits for. `wait_seconds`: come back then."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        """The wait is measured from now."""
        super().__init__(message)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Turn:
    """When a call may be made, how long that is from now, what keeps it back, and how many wait before it."""

    at: dt.datetime
    wait_seconds: float
    limit: Limit | None
    ahead: int


@contextmanager
def waits_at_most(seconds: float) -> Iterator[None]:
    """Within, a budget raises BudgetSpentError where it would wait longer than this. A person waits; a task gives its place back."""
    token = _longest_wait.set(seconds)
    try:
        yield
    finally:
        _longest_wait.reset(token)


def call_budget(source: Source, launch: Launch, connection: Connection, progress: Progress) -> Budget:
    """The budget of the account that the connection names. Raises ConfigError if its `limits` are wrong."""
    limits = SPECS[source].limits if connection.limits is None else connection.limits
    if not limits:
        return UNLIMITED
    account = urlsplit(public_url(connection.base_url)).netloc
    return CallBudget(source, f"{account}{SPECS[source].account(launch)}", limits, progress)


def margin_seconds(limit: Limit) -> float:
    """What a window is longer here than at the API: one call may be a moment on its way, and the next arrive at once."""
    return min(0.2 + limit.seconds / 100, 2.0)


def next_turn(now: dt.datetime, taken: Sequence[dt.datetime], limits: Sequence[Limit]) -> tuple[dt.datetime, Limit | None]:
    """The first moment from `now` on at which one more call breaks no limit, and which limit keeps it back. `taken`: newest first."""
    found: tuple[dt.datetime, Limit | None] = (now, None)
    for limit in limits:
        if len(taken) >= limit.calls:
            free = taken[limit.calls - 1] + dt.timedelta(seconds=limit.seconds + margin_seconds(limit))
            found = max(found, (free, limit), key=lambda turn: turn[0])
    return found


class CallBudget:
    """A `Budget` of sources/budget.py. Sessions are opened for a moment each: nobody holds one while waiting."""

    def __init__(self, source: Source, account: str, limits: tuple[Limit, ...], progress: Progress) -> None:
        """`progress` is told of waits."""
        self._name, self._key, self._limits, self._progress = SPECS[source].label, f"{source} {account}", limits, progress
        self._most = max(limit.calls for limit in limits)
        self._longest = dt.timedelta(seconds=max(limit.seconds + margin_seconds(limit) for limit in limits))
        self._patience = _longest_wait.get()

    @property
    def limits_in_words(self) -> str:
        """For a person: 60 calls an hour and 3 calls a second."""
        return " and ".join(map(str, self._limits))

    def take(self) -> None:
        """Wait for the next call that the limits allow, and count it. Raises BudgetSpentError or WarehouseError."""
        call_id, turn = self._next(None)
        while turn.wait_seconds > 0:
            try:
                self._wait(turn)
            except BaseException:
                self._give_back(call_id)
                raise
            call_id, turn = self._next(call_id)

    def pause(self, seconds: float) -> float:
        """The API said to wait: nobody calls it before `seconds` have passed. Returns 0, for the next `take` waits, or gives up at once."""
        with self._session() as session:
            session.execute(_PAUSE, [self._key, dt.timedelta(seconds=seconds)])
        return 0.0

    def forecast(self, calls: int) -> float:
        """Seconds until the last of so many calls may be made, if nobody else calls and nothing is counted for the calls themselves."""
        with self._session() as session:
            now, start = self._now(session)
            taken = self._taken(session, _PLANNED)
        for _ in range(calls):
            start, _limit = next_turn(start, taken, self._limits)
            taken = [start, *taken[: self._most - 1]]
        return (start - now).total_seconds()

    def _next(self, call_id: int | None) -> tuple[int, Turn]:
        """The call is made now, or has a turn. The first time behind all who have one; later only calls that were made count."""
        with self._session() as session:
            take(session, f"calls of {self._key}")
            now, start = self._now(session)
            gone = now - self._longest
            session.execute("delete from ops.api_calls where budget = %s and (call_at < %s or call_id = %s)", [self._key, gone, call_id])
            at, limit = next_turn(start, self._taken(session, _PLANNED if call_id is None else _MADE), self._limits)
            turn = Turn(at, (at - now).total_seconds(), limit, self._ahead(session, at))
            if turn.wait_seconds <= self._patience:
                return self._insert(session, turn), turn
        moment = f"{turn.at:%H:%M}" if turn.wait_seconds < 12 * 3600 else f"{turn.at:%Y-%m-%d %H:%M}"
        raise BudgetSpentError(f"no call before {moment} UTC, because of {self._reason(turn)}", turn.wait_seconds)

    def _insert(self, session: psycopg.Connection, turn: Turn) -> int:
        row = session.execute(
            "insert into ops.api_calls (budget, call_at, is_made) values (%s, %s, %s) returning call_id",
            [self._key, turn.at, turn.wait_seconds <= 0],
        ).fetchall()[0]
        return int(row[0])

    def _now(self, session: psycopg.Connection) -> tuple[dt.datetime, dt.datetime]:
        """The present moment, and the end of the pause if there is one."""
        row = session.execute(
            "select clock_timestamp(), (select paused_until from ops.api_pauses where budget = %s)", [self._key]
        ).fetchall()[0]
        return row[0], max(row[0], row[1] or row[0])

    def _taken(self, session: psycopg.Connection, query: LiteralString) -> list[dt.datetime]:
        return [row[0] for row in session.execute(query, [self._key, self._most])]

    def _ahead(self, session: psycopg.Connection, at: dt.datetime) -> int:
        query = "select count(*) from ops.api_calls where budget = %s and not is_made and call_at <= %s"
        return int(session.execute(query, [self._key, at]).fetchall()[0][0])

    def _wait(self, turn: Turn) -> None:
        """Sleep until the turn, and say so every ten seconds."""
        ahead = f"; {turn.ahead:,} {'call is' if turn.ahead == 1 else 'calls are'} ahead" if turn.ahead else ""
        message = f"waiting {in_words(turn.wait_seconds)} for {self._reason(turn)}{ahead}"
        end = time.monotonic() + turn.wait_seconds
        while (left := end - time.monotonic()) > 0:
            if turn.wait_seconds >= _TOLD_SECONDS:
                self._progress(message, round(turn.wait_seconds - left), round(turn.wait_seconds))
            time.sleep(min(left, _TICK_SECONDS))

    def _give_back(self, call_id: int) -> None:
        """A turn that nobody waits for keeps nobody else waiting."""
        with suppress(WarehouseError), self._session() as session:
            session.execute("delete from ops.api_calls where call_id = %s", [call_id])

    def _reason(self, turn: Turn) -> str:
        return f"{self._name}'s limit of {turn.limit}" if turn.limit else f"the pause that {self._name} asked for"

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        """A transaction of its own: the loader's may last for minutes."""
        try:
            with connect("loader") as session:
                yield session
        except psycopg.Error as error:
            raise WarehouseError(f"cannot count the calls to {self._name}: {refusal(error)}") from error


def plan(source: Source, launch: Launch, dates: Dates) -> str | None:
    """How long the calls for the inclusive dates have to wait, as far as that is known before; None for an API without a limit."""
    connection = get_connection(getattr(launch, source).connection)
    budget = call_budget(source, launch, connection, lambda *_: None)
    if not isinstance(budget, CallBudget):
        return None
    count = SPECS[source].calls
    calls = count(launch, dates) if count else None
    if calls is None:
        return f"{source}: at most {budget.limits_in_words}"
    seconds = budget.forecast(calls)
    wait = f"about {in_words(seconds)} of waiting" if seconds >= _TOLD_SECONDS else "no waiting"
    return f"{source}: {calls:,} {'call' if calls == 1 else 'calls'} of at most {budget.limits_in_words}: {wait}"


def in_words(seconds: float) -> str:
    """A wait as people say it: 45 s, 12 min, 2.5 h."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"
