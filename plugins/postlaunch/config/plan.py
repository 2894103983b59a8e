"""What was planned for the months of a launch, beside which reviews put what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from postlaunch.config.fields import Section
from postlaunch.kpis.catalogue import Kpi

PlannedValues = dict[str, Annotated[float, Field(allow_inf_nan=False)]]


class PlanMonth(Section):
    """What was planned for a month of the launch: KPI -> value, in its unit; `per_day` of what adds up, as its mean over the days.

    A month has 30 days: month 1 are the launch days 0 to 29, month 2 the days 30 to 59.
    """

    month: Annotated[int, Field(ge=1, le=120)]
    values: PlannedValues = Field(default_factory=dict)
    per_day: PlannedValues = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_once(self) -> PlanMonth:
        if not self.values and not self.per_day:
            raise ValueError("give values, per_day or both")
        if twice := sorted(self.values.keys() & self.per_day.keys()):
            raise ValueError(f"{', '.join(twice)}: in values or per_day, not in both")
        return self


def plan_faults(plan: Sequence[PlanMonth], known: Mapping[str, Kpi]) -> Iterator[str]:
    """KPIs that the launch does not have, and those of a day that do not add up: `key path: what is wrong`."""
    for number, month in enumerate(plan):
        for key, planned in (("values", month.values), ("per_day", month.per_day)):
            yield from (f"plan[{number}].{key}: no such KPI; found {kpi!r}" for kpi in planned if kpi not in known)
        for kpi in month.per_day:
            if kpi in known and known[kpi].period_rule != "sum":
                yield f"plan[{number}].per_day: {kpi} is not a sum of days: plan it in values"
