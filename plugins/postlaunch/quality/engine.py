"""Great Expectations, reduced to: this suite, this slice, what was found.

One ephemeral context and one connection serve a whole audit. The slice is a query, because GX's own daily batches
filter by extract(...) and miss every index. The role is read-only, and so is the session.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
from typing import Any

import psycopg
from psycopg import sql

from postlaunch.config.connections import WAREHOUSE, get_connection
from postlaunch.errors import GateError
from postlaunch.quality.describe import finding_of
from postlaunch.quality.result import Finding, Scope
from postlaunch.quality.suites import Expectation, Suite
from postlaunch.warehouse.db import sqlalchemy_url

SESSION_OPTIONS = "-c role=postlaunch_auditor -c default_transaction_read_only=on"


class Engine:
    """A Great Expectations context over the warehouse. Import and first use cost some seconds."""

    def __init__(self) -> None:
        """Import Great Expectations and connect as the auditor. Raises GateError."""
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.datasource.fluent.interfaces import TestConnectionError
        from great_expectations.exceptions import GreatExpectationsError
        from sqlalchemy.exc import SQLAlchemyError

        self._gx = gx
        self._errors = (GreatExpectationsError, TestConnectionError, SQLAlchemyError, LookupError, TypeError, ValueError)
        self._numbers = itertools.count(1)  # GX wants every asset of a context to have a name of its own
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        try:
            self._source = context.data_sources.add_postgres("warehouse", connection_string=_sqlalchemy_url(), create_temp_table=False)
        except self._errors as error:  # their text may quote the URL
            raise GateError(
                f"Great Expectations cannot reach the warehouse ({type(error).__name__}): check the role postlaunch_auditor"
            ) from None

    def close(self) -> None:
        """Give the connections back: GX keeps one for looking and one for running."""
        self._source.get_execution_engine().close()
        self._source.get_engine().dispose()

    def validate(self, suite: Suite, scope: Scope) -> list[Finding]:
        """Run a suite on its slice: all expectations in one validation, the failed ones once more for examples."""
        name = f"{suite.name} of {scope.launch_id} {scope.domain} ({next(self._numbers)})"
        asset = self._source.add_query_asset(name, query=slice_query(suite, scope))
        batch = asset.add_batch_definition_whole_table("slice").get_batch()
        outcomes = self._run(batch, suite.expectations, scope, "BASIC")
        failed = tuple(expectation for expectation in suite.expectations if not outcomes[_key(expectation)].success)
        if failed:
            columns = list(suite.grain) or ([suite.slice_column] if suite.slice_column else [])
            details = {"result_format": "COMPLETE", "unexpected_index_column_names": columns}
            outcomes |= self._run(batch, failed, scope, details)
        return [finding_of(suite, expectation, outcomes[_key(expectation)], scope) for expectation in suite.expectations]

    def _run(self, batch: Any, expectations: tuple[Expectation, ...], scope: Scope, result_format: Any) -> dict[str, Any]:
        """Validation results by expectation. Raises GateError when Great Expectations itself breaks."""
        configurations = [
            {"type": item.type, "kwargs": _kwargs(item, scope), "severity": item.severity, "meta": {"key": _key(item)}}
            for item in expectations
        ]
        try:
            suite = self._gx.ExpectationSuite(name=batch.data_asset.name, expectations=configurations)
            validation = batch.validate(suite, result_format=result_format, expectation_parameters=scope.parameters)
        except self._errors as error:
            raise GateError(f"suite {batch.data_asset.name} could not be run: {type(error).__name__}: {error}") from None
        return {result.expectation_config.meta["key"]: result for result in validation.results}


def _key(expectation: Expectation) -> str:
    return expectation.model_dump_json()


def _kwargs(expectation: Expectation, scope: Scope) -> dict[str, Any]:
    """GX fills in `$PARAMETER`, but nothing inside SQL: there the parameters are put in as literals, `{batch}` is left to GX."""
    query = expectation.kwargs.get("unexpected_rows_query")
    if query is None:
        return expectation.kwargs
    for name, value in scope.parameters.items():
        literal = sql.Literal(value.isoformat() if isinstance(value, dt.date) else value).as_string(None)
        query = query.replace(f"{{{name}}}", f"date {literal}" if isinstance(value, dt.date) else literal)
    return expectation.kwargs | {"unexpected_rows_query": query}


def slice_query(suite: Suite, scope: Scope) -> str:
    """The rows of `suite.table` that the scope is about, as plain SQL that can use an index."""
    conditions: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(scope.parameters[name])) for name in suite.restrict
    ]
    if suite.schema_name == "ops":
        conditions.append(sql.SQL("not is_settled"))
    elif suite.slice_column:
        column = sql.Identifier(suite.slice_column)
        first, last = (sql.SQL("date {}").format(sql.Literal(day.isoformat())) for day in (scope.first_date, scope.last_date))
        conditions.append(sql.SQL("{} between {} and {}").format(column, first, last))
    table = sql.Identifier(suite.schema_name, suite.table)
    return sql.SQL("select * from {} where {}").format(table, sql.SQL(" and ").join(conditions)).as_string(None)


def missing_tables(session: psycopg.Connection, suites: list[Suite]) -> list[str]:
    """Tables that a suite is about and the warehouse does not have."""
    wanted = sorted({f"{suite.schema_name}.{suite.table}" for suite in suites})
    rows = session.execute("select name from unnest(%s::text[]) as name where to_regclass(name) is null", [wanted]).fetchall()
    return [str(row[0]) for row in rows]


def _sqlalchemy_url() -> str:
    url = sqlalchemy_url(get_connection(WAREHOUSE), "postlaunch audit", SESSION_OPTIONS)
    return url.replace("$", "%24")  # GX would read $ as a variable
