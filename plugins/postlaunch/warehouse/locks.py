"""Who may do a thing now: named locks that only the pipeline can take, and no wait for a lock without an end.

    take(session, "load ...")      the name belongs to this transaction, until it ends
    held("publisher", "publish")   the name belongs to the block: a session of its own keeps it, and loses it with its process
    bounded(session, 10, "...")    no statement within waits longer for any lock; who is in the way is named
    seize(session, tables)         tables whose shape changes: tried until they are free, so that no reader waits behind us

A name is a row of ops.locks that is locked for update: an analyst may read no table of `ops`, so nobody outside can hold one. An
advisory lock belongs to whoever guesses its number, and pg_locks shows the number to everybody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from postlaunch.errors import LockedError, PostlaunchError
from postlaunch.warehouse.db import Role, connect

PATIENCE_SECONDS = 30.0  # until whoever has the lock is named in an error
BUILD_LOCK = "build"  # the one name that several steps take: nobody changes what a build reads

_RETRY_SECONDS = 0.05  # between two tries at tables that are being read

# Sessions of other logins show when they began only to members of pg_read_all_stats; who they are is shown to all.
_SESSIONS = """
select
    blocking.pid,
    sessions.usename,
    coalesce(nullif(sessions.application_name, ''), 'no application name'),
    coalesce(sessions.xact_start, sessions.backend_start),
    sessions.state
from unnest(%s::integer[]) as blocking (pid)
left join pg_stat_activity as sessions on blocking.pid = sessions.pid
order by coalesce(sessions.xact_start, sessions.backend_start) nulls last, blocking.pid
"""


def take(session: psycopg.Connection, name: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a name, which then belongs to the session's transaction. Raises LockedError after `seconds`, naming who has it."""
    with bounded(session, seconds, name):
        session.execute("insert into ops.locks (name) values (%s) on conflict (name) do nothing", [name])
        session.execute("select from ops.locks where name = %s for update", [name])


def seize(session: psycopg.Connection, tables: Sequence[sql.Identifier], seconds: float = PATIENCE_SECONDS) -> None:
    """All of the tables for the session's transaction alone, or none. Raises LockedError after `seconds`, naming who reads them.

    A partitioned table is taken without its partitions.

    A request that waits in the queue keeps every reader behind it waiting: so none is left there, and all are asked for again.
    """
    deadline = time.monotonic() + seconds
    names = sql.SQL(", ").join(sql.SQL("only {}").format(table) for table in tables)
    while True:
        try:
            with session.transaction():
                session.execute(sql.SQL("lock table {} in access exclusive mode nowait").format(names))
                return
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                told = ", ".join(table.as_string(None).replace('"', "") for table in tables)
                raise LockedError(f"{told}: waited {seconds:g} s for {_holders(tables) or 'sessions that have just ended'}") from error
        time.sleep(_RETRY_SECONDS)


@contextmanager
def held(role: Role, name: str, seconds: float = 1.0) -> Iterator[psycopg.Connection]:
    """Have a name for as long as the block runs. Raises LockedError after `seconds`, naming who has it.

    The session that keeps it may take further names and does nothing else, so that its transaction can stay open. It ends with the
    process, and the names are free.
    """
    with connect(role, autocommit=True) as session:
        session.execute("select set_config('application_name', %s, false)", [f"postlaunch {name}"])
        session.execute(  # it is idle by design
            "select set_config(name, '0', false) from pg_settings where name = any(%s)",
            [["idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout"]],
        )
        session.execute("select set_config(name, '60', false) from pg_settings where name = 'tcp_keepalives_idle'")
        with session.transaction():
            take(session, name, seconds)
            yield session


@contextmanager
def bounded(session: psycopg.Connection, seconds: float, what: str) -> Iterator[None]:
    """Within, no statement waits longer than `seconds` for a lock. Raises LockedError that names `what` and who is in the way."""
    session.execute("select set_config('lock_timeout', %s, false)", [f"{max(round(seconds * 1000), 1)}ms"])
    watch = _Watch(session.info.backend_pid, seconds / 3)
    try:
        with watch:
            yield
    except psycopg.errors.LockNotAvailable as error:
        raise LockedError(f"{what}: waited {seconds:g} s for {watch.seen or 'a session that has just ended'}") from error
    finally:
        if session.info.transaction_status != psycopg.pq.TransactionStatus.INERROR:  # there the rollback does it
            with suppress(psycopg.OperationalError):  # the connection is gone: the first fault is the one to show
                session.execute("reset lock_timeout")  # to what `connect` has set


def blockers(pid: int) -> str:
    """Who keeps the session with this process id waiting, since when, and how to end it; empty if nobody does."""
    with connect(autocommit=True) as session:
        return _described(session, session.execute("select pg_blocking_pids(%s)", [pid]).fetchall()[0][0])


def _holders(tables: Sequence[sql.Identifier]) -> str:
    """The same for sessions that have any of these tables in use."""
    with connect(autocommit=True) as session:
        pids = session.execute(
            "select array_agg(distinct pid) from pg_locks where granted and locktype = 'relation' and pid <> pg_backend_pid() "
            "and database = (select oid from pg_database where datname = current_database()) "
            "and relation = any(array(select to_regclass(name)::oid from unnest(%s::text[]) as name))",
            [[table.as_string(None) for table in tables]],
        ).fetchall()[0][0]
        return _described(session, pids or [])


def _described(session: psycopg.Connection, pids: list[int]) -> str:
    return "; ".join(_in_words(*row) for row in session.execute(_SESSIONS, [pids]))


def _in_words(pid: int, login: str | None, application: str, since: object, state: str | None) -> str:
    if not pid:
        return "a transaction that was prepared and never ended; pg_prepared_xacts names it, `rollback prepared` ends it"
    began = f"since {since:%Y-%m-%d %H:%M:%S} UTC" if since else "since when, only a member of pg_read_all_stats is told"
    at_rest = ", idle in its transaction" if state and state.startswith("idle in transaction") else ""
    return f"session {pid} of {login} ({application}), {began}{at_rest}; an administrator ends it with: select pg_terminate_backend({pid})"


class _Watch:
    """Looks, beside a session that may have to wait, who keeps it waiting: once it has given up, nobody can tell any more."""

    def __init__(self, pid: int, every: float) -> None:
        self.seen = ""
        self._pid, self._every = pid, every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lock watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(self._every):
            with suppress(PostlaunchError, psycopg.Error):
                self.seen = blockers(self._pid) or self.seen
