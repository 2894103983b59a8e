"""Expectation suites as files: what only an expectation can say (volume, freshness, completeness, drift), one YAML or JSON file a subject.

    name: event_loads                 domain: product            identity: [stream, partition_date]
    facts: >                          # one row per thing that is judged, of all launches and domains at once
      select audit.* from ops.partition_audit as audit inner join scopes using (launch_id, domain) where not audit.is_settled
    expectations:                     # in Great Expectations' own words, about a column of the facts
      - type: expect_column_values_to_be_between
        kwargs: {column: duplicate_ratio, max_value: 0.05}
        severity: critical            # critical holds the domain, warning is only told
        meta: {reason: so many rows came twice that the file looks copied, shows: [landed_count], is_confirmable: true}

The facts may use `scopes` (launch_id, domain, first_date, last_date): what the audit is about, here of the suite's own domains. Every row
needs launch_id and domain; a fact that is null is not judged. `needs_build`: only scopes with dates that were built. `adds: volume` turns
the column `counts` into damage_ratio and volume_ratio (volume.py). Invariants of single models do not stand here but beside the models
(invariants.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from postlaunch.errors import ConfigError
from postlaunch.kpis.catalogue import Domain

CheckSeverity = Literal["critical", "warning"]


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Meta(BaseModel):
    """Why the expectation is there, in words a reader of a review understands.

    shows: facts that are told beside the judged one. told: the fact that is told in words of its own, instead of the figure.
    is_confirmable: an engineer may let it through.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: Annotated[str, Field(min_length=10)]
    shows: tuple[str, ...] = ()
    is_confirmable: bool = False


class ColumnKwargs(BaseModel):
    """Arguments of an expectation about the values of one column."""

    model_config = ConfigDict(frozen=True, extra="allow")
    column: str


class Expectation(BaseModel):
    """One expectation as Great Expectations writes it, about every row by itself: so a failure has its launch and domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: Annotated[str, Field(pattern=r"^expect_column_values_to_\w+$")]
    kwargs: ColumnKwargs
    severity: CheckSeverity
    meta: Meta


class Suite(BaseModel):
    """What must hold of the facts that one query tells."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str
    domains: Annotated[tuple[Domain, ...], BeforeValidator(_as_tuple), Field(alias="domain", min_length=1)]
    needs_build: bool = False
    identity: tuple[str, ...] = ()
    facts: Annotated[str, Field(pattern=r"\bscopes\b")]
    adds: Literal["volume"] | None = None
    expectations: Annotated[tuple[Expectation, ...], Field(min_length=1)]


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
