"""From a failure to a sentence: why it matters, where, what is observed and what is expected, with the records by name."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Sequence
from typing import Any

from postlaunch.quality.facts import FactRow
from postlaunch.quality.result import Finding, Scope
from postlaunch.quality.suites import Expectation, Suite
from postlaunch.quality.violations import Violations

EXAMPLES = 3  # rows that a failed expectation shows
_SKIPPED = ("launch_id", "domain")  # the scope says them


def finding_of_suite(suite: Suite, expectation: Expectation, scope: Scope, rows: Sequence[FactRow], failed: Sequence[FactRow]) -> Finding:
    """What an expectation says of one launch and domain: `failed` of its `rows` of facts."""
    column = expectation.kwargs.column
    expected = _expected(expectation)
    observed: dict[str, Any] = {"table": suite.name, "expected": expected, "rows": len(rows)}
    if failed:
        names = (*suite.identity, *expectation.meta.shows, column)
        examples = [row_text({name: row[name] for name in names}) for row in failed[:EXAMPLES]]
        more = f"; and {len(failed) - EXAMPLES:,} more" if len(failed) > EXAMPLES else ""
        where = f"{suite.name} of {scope.launch_id}: {column} {expected}, but {'; '.join(examples)}{more}"
        observed |= {
            "observed": _json([row[column] for row in failed[:EXAMPLES]]),
            "failed_rows": len(failed),
            "examples": examples,
            "text": f"{expectation.meta.reason} ({where})",
        }
    return Finding(
        suite=suite.name,
        expectation=f"{expectation.type}({column})",
        severity=expectation.severity,
        is_passed=not failed,
        is_confirmable=expectation.meta.is_confirmable,
        reason=expectation.meta.reason,
        observed=observed,
    )


def finding_without_facts(suite: Suite, expectation: Expectation, error: str) -> Finding:
    """The facts could not be read: critical, whatever the expectation is, because nobody knows."""
    return Finding(
        suite=suite.name,
        expectation=f"{expectation.type}({expectation.kwargs.column})",
        severity="critical",
        is_passed=False,
        is_confirmable=False,
        reason=expectation.meta.reason,
        observed={"table": suite.name, "observed": None, "text": f"{suite.name}: cannot be evaluated: {error}"},
    )


def finding_of_invariant(violations: Violations, is_passed: bool, examples: Sequence[FactRow]) -> Finding:
    """What an invariant says of one launch and domain. One that cannot be evaluated is critical: nobody knows."""
    model, invariant, scope = violations.model, violations.invariant, violations.scope
    place = f"{model.name} of {scope.launch_id}"
    observed: dict[str, Any] = {"table": f"build.{model.name}", "expected": "no such row", "observed": violations.count}
    if violations.error:
        observed["text"] = f"{place}: {invariant.name} cannot be evaluated: {violations.error}"
    elif not is_passed:
        texts = [row_text(row) for row in examples]
        count = violations.count or 0
        named = f", for example {'; '.join(texts)}" if texts else ""
        observed |= {
            "examples": texts,
            "text": f"{invariant.reason} ({invariant.name} in {place}: broken by {count:,} {'row' if count == 1 else 'rows'}{named})",
        }
    return Finding(
        suite=model.name,
        expectation=invariant.name,
        severity="critical" if violations.error else invariant.severity,
        is_passed=is_passed,
        is_confirmable=False,
        reason=invariant.reason,
        observed=observed,
    )


def row_text(row: FactRow) -> str:
    """A row as `column value, column value`, without the launch."""
    return ", ".join(f"{name} {_figure_text(value)}" for name, value in row.items() if name not in _SKIPPED)


def _expected(expectation: Expectation) -> str:
    """The limits in words."""
    kwargs = expectation.kwargs.model_dump()
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and low == high:
        return f"must be {_figure_text(low)}"
    if low is not None and high is not None:
        return f"must be between {_figure_text(low)} and {_figure_text(high)}"
    if low is not None:
        return f"must be at least {_figure_text(low)}"
    if high is not None:
        return f"must be at most {_figure_text(high)}"
    return (
        expectation.type.removeprefix("expect_column_values_to_")
        .replace("_", " ")
        .replace("not be null", "must not be empty")
        .replace("be null", "should be empty")
    )


def _figure_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (float, decimal.Decimal)):
        return f"{float(value):,.4g}"
    return "empty" if value is None else str(value)


def _json(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
