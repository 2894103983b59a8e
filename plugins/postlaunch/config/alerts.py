"""Alerts of a launch file: what is too much, for how long, and whom it wakes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from postlaunch.config.fields import Minutes, Name, Query, Section, Slug
from postlaunch.config.later import NotYet


class Dependency(Section):
    """A service of others that the product cannot do without: `up` is 1 while it answers."""

    id: Slug
    name: Name
    up: Query


class Alert(Section):
    """Whom to page when a KPI, resource, dependency or query is beyond a bound for so many minutes, or grows without end (`leak`).

    A KPI is read anew at each step of `prometheus.step_seconds`: a rate or quantile is that of the requests since the step before. Of
    several series the one furthest beyond the bound counts; a dependency is up while any of them says so. A leak is told of a date by the
    weeks before it, as the trends of resources are, whatever `minutes` says.
    """

    id: Slug
    kpi: str | None = None
    resource: Slug | None = None
    dependency: Slug | None = None
    query: Query | None = None
    above: float | None = None
    below: float | None = None
    leak: bool = False
    minutes: Minutes = 5
    severity: Literal["P0", "P1", "P2", "P3"] = "P1"
    page: Name
    page_within_minutes: Minutes = 5  # an incident that is triggered later than so many minutes after the alert fired is late
    message: Name
    context: Annotated[tuple[Literal["deployments", "incidents", "tickets"], ...], NotYet()] = ()

    @model_validator(mode="after")
    def _one_condition(self) -> Alert:
        if sum(getattr(self, key) is not None for key in ("kpi", "resource", "dependency", "query")) != 1:
            raise ValueError("give exactly one of kpi, resource, dependency and query")
        if sum([self.above is not None, self.below is not None, self.leak]) != 1:
            raise ValueError("give exactly one of above, below and leak: true")
        if self.leak and (self.kpi is not None or self.dependency is not None):
            raise ValueError("a leak is one of a resource or a query")
        return self
