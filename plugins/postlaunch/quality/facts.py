"""The facts that a suite judges: one statement for all launches and domains that wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from postlaunch.quality.result import Scope
from postlaunch.quality.suites import Suite
from postlaunch.quality.volume import add_volume

FactRow = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """The rows that a suite is about, or why there are none (`error`)."""

    rows: list[FactRow]
    error: str | None = None

    def of(self, scope: Scope) -> list[int]:
        """The numbers of the rows about one launch and domain."""
        return [number for number, row in enumerate(self.rows) if (row["launch_id"], row["domain"]) == (scope.launch_id, scope.domain)]


def scopes_of(suite: Suite, scopes: Sequence[Scope]) -> list[Scope]:
    """The scopes that a suite has something to say about."""
    return [scope for scope in scopes if scope.domain in suite.domains and (scope.is_built or not suite.needs_build)]


def read_facts(session: psycopg.Connection, suite: Suite, scopes: Sequence[Scope]) -> Facts:
    """Run the query of a suite for its scopes. What PostgreSQL refuses is an error of this suite alone."""
    rows = [
        sql.SQL("({}, {}, date {}, date {})").format(
            sql.Literal(scope.launch_id),
            sql.Literal(scope.domain),
            sql.Literal(scope.first_date.isoformat()),
            sql.Literal(scope.last_date.isoformat()),
        )
        for scope in scopes_of(suite, scopes)
    ]
    if not rows:
        return Facts([])
    statement = sql.SQL("with scopes (launch_id, domain, first_date, last_date) as (values {}), facts as ({}) select * from facts").format(
        sql.SQL(", ").join(rows),
        sql.SQL(suite.facts),
    )
    try:
        with session.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(statement).fetchall()
    except psycopg.Error as error:
        if session.closed:
            raise
        return Facts([], str(error).partition("\n")[0])
    return Facts([add_volume(row) for row in found] if suite.adds == "volume" else found)
