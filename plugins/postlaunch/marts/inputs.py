"""What a build is made of, and what of it changed since the last one: only models made of that are run (`marts/dbt_process.py`).

    input            is the same as long as                                     changes
    release          no file of the dbt project, migration or dbt itself did    everything
    relations        schema `build` holds what the last build left there        everything
    config.<table>   its rows are the same                                      models that read it, by however many others
    mixpanel, ...    no load came and no date is dirty                          models that read its raw tables, likewise

A build after one that failed runs everything: what that had made is not known.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from postlaunch.config.launch import SOURCES
from postlaunch.config.settings import load_settings
from postlaunch.warehouse.migrate import MIGRATIONS

Inputs = dict[str, str]
_WHOLE = ("release", "relations")

# Loads are only ever added, except where a launch is dated anew, and that adds one with a new id.
_LOADS = "select source, concat(count(*), ':', max(load_id)) from ops.partition_loads group by source"

_TABLES = "select table_name from information_schema.tables where table_schema = 'config' and table_type = 'BASE TABLE' order by 1"

_ROWS = "select md5(coalesce(string_agg(config_row::text, ',' order by config_row::text), '')) from {} as config_row"

_RELATIONS = """
select md5(coalesce(string_agg(concat(relname, relkind), ',' order by relname), ''))
from pg_class
where relnamespace = to_regnamespace('build') and relkind in ('r', 'v')
"""

_BEFORE = "select status, inputs from ops.builds where build_id < %s order by build_id desc limit 1"


def read_inputs(session: psycopg.Connection) -> Inputs:
    """Fingerprints of all inputs, as the next statement sees them: what changes after this is seen as changed by the next build."""
    inputs: Inputs = {"release": _release(), "relations": _relations(session)}
    inputs.update(dict.fromkeys(SOURCES, ""))
    inputs.update(dict(session.execute(_LOADS).fetchall()))
    for (table,) in session.execute(_TABLES).fetchall():
        row = session.execute(sql.SQL(_ROWS).format(sql.Identifier("config", table))).fetchone()
        inputs[f"config.{table}"] = str(row and row[0])
    return inputs


def changed_inputs(session: psycopg.Connection, build_id: int, now: Inputs) -> list[str] | None:
    """The inputs that are not what they were at the last build; None if everything has to run."""
    row = session.execute(_BEFORE, [build_id]).fetchone()
    status, before = row or ("failed", None)
    if status != "succeeded" or before is None or any(now[name] != before.get(name) for name in _WHOLE):
        return None
    dirty = {source for (source,) in session.execute("select distinct source from ops.build_dates where build_id = %s", [build_id])}
    return sorted(dirty | {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)})


def remember_inputs(session: psycopg.Connection, build_id: int, inputs: Inputs) -> None:
    """Keep what the build was made of, with the relations that it leaves behind."""
    made = {**inputs, "relations": _relations(session)}
    session.execute("update ops.builds set inputs = %s where build_id = %s", [Jsonb(made), build_id])


def _relations(session: psycopg.Connection) -> str:
    row = session.execute(_RELATIONS).fetchone()
    return str(row and row[0])


def _release() -> str:
    project = load_settings().dbt_project
    digest = hashlib.sha256()
    for package in ("dbt-core", "dbt-postgres"):
        digest.update(version(package).encode())
    files = sorted({*project.glob("*.yml"), *(file for folder in ("models", "macros") for file in (project / folder).rglob("*.*"))})
    for file in files:
        digest.update(f"{file.relative_to(project)}\n".encode() + file.read_bytes())
    for file in sorted(MIGRATIONS.glob("[0-9]*.sql")):
        digest.update(file.name.encode())
    return digest.hexdigest()
