"""What was planned for the months of a launch, beside which reviews put what came."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from postlaunch.config.fields import Section


class PlanMonth(Section):
    """What was planned for a month of the launch: KPI -> value, in its unit.

    A month has 30 days: month 1 are the launch days 0 to 29, month 2 the days 30 to 59.
    """

    month: Annotated[int, Field(ge=1, le=120)]
    values: Annotated[dict[str, Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1)]
