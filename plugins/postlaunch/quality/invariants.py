"""Invariants: what must hold of every record, stated once, as dbt data tests in the YAML beside each model.

    data_tests:
      - holds: {name: nobody_answers_before_the_trigger, arguments: {expression: acknowledge_seconds >= 0}}
      - one_row_a: {arguments: {columns: [launch_id, incident_id]}}
      - finds_nothing: {name: the_days_add_up, arguments: {query: "select launch_id, ... from {{ ref('incident_daily') }} ..."}}

CI runs them with `dbt test` over everything; the gate judges the same lines per launch and domain (violations.py). A test may say
`config: {severity: warn, meta: {reason: ...}}`: warn is told and holds nothing, the reason is what a reader of a review is told where the
name is not sentence enough. dbt's own not_null, unique and accepted_values are understood too; any other test is refused, because the
gate would pass over it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.errors import ConfigError
from postlaunch.quality.suites import CheckSeverity

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time: the unit tests in these files are long
_INCREMENTAL = re.compile(r"materialized\s*=\s*'incremental'")
_DIRTY_COLUMN = re.compile(r"delete_(?:after_)?dirty_dates\('\w+',\s*'(\w+)'")
_REFERENCE = re.compile(r"\{\{\s*ref\('(\w+)'\)\s*\}\}")
_SOURCE = re.compile(r"\{\{\s*source\('(\w+)',\s*'(\w+)'\)\s*\}\}")


@dataclass(frozen=True)
class Invariant:
    """One data test. Of `expression` (holds for every row), `columns` (identify a row) and `query` (finds nothing) one is given."""

    name: str
    severity: CheckSeverity
    reason: str
    expression: str = ""
    columns: tuple[str, ...] = ()
    query: str = ""


@dataclass(frozen=True)
class Model:
    """A model with its invariants. `date_column`: of an incremental model, the date by which a night makes it again; else None."""

    name: str
    folder: str
    date_column: str | None
    invariants: tuple[Invariant, ...]

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that identify a row; empty for a model that does not say."""
        return next((invariant.columns for invariant in self.invariants if invariant.columns), ())

    def covers(self, domain: str) -> bool:
        """Whether what is wrong here is wrong in `domain`: the folder is the domain, its source, or common to all domains."""
        if self.folder in DOMAIN_SOURCE:
            return self.folder == domain
        return self.folder not in DOMAIN_SOURCE.values() or DOMAIN_SOURCE.get(domain) == self.folder  # type: ignore[call-overload]


def load_models(project: Path) -> list[Model]:
    """Every model below `project`/models that has data tests, by name. Raises ConfigError that names file and test."""
    single = sorted((project / "tests").glob("**/*.sql"))
    if single:
        raise ConfigError(f"{single[0]}: the gate judges tests that stand in the YAML of a model; say it there with finds_nothing")
    models = [model for path in sorted((project / "models").glob("**/*.yml")) for model in _models(path)]
    if not models:
        raise ConfigError(f"no data tests in {project / 'models'}: set POSTLAUNCH_DBT_PROJECT to the folder dbt_project/ of the repository")
    return sorted(models, key=lambda model: model.name)


def _models(path: Path) -> list[Model]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}  # noqa: S506  # a safe loader, in C where there is one
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not readable: {error}") from error
    found = []
    for entry in content.get("models", ()):
        try:
            tests = [(test, None) for test in entry.get("data_tests", ())]
            tests += [(test, column["name"]) for column in entry.get("columns", ()) for test in column.get("data_tests", ())]
            invariants = tuple(_invariant(test, column) for test, column in tests)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"{path}: {entry.get('name')}: a data test that the gate cannot judge: {error}") from error
        if invariants:
            found.append(Model(entry["name"], path.parent.name, _date_column(path.parent / f"{entry['name']}.sql"), invariants))
    return found


def _date_column(path: Path) -> str | None:
    """A table that is made anew is judged in whole; of an incremental one what a night left alone was judged when it was made."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    match = _DIRTY_COLUMN.search(text) if _INCREMENTAL.search(text) else None
    return match.group(1) if match else None


def _invariant(test: Any, column: str | None) -> Invariant:
    kind, body = (test, {}) if isinstance(test, str) else next(iter(test.items()))
    config = body.get("config", {})
    arguments = body.get("arguments", {})
    expression, columns, query = _statement(kind, arguments, column)
    name = body.get("name") or f"{kind}({', '.join(columns) or column or ''})"
    said = f"one row per {', '.join(columns)}, and none of them empty" if columns else name.replace("_", " ")
    return Invariant(
        name=name,
        severity="warning" if config.get("severity", "error").lower() == "warn" else "critical",
        reason=str(config.get("meta", {}).get("reason") or said),
        expression=_tables(expression),
        columns=columns,
        query=_tables(query),
    )


def _statement(kind: str, arguments: dict[str, Any], column: str | None) -> tuple[str, tuple[str, ...], str]:
    """Expression, columns and query of a test. Raises ValueError for a kind that is not known, KeyError for a missing argument."""
    if kind == "holds":
        return str(arguments["expression"]), (), ""
    if kind == "one_row_a":
        return "", tuple(arguments["columns"]), ""
    if kind == "finds_nothing":
        return "", (), str(arguments["query"])
    if column and kind == "not_null":
        return f"{column} is not null", (), ""
    if column and kind == "unique":
        return "", (column,), ""
    if column and kind == "accepted_values":
        values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in arguments["values"])
        return f"{column} is null or {column}::text in ({values})", (), ""
    raise ValueError(f"{kind}: say it with holds, one_row_a or finds_nothing")


def _tables(text: str) -> str:
    """The SQL with dbt's names of tables replaced by those of the warehouse. Raises ValueError for any other Jinja."""
    text = _SOURCE.sub(r'"\1"."\2"', _REFERENCE.sub(r'"build"."\1"', text))
    if "{{" in text or "{%" in text:
        raise ValueError(f"only ref() and source() are understood in {text!r}")
    return text
