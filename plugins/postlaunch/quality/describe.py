"""From Great Expectations' result to a sentence: why it matters, where, what is observed and what is expected."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

from postlaunch.quality.result import Finding, Scope
from postlaunch.quality.suites import Expectation, Suite

EXAMPLES = 3


def finding_of(suite: Suite, expectation: Expectation, result: Any, scope: Scope) -> Finding:
    """Turn one validation result of `suite` into a Finding. A result that raised an exception counts as a failed critical one."""
    broken = _exception_message(result.exception_info)
    expected = _expected(expectation, scope)
    observed: dict[str, Any] = {"table": f"{suite.schema_name}.{suite.table}", "expected": expected}
    if broken:
        observed |= {"observed": None, "text": f"{suite.table}: cannot be evaluated: {broken}"}
    else:
        observed |= {"observed": _json(_figure(result.result)), "rows": result.result.get("unexpected_count")}
        if not result.success:
            examples = _examples(result.result)
            observed["examples"] = examples
            observed["text"] = f"{expectation.meta.reason} ({suite.table}: {_deviation(expectation, result.result, expected, examples)})"
    return Finding(
        suite=suite.name,
        expectation=_name(expectation),
        severity="critical" if broken else expectation.severity,
        is_passed=bool(result.success),
        is_confirmable=expectation.meta.is_confirmable and not broken,
        reason=expectation.meta.reason,
        observed=observed,
    )


def _exception_message(information: Any) -> str | None:
    """GX gives one mapping, or one a metric."""
    for entry in (information, *(information or {}).values()):
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message")).partition("\n")[0]
    return None


def _subject(expectation: Expectation) -> str:
    kwargs = expectation.kwargs
    if "column" in kwargs:
        return str(kwargs["column"])
    return ", ".join(kwargs.get("column_list", ()))


def _name(expectation: Expectation) -> str:
    """The type, and the columns it is about, for example expect_column_values_to_be_between(reload_ratio)."""
    subject = _subject(expectation)
    return f"{expectation.type}({subject})" if subject else expectation.type


def _expected(expectation: Expectation, scope: Scope) -> str:
    """The limits in words, with the parameters of the run filled in."""
    kwargs = {name: _filled(value, scope) for name, value in expectation.kwargs.items()}
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and high is not None:
        return f"between {_figure_text(low)} and {_figure_text(high)}"
    if low is not None:
        return f"at least {_figure_text(low)}"
    if high is not None:
        return f"at most {_figure_text(high)}"
    if "value_set" in kwargs:
        return "one of " + ", ".join(map(_figure_text, kwargs["value_set"]))
    words = {
        "expect_column_values_to_not_be_null": "never empty",
        "expect_compound_columns_to_be_unique": "one row each",
        "expect_column_values_to_be_unique": "one row each",
        "unexpected_rows_expectation": "no such row",
    }
    return words.get(expectation.type, expectation.type.removeprefix("expect_").replace("_", " "))


def _filled(value: Any, scope: Scope) -> Any:
    if isinstance(value, dict) and "$PARAMETER" in value:
        return scope.parameters.get(value["$PARAMETER"])
    return value


def _figure(result: dict[str, Any]) -> Any:
    """What was seen: GX's observed value, else the first values that should not be there."""
    if "observed_value" in result:
        return result["observed_value"]
    return [_json(value) for value in result.get("partial_unexpected_list", [])[:EXAMPLES]]


def _deviation(expectation: Expectation, result: dict[str, Any], expected: str, examples: list[str]) -> str:
    if expectation.type == "unexpected_rows_expectation":
        count = result.get("observed_value") or 0
        return f"{count:,} {'row' if count == 1 else 'rows'} that must not be" + _for_example(examples)
    if "observed_value" in result:
        subject = _subject(expectation) or expectation.type.removeprefix("expect_table_").split("_to_")[0].replace("_", " ")
        return f"{subject} is {_figure_text(result['observed_value'])}, expected {expected}"
    count, total = result.get("unexpected_count") or 0, result.get("element_count") or 0
    return f"{_subject(expectation)} is not {expected} in {count:,} of {total:,} rows" + _for_example(examples)


def _for_example(examples: list[str]) -> str:
    return f", for example {'; '.join(examples)}" if examples else ""


def _examples(result: dict[str, Any]) -> list[str]:
    """Up to three offending rows as `column value`, the launch left out because the scope says it."""
    rows = result.get("unexpected_index_list") or (result.get("details") or {}).get("unexpected_rows") or []
    return [_row_text(row) for row in rows[:EXAMPLES] if isinstance(row, dict)]


def _row_text(row: dict[str, Any]) -> str:
    skipped = ("launch_id", "domain")
    return ", ".join(f"{name} {_figure_text(value)}" for name, value in row.items() if name not in skipped)


def _figure_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (float, decimal.Decimal)):
        return f"{float(value):,.4g}"
    return str(value)


def _json(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
