"""Expectation suites as files: one YAML or JSON file a table, in Great Expectations' own words.

    name: active_users_daily          domain: product            table: active_users_daily
    slice: metric_date                # only the dates that were built; absent: all rows of the launch
    expectations:
      - type: expect_table_row_count_to_be_between
        kwargs: {min_value: 1}
        severity: critical            # critical holds the domain, warning is only told
        meta: {reason: an empty table passes nearly every other expectation}

`domain` may be a list; `scorecard` and `reference` are audited with every domain. `restrict` names the columns that single out the rows
(launch_id unless said otherwise; launch_id and domain). `schema: ops` is for the views over loads: the rows that readers do not see yet.
A kwarg `{$PARAMETER: last_date}` is filled in for each run, and so is `{last_date}` in the SQL of an unexpected_rows_expectation;
the parameters are launch_id, domain, first_date and last_date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from postlaunch.errors import ConfigError

Severity = Literal["critical", "warning"]
EVERY_DOMAIN = ("scorecard", "reference")
UNIQUE, UNIQUE_COLUMN = "expect_compound_columns_to_be_unique", "expect_column_values_to_be_unique"


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Meta(BaseModel):
    """Why the expectation is there, in words a reader of a review understands; confirmable: an engineer may let it through."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: Annotated[str, Field(min_length=10)]
    is_confirmable: bool = False


class Expectation(BaseModel):
    """One expectation as Great Expectations writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: Annotated[str, Field(pattern=r"^(expect_\w+|unexpected_rows_expectation)$")]
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Severity
    meta: Meta


class Suite(BaseModel):
    """What must hold of one table, restricted to one launch, domain and slice of dates."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str
    domains: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(alias="domain", min_length=1)]
    schema_name: Literal["build", "ops"] = Field(default="build", alias="schema")
    table: str
    restrict: Annotated[tuple[Literal["launch_id", "domain"], ...], Field(min_length=1)] = ("launch_id",)
    slice_column: str | None = Field(default=None, alias="slice")
    expectations: Annotated[tuple[Expectation, ...], Field(min_length=1)]

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that identify a row; empty for a suite that does not say."""
        for expectation in self.expectations:
            if expectation.type == UNIQUE:
                return tuple(expectation.kwargs["column_list"])
            if expectation.type == UNIQUE_COLUMN:
                return (expectation.kwargs["column"],)
        return ()

    def covers(self, domain: str) -> bool:
        """Whether the suite is part of the audit of `domain`."""
        return domain in self.domains or any(every in self.domains for every in EVERY_DOMAIN)


def load_suites(folder: Path) -> list[Suite]:
    """Read every suite below `folder`, by name. Raises ConfigError that names file and key."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".json"))
    if not files:
        raise ConfigError(f"no expectation suites in {folder}: set POSTLAUNCH_EXPECTATIONS to the folder expectations/ of the repository")
    suites = [_load_suite(path) for path in files]
    names = [suite.name for suite in suites]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{folder}: two suites are called {', '.join(twice)}; a name is used once")
    return suites


def _load_suite(path: Path) -> Suite:
    text = path.read_text(encoding="utf-8")
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        return Suite.model_validate(content)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: not readable: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigError(f"{path}: {wrong}") from error
