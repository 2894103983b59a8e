"""What a verdict waits for and what a person attests at its signature."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from postlaunch.config.fields import Date, Name, Section
from postlaunch.config.later import GateRule, NotYet

VerdictDay = Annotated[int, Field(ge=1, le=366)]


class Cycle(Section):
    """A business cycle that has to pass before its KPIs are judged: so many days, or a whole calendar month or quarter after the launch."""

    name: Name
    kpis: Annotated[tuple[str, ...], Field(min_length=1)]
    days: VerdictDay | None = None
    calendar: Literal["month", "quarter"] | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Cycle:
        if (self.days is None) == (self.calendar is None):
            raise ValueError("give days or calendar, one of them")
        return self

    def last_day(self, launched: dt.date) -> dt.date:
        """The last date of the first whole cycle since the launch date: of a launch on 10 January, the first whole month is February."""
        if self.days is not None:
            return launched + dt.timedelta(days=self.days - 1)
        months = 1 if self.calendar == "month" else 3
        first = launched.year * 12 + launched.month - 1  # months since the year 0
        begins = -(-first // months) * months
        if launched.day > 1 and begins == first:
            begins += months
        ends = begins + months
        return dt.date(ends // 12, ends % 12 + 1, 1) - dt.timedelta(days=1)


class Peak(Section):
    """A time of many users, one of which a verdict must have seen before it is final."""

    name: Name
    first: Date
    last: Date

    @model_validator(mode="after")
    def _in_order(self) -> Peak:
        if self.last < self.first:
            raise ValueError(f"last {self.last} lies before first {self.first}")
        return self


class VerdictRules(Section):
    """On which days it is given, what it waits for beyond `reviews.business_cycle_days`, and what only a person can attest."""

    days: Annotated[tuple[VerdictDay, ...], Field(min_length=1)] = (7, 30, 60, 90)
    gates: Annotated[tuple[GateRule, ...], NotYet()] = ()
    cycles: tuple[Cycle, ...] = ()
    peaks: tuple[Peak, ...] = ()
    attest: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _days_in_order(self) -> VerdictRules:
        if list(self.days) != sorted(set(self.days)):
            raise ValueError(f"days: each once, in order; found {', '.join(map(str, self.days))}")
        return self

    def running_cycle(self, kpi: str, launched: dt.date, last: dt.date) -> Cycle | None:
        """The cycle of a KPI that is not over on `last`, the one that ends last; None if nothing keeps the KPI from being judged."""
        running = [cycle for cycle in self.cycles if kpi in cycle.kpis and cycle.last_day(launched) > last]
        return max(running, key=lambda cycle: cycle.last_day(launched), default=None)
