"""Sections of a launch file that are read and checked, and that nothing uses so far: `launches check` says so by name.

What a product promises is written down once, as a whole; a section leaves this module with the work that makes use of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from postlaunch.config.fields import Day, Hours, Name, Section


@dataclass(frozen=True)
class NotYet:
    """Marks a field that is read and checked and has no effect so far; with a rule, what the rule finds in its value has none."""

    rule: Callable[[Any], bool] = lambda _: True


def unused(section: BaseModel, path: str = "") -> Iterator[str]:
    """Key paths of what a launch file says and nothing uses so far."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        where = f"{path}.{name}" if path else name
        if value == field.get_default(call_default_factory=True):
            continue
        if any(isinstance(mark, NotYet) and mark.rule(value) for mark in field.metadata):
            yield where
        elif isinstance(value, BaseModel):
            yield from unused(value, where)
        elif isinstance(value, tuple):
            found = [inner for item in value if isinstance(item, BaseModel) for inner in unused(item, where)]
            yield from dict.fromkeys(found)  # once for all entries of a list


class Pulse(Section):
    """The first hours after a launch: what is checked every so many minutes, and who is told how often (hours)."""

    hours: Annotated[int, Field(ge=1, le=336)] = 24
    check_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    updates: dict[Name, Hours] = Field(default_factory=dict)
    checks: tuple[str, ...] = ()


class GateRule(Section):
    """What a verdict asks: a KPI over a span of launch days, with the bound that passes and the one that fails."""

    kpi: str
    of: dict[str, str] = Field(default_factory=dict)
    days: tuple[Day, Day] | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    fail: float | None = None
    role: Literal["success", "guardrail", "stability"] = "success"

    @model_validator(mode="after")
    def _one_bound(self) -> GateRule:
        if sum(getattr(self, key) is not None for key in ("at_least", "at_most", "above", "below")) != 1:
            raise ValueError("give exactly one of at_least, at_most, above and below")
        return self


def references(launch: Any, known: set[str]) -> Iterator[str]:
    """Names of KPIs in these sections that the file does not have: `key path: what is wrong`."""
    for number, gate in enumerate(launch.verdict.gates):
        if gate.kpi not in known:
            yield f"verdict.gates[{number}].kpi: no such KPI; found {gate.kpi!r}"
    for number, cycle in enumerate(launch.verdict.cycles):
        yield from (f"verdict.cycles[{number}].kpis: no such KPI; found {kpi!r}" for kpi in cycle.kpis if kpi not in known)
    if launch.reviews.pulse is not None:
        yield from (f"reviews.pulse.checks: no such KPI; found {kpi!r}" for kpi in launch.reviews.pulse.checks if kpi not in known)
