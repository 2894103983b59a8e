"""One mart table at publication: its shape follows build.<table>, its rows too, for the launches and domains that passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from postlaunch.errors import WarehouseError

BUILD, MARTS = "build", "marts"
SCORECARD, REFERENCE = "scorecard", "reference"
Columns = dict[str, str]  # name -> PostgreSQL type, in the order of the build table
Grain = tuple[str, ...]  # the columns that identify a row; empty: unknown, whole rows are compared
Pairs = list[tuple[str, str]]  # (launch_id, domain)


def reshaped(session: psycopg.Connection, tables: Iterable[str], grains: Mapping[str, Grain]) -> list[str]:
    """The marts whose columns, or what identifies a row of them, are about to change."""
    return [
        table
        for table in tables
        if (existing := _columns(session, MARTS, table))
        and (existing != _columns(session, BUILD, table) or _grain_of_index(session, table) != grains.get(table, ()))
    ]


def ensure_table(session: psycopg.Connection, table: str, grain: Grain) -> Columns:
    """Create marts.<table>, or change its columns in place, so that the views of analysts stay. Returns the columns.

    The unique index of another grain than `grain` is dropped; `ensure_grain_index` makes the new one when the rows are those of the build.

    Raises WarehouseError if dbt made no such table.
    """
    wanted = _columns(session, BUILD, table)
    if not wanted:
        raise WarehouseError(f"{BUILD}.{table} does not exist: run `postlaunch build`")
    existing = _columns(session, MARTS, table)
    if not existing:
        session.execute(
            sql.SQL("create table {} (like {} including comments)").format(sql.Identifier(MARTS, table), sql.Identifier(BUILD, table))
        )
    elif existing != wanted:
        _change_columns(session, table, existing, wanted)
    if _grain_of_index(session, table) not in ((), grain):
        session.execute(sql.SQL("drop index {}").format(_grain_index(table)))
    _copy_comments(session, table)
    return wanted


def _copy_comments(session: psycopg.Connection, table: str) -> None:
    """What dbt says of the table and its columns, for analysts; only where it differs, because a comment takes a lock."""
    rows = session.execute(
        """
        select built.attname, built_comment.text
        from (
            select attname, attnum from pg_attribute where attrelid = to_regclass(%(build)s) and attnum > 0 and not attisdropped
            union all
            select null, 0
        ) as built
        left join pg_attribute as mart on mart.attrelid = to_regclass(%(marts)s) and mart.attname = built.attname
        cross join lateral (select pg_catalog.col_description(to_regclass(%(build)s), built.attnum)) as of_column (text)
        cross join lateral (
            select case when built.attnum = 0 then obj_description(to_regclass(%(build)s), 'pg_class') else of_column.text end
        ) as built_comment (text)
        cross join lateral (
            select case
                when built.attnum = 0 then obj_description(to_regclass(%(marts)s), 'pg_class')
                else col_description(to_regclass(%(marts)s), mart.attnum)
            end
        ) as mart_comment (text)
        where built_comment.text is distinct from mart_comment.text
        """,
        {schema: sql.Identifier(schema, table).as_string(None) for schema in (BUILD, MARTS)},
    ).fetchall()
    for column, text in rows:
        target = sql.SQL("table {}").format(sql.Identifier(MARTS, table))
        if column is not None:
            target = sql.SQL("column {}").format(sql.Identifier(MARTS, table, column))
        session.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(text)))


def _columns(session: psycopg.Connection, schema: str, table: str) -> Columns:
    rows = session.execute(
        """
        select attname, format_type(atttypid, atttypmod)
        from pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
        order by attnum
        """,
        [sql.Identifier(schema, table).as_string(None)],
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def _change_columns(session: psycopg.Connection, table: str, existing: Columns, wanted: Columns) -> None:
    """Held launches keep their rows: a new column is empty in them until they pass."""
    target = sql.Identifier(MARTS, table)
    for name in existing.keys() - wanted.keys():
        session.execute(sql.SQL("alter table {} drop column {}").format(target, sql.Identifier(name)))
    for name, kind in wanted.items():
        column, kind_sql = sql.Identifier(name), sql.SQL(kind)
        if name not in existing:
            session.execute(sql.SQL("alter table {} add column {} {}").format(target, column, kind_sql))
        elif existing[name] != kind:
            session.execute(sql.SQL("alter table {0} alter column {1} type {2} using {1}::{2}").format(target, column, kind_sql))


def ensure_grain_index(session: psycopg.Connection, table: str, grain: Grain) -> None:
    """The unique index over what identifies a row of marts.<table>, if there is none yet."""
    if grain and not _grain_of_index(session, table):
        columns = sql.SQL(", ").join(map(sql.Identifier, grain))
        name = sql.Identifier(f"{table}_grain")
        session.execute(sql.SQL("create unique index {} on {} ({})").format(name, sql.Identifier(MARTS, table), columns))


def _grain_index(table: str) -> sql.Identifier:
    return sql.Identifier(MARTS, f"{table}_grain")


def _grain_of_index(session: psycopg.Connection, table: str) -> Grain:
    """Columns of the unique index of marts.<table>; none without it, or where a column of it is gone."""
    rows = session.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) order by attnum", [_grain_index(table).as_string(None)]
    )
    return tuple(str(name) for (name,) in rows)


def replace_rows(
    session: psycopg.Connection, table: str, domain: str, columns: Columns, grain: Grain, passed: Pairs, since: int | None = None
) -> None:
    """Make the rows of the passed launches and domains equal to build.<table>.

    `domain` is the folder of the mart: a domain's own table moves by launch, `scorecard` tables by launch and domain,
    `reference` tables with every publication. Rows that are equal stay as they are, so a publication costs what has changed.

    `since`: the marts have what earlier transactions wrote. So only later rows of build are looked at, and as many rows on both sides then
    mean that none has gone. All rows are compared otherwise, where `since` is not known, and of a table that was made anew.
    """
    condition = _condition(table, domain, columns, passed)
    if condition is None:
        return
    if since is not None and grain and not _is_made_anew(session, table, since):
        is_later = sql.SQL("age(built.xmin) <= age({}::xid8::xid)").format(sql.Literal(str(since)))
        _replace(session, table, columns, grain, condition, is_later)
        count = sql.SQL("select (select count(*) from {} where {condition}) = (select count(*) from {} where {condition})")
        row = session.execute(count.format(sql.Identifier(BUILD, table), sql.Identifier(MARTS, table), condition=condition)).fetchone()
        if row == (True,):
            return
    _replace(session, table, columns, grain, condition, None)


def _is_made_anew(session: psycopg.Connection, table: str, since: int) -> bool:
    """Whether build.<table> itself is later: all of its rows are then."""
    row = session.execute(
        "select age(xmin) <= age(%s::text::xid8::xid) from pg_class where oid = to_regclass(%s)",
        [str(since), sql.Identifier(BUILD, table).as_string(None)],
    ).fetchone()
    return row == (True,)


def _replace(
    session: psycopg.Connection, table: str, columns: Columns, grain: Grain, condition: sql.Composable, is_later: sql.Composable | None
) -> None:
    """Compare all rows, or with `is_later` the rows of build for which that holds, with those of the same grain."""
    parts = {
        "build": sql.Identifier(BUILD, table),
        "marts": sql.Identifier(MARTS, table),
        "condition": condition,
        "is_later": is_later or sql.SQL("true"),
        "names": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "build_row": _row("built", tuple(columns)),
        "marts_row": _row("mart", tuple(columns)),
        "build_grain": _row("built", grain or tuple(columns)),
        "marts_grain": _row("mart", grain or tuple(columns)),
    }
    same_grain = sql.SQL("{build_grain} = {marts_grain}" if grain else "{build_grain} is not distinct from {marts_grain}").format(**parts)
    stale = sql.SQL(
        "not exists (select from {build} as built where {same_grain} and {build_row} is not distinct from {marts_row})"
        if is_later is None
        else "exists (select from (select * from {build} as built where {condition} and {is_later}) as built "
        "where {same_grain} and {build_row} is distinct from {marts_row})"
    ).format(same_grain=same_grain, **parts)
    session.execute(sql.SQL("delete from {marts} as mart where {condition} and {stale}").format(stale=stale, **parts))
    session.execute(
        sql.SQL(
            "insert into {marts} ({names}) select {names} from {build} as built where {condition} and {is_later} and not exists ("
            "select from {marts} as mart where {same_grain})"
        ).format(same_grain=same_grain, **parts)
    )


def _row(alias: str, names: Grain) -> sql.Composable:
    return sql.SQL("row({})").format(sql.SQL(", ").join(sql.Identifier(alias, name) for name in names))


def _condition(table: str, domain: str, columns: Columns, passed: Pairs) -> sql.Composable | None:
    """Which rows move; None: none do. Launches that build does not know are never touched: an empty folder must not empty the marts."""
    if domain == REFERENCE:
        if "launch_id" not in columns:
            return sql.SQL("true")
        # a row without launch is from a time when the table had none
        return sql.SQL("(launch_id is null or launch_id in (select known.launch_id from {} as known))").format(sql.Identifier(BUILD, table))
    if domain == SCORECARD:
        pairs = [sql.SQL("({}, {})").format(sql.Literal(launch_id), sql.Literal(of_domain)) for launch_id, of_domain in passed]
        return sql.SQL("(launch_id, domain) in ({})").format(sql.SQL(", ").join(pairs)) if pairs else None
    launches = [sql.Literal(launch_id) for launch_id, of_domain in passed if of_domain == domain]
    return sql.SQL("launch_id in ({})").format(sql.SQL(", ").join(launches)) if launches else None
