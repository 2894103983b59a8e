"""Who breaks which invariant: one statement per model counts the rows of all launches; examples are asked for only where some were found.

A statement that PostgreSQL refuses (one odd figure divides by zero) is tried again invariant by invariant and launch by launch, so that
it costs the launch that has the odd figure, and nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.quality.invariants import Invariant, Model
from postlaunch.quality.result import Scope

EXAMPLES = 3  # rows that a broken invariant shows
KEYS = ("launch_id", "domain", "source")  # whose a row is, as far as its table says


@dataclass(frozen=True)
class Violations:
    """How many rows of a launch and domain break an invariant (`count`), or why nobody can tell (`error`)."""

    scope: Scope
    model: Model
    invariant: Invariant
    count: int | None
    error: str | None = None


class Judge:
    """Counts violations over a read-only session that commits by itself."""

    def __init__(self, session: psycopg.Connection, models: Sequence[Model], scopes: Sequence[Scope]) -> None:
        """Only what was built is looked at."""
        self._session = session
        self._models = models
        self._scopes = [scope for scope in scopes if scope.is_built]
        self._columns = _columns(session)

    def violations(self) -> list[Violations]:
        """One entry per invariant and launch-domain that it is about, also without any violation."""
        return [entry for model in self._models for entry in self._of_model(model)]

    def examples(self, found: Violations) -> list[dict[str, Any]]:
        """Up to three of the rows: what identifies them, and the columns that the invariant speaks of."""
        invariant, scope = found.invariant, found.scope
        columns = self._columns[found.model.name]
        wanted = [name for name in (*found.model.grain, *_mentioned(invariant.expression, columns)) if name not in KEYS]
        names = _list(list(dict.fromkeys(wanted))) if wanted and not invariant.query else sql.SQL("*")
        rows = _offending(found.model, invariant, _launches([scope]))
        own = self._own_rows(found.model, scope)
        statement = sql.SQL("select {} from ({}) as {} where {} limit {}").format(
            names, rows, sql.Identifier(found.model.name), own, sql.Literal(EXAMPLES)
        )
        with self._session.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement).fetchall()

    def _own_rows(self, model: Model, scope: Scope) -> sql.Composable:
        """Rows of a table that serves several domains: those of the scope's own."""
        columns = self._columns[model.name]
        if "domain" in columns:
            return sql.SQL("domain = {}").format(sql.Literal(scope.domain))
        if "source" in columns:
            return sql.SQL("source = {}").format(sql.Literal(DOMAIN_SOURCE[scope.domain]))  # type: ignore[index]
        return sql.SQL("true")

    def _of_model(self, model: Model) -> list[Violations]:
        scopes = [scope for scope in self._scopes if model.covers(scope.domain)]
        if not scopes or "launch_id" not in self._columns.get(model.name, ()):
            return []  # a table without launches (the catalogue of KPIs) comes with a release: no data can change it, CI looks at it
        plain = [invariant for invariant in model.invariants if invariant.expression]
        others = [[invariant] for invariant in model.invariants if not invariant.expression]
        return [entry for group in [plain, *others] if group for entry in self._counted(model, group, scopes)]

    def _counted(self, model: Model, invariants: list[Invariant], scopes: list[Scope]) -> list[Violations]:
        try:
            return self._count(model, invariants, scopes)
        except psycopg.Error as error:
            if self._session.closed:
                raise
            if len(invariants) > 1:
                return [entry for invariant in invariants for entry in self._counted(model, [invariant], scopes)]
            launches = dict.fromkeys(scope.launch_id for scope in scopes)
            if len(launches) > 1:
                parts = [[scope for scope in scopes if scope.launch_id == launch] for launch in launches]
                return [entry for part in parts for entry in self._counted(model, invariants, part)]
            message = str(error).partition("\n")[0]
            return [Violations(scope, model, invariants[0], None, message) for scope in scopes]

    def _count(self, model: Model, invariants: list[Invariant], scopes: list[Scope]) -> list[Violations]:
        launches, first = _launches(scopes), invariants[0]
        # what a query returns says whose it is by its launch_id
        keys = ["launch_id"] if first.query else [name for name in KEYS if name in self._columns[model.name]]
        if first.expression:
            rows = _slice(model, launches)
            counts = [sql.SQL("count(*) filter (where {})").format(_broken(invariant, model, launches)) for invariant in invariants]
        else:
            rows, counts = _offending(model, first, launches), [sql.SQL("count({})").format(sql.SQL("*"))]
        statement = sql.SQL("select {keys}, {counts} from ({rows}) as {table} group by {keys}").format(
            keys=_list(keys), counts=sql.SQL(", ").join(counts), rows=rows, table=sql.Identifier(model.name)
        )
        found = [(dict(zip(keys, row, strict=False)), row[len(keys) :]) for row in self._session.execute(statement).fetchall()]
        return [
            Violations(scope, model, invariant, sum(counted[number] for key, counted in found if _is_of(scope, key)))
            for scope in scopes
            for number, invariant in enumerate(invariants)
        ]


def _is_of(scope: Scope, key: dict[str, Any]) -> bool:
    source = DOMAIN_SOURCE[scope.domain]  # type: ignore[index]
    own = {"launch_id": scope.launch_id, "domain": scope.domain, "source": source}
    return all(own[name] == value for name, value in key.items())


def _list(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _launches(scopes: Sequence[Scope]) -> sql.Composable:
    """`values` of launch and first date: one row per launch, or rows would count twice."""
    first: dict[str, str] = {}
    for scope in sorted(scopes, key=lambda scope: scope.first_date, reverse=True):
        first[scope.launch_id] = scope.first_date.isoformat()
    return sql.SQL(", ").join(sql.SQL("({}, date {})").format(sql.Literal(name), sql.Literal(date)) for name, date in first.items())


def _slice(model: Model, launches: sql.Composable) -> sql.Composable:
    """The rows that are judged: of an incremental model what was made again, and later dates too, for they may lean on earlier ones."""
    parts = {"table": sql.Identifier(model.name), "launches": launches, "date": sql.Identifier(model.date_column or "")}
    joined = """
        select {table}.*
        from build.{table} as {table}
        inner join (values {launches}) as scopes (launch_id, first_date) on {table}.launch_id = scopes.launch_id
    """
    return sql.SQL(joined).format(**parts) + sql.SQL("and {table}.{date} >= scopes.first_date" if model.date_column else "").format(**parts)


def _broken(invariant: Invariant, model: Model, launches: sql.Composable) -> sql.Composable:
    """True for a row that breaks the invariant; unknown is not good enough."""
    if invariant.expression:
        return sql.SQL("({}) is not true").format(sql.SQL(invariant.expression))
    empty = sql.SQL(" or ").join(sql.SQL("{} is null").format(sql.Identifier(name)) for name in invariant.columns)
    return sql.SQL("({columns}) in (select {columns} from ({rows}) as copies group by {columns} having count(*) > 1) or {empty}").format(
        columns=_list(invariant.columns), rows=_slice(model, launches), empty=empty
    )


def _offending(model: Model, invariant: Invariant, launches: sql.Composable) -> sql.Composable:
    """The rows that break an invariant, as `select`."""
    if invariant.query:
        return sql.SQL(
            "select found.* from ({}) as found "
            "where found.launch_id in (select scopes.launch_id from (values {}) as scopes (launch_id, first_date))"
        ).format(sql.SQL(invariant.query), launches)
    return sql.SQL("select * from ({}) as {} where {}").format(
        _slice(model, launches), sql.Identifier(model.name), _broken(invariant, model, launches)
    )


def _mentioned(expression: str, columns: Sequence[str]) -> list[str]:
    words = set(re.findall(r"\w+", expression))
    return [name for name in columns if name in words]


def _columns(session: psycopg.Connection) -> dict[str, tuple[str, ...]]:
    """Columns of every table and view of the schema build, in their order."""
    rows = session.execute(
        """
        select tables.relname, array_agg(columns.attname::text order by columns.attnum)
        from pg_class as tables
        inner join pg_attribute as columns on tables.oid = columns.attrelid and columns.attnum > 0 and not columns.attisdropped
        where tables.relnamespace = to_regnamespace('build') and tables.relkind in ('r', 'v', 'm', 'p')
        group by tables.relname
        """
    ).fetchall()
    return {str(name): tuple(columns) for name, columns in rows}


def missing_tables(session: psycopg.Connection, models: Sequence[Model]) -> list[str]:
    """Tables that have invariants and that the warehouse does not have."""
    wanted = [f"build.{model.name}" for model in models]
    rows = session.execute("select name from unnest(%s::text[]) as name where to_regclass(name) is null", [wanted]).fetchall()
    return [str(row[0]) for row in rows]
