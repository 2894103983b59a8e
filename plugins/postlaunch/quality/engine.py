"""Great Expectations, reduced to: these rows, these expectations, which rows fail.

It judges small tables of facts in memory, one validation a table, whatever the number of launches: over SQL each expectation of each
launch would cost statements and copies of its configuration, a minute for 25 launch-domains. Importing it costs five CPU seconds or more.
"""

from __future__ import annotations

import decimal
import logging
import os
from collections.abc import Sequence
from typing import Any

from postlaunch.errors import GateError
from postlaunch.quality.facts import FactRow
from postlaunch.quality.suites import Expectation

_ROW = "row_number"


class Engine:
    """A Great Expectations context without a database. Import and first use cost some seconds."""

    def __init__(self) -> None:
        """Import Great Expectations and quieten it: one line per metric would drown the log of a night."""
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        import great_expectations as gx
        import pandas as pd
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.exceptions import GreatExpectationsError

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        self._gx, self._frame = gx, pd.DataFrame
        self._errors = (GreatExpectationsError, LookupError, TypeError, ValueError)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self._source = context.data_sources.add_pandas("facts")

    def failures(self, name: str, rows: Sequence[FactRow], expectations: Sequence[Expectation]) -> list[set[int]]:
        """Of each expectation, the numbers of the rows that fail it. Raises GateError when an expectation cannot be evaluated."""
        if not rows:
            return [set() for _ in expectations]
        frame = self._frame([{key: _plain(value) for key, value in row.items()} | {_ROW: number} for number, row in enumerate(rows)])
        configurations = [
            {"type": item.type, "kwargs": item.kwargs.model_dump(), "severity": item.severity, "meta": {"number": number}}
            for number, item in enumerate(expectations)
        ]
        try:
            asset = self._source.add_dataframe_asset(name)
            batch = asset.add_batch_definition_whole_dataframe("facts").get_batch({"dataframe": frame})
            suite = self._gx.ExpectationSuite(name=name, expectations=configurations)
            validation = batch.validate(suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]})
            self._source.delete_asset(name)
        except self._errors as error:
            raise GateError(f"suite {name} could not be run: {type(error).__name__}: {error}") from None
        failed: list[set[int]] = [set() for _ in expectations]
        for result in validation.results:
            broken = _exception_message(result.exception_info)
            if broken:
                raise GateError(f"suite {name}: {result.expectation_config.type} cannot be evaluated: {broken}")
            indexes = result.result.get("unexpected_index_list") or ()
            failed[result.expectation_config.meta["number"]] = {int(index[_ROW]) for index in indexes}
        return failed


def _plain(value: Any) -> Any:
    """PostgreSQL's numeric as a float: Great Expectations compares it with floats."""
    return float(value) if isinstance(value, decimal.Decimal) else value


def _exception_message(information: Any) -> str | None:
    """GX gives one mapping, or one a metric."""
    for entry in (information, *(information or {}).values()):
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message")).partition("\n")[0]
    return None
