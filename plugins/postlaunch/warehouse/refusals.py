"""What PostgreSQL says when it refuses: in one line, without the values of rows, and with what to do about it.

Its messages quote values (`invalid input syntax for type integer: "..."`, `Key (user_id)=(...) already exists`), and messages end up in
logs, in `ops` and in mails. So a session of ours says no more of a row than which rule it broke (`Session` in db.py).
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from postlaunch.config.connections import WAREHOUSE, Connection, get_connection, variable_name
from postlaunch.errors import PostlaunchError, WarehouseError

_PACKAGE = Path(__file__).parents[1]
_VALUE = re.compile(r'["„“«].*["”“»]', re.DOTALL)  # greedy, for a value may hold quotation marks; a server may speak another language
_LOST = ("08", "57P")  # SQLSTATE of a connection that broke, of a server that stops or starts

# What a person can do, by SQLSTATE or its beginning: https://www.postgresql.org/docs/current/errcodes-appendix.html
_REMEDIES = {
    **dict.fromkeys(_LOST, "run the same command again as soon as the server answers: what was begun is rolled back"),
    "25006": f"this server takes no changes (a standby?): point {variable_name(WAREHOUSE)} at the primary",
    "3F000": "run `postlaunch migrate`: the schema is missing or of another version",
    "40": "another session was in the way: run the same command again",
    "42501": f"the login of {variable_name(WAREHOUSE)} lacks a right: run `postlaunch migrate` with the login that owns the schema",
    "42P01": "run `postlaunch migrate`: the schema is missing or of another version",
    "53100": "make room on the disk of the PostgreSQL server, then run the same command again",
    "53200": "the PostgreSQL server is short of memory: run the same command again with less beside it",
    "53300": "the PostgreSQL server has no connection left: end some, or raise max_connections",
    "55P03": "another session holds what is needed (`postlaunch status` shows ours): run the same command again when it has ended",
    "57014": "a person or statement_timeout cancelled the statement: raise the limit of this login, or run the same command again",
    "58": "look into the log of the PostgreSQL server: its machine fails it",
}


def place(connection: Connection) -> str:
    """Where the warehouse is, for a message: host:port/database."""
    return f"{connection.host}:{connection.port or 5432}/{connection.schema or 'postlaunch'}"


def is_lost(error: BaseException) -> bool:
    """Whether the connection broke, or the server stops: the session is gone, and what it did not commit."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith(_LOST)


def without_values(error: psycopg.Error) -> str:
    """The server's words in one line: without the context, which quotes rows; of a row (SQLSTATE 22, 23) without values and detail too."""
    said, state = error.diag, error.sqlstate or ""
    if not said.message_primary:
        return " ".join(str(error).split())  # of psycopg itself or of a lost connection, which know of no row
    if state.startswith("22"):
        return _VALUE.sub('"…"', " ".join(said.message_primary.split()))
    if state.startswith("23"):
        return " ".join(said.message_primary.split())
    return " ".join("; ".join(filter(None, (said.message_primary, said.message_detail, said.message_hint))).split())


def refusal(error: psycopg.Error) -> str:
    """What PostgreSQL said, where in our code, and what to do if a person can do something."""
    return "; ".join(filter(None, (f"{without_values(error)} ({_origin(error)})", _remedy(error))))


def reason_of(error: BaseException) -> str:
    """What a failed run keeps in `ops`: our own words, PostgreSQL's without values, of anything else its kind and place alone.

    The message of an error that nobody foresaw may quote the record that it fell over.
    """
    if isinstance(error, PostlaunchError):
        return str(error)
    return refusal(error) if isinstance(error, psycopg.Error) else f"{type(error).__name__} ({_origin(error)})"


@contextmanager
def warehouse_errors() -> Iterator[None]:
    """Within, an error of PostgreSQL that a person can do something about is a WarehouseError of one line; any other passes as it is."""
    try:
        yield
    except psycopg.Error as error:
        if _remedy(error) is None:
            raise
        raise WarehouseError(f"PostgreSQL at {place(get_connection(WAREHOUSE))}: {refusal(error)}") from error


def _remedy(error: psycopg.Error) -> str | None:
    state = "08" if is_lost(error) else error.sqlstate or ""
    return next((_REMEDIES[key] for key in (state, state[:3], state[:2]) if key in _REMEDIES), None)


def _origin(error: BaseException) -> str:
    """File and line of ours that an error came from, for example `marts/identities.py:284`."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(frame.filename).parents]
    own = [frame for frame in frames if not frame.filename.endswith("warehouse/db.py")] or frames  # db.py only passes it on
    return f"{Path(own[-1].filename).relative_to(_PACKAGE)}:{own[-1].lineno}" if own else "a library"
