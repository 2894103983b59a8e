"""What a launch measures for itself: the `measure` of a KPI that the catalogue does not have.

Each says where the numbers come from (events, a survey, features, an outcome, a funnel, PromQL, facts) or is the ratio of two other KPIs.
What becomes of it - measures, rule, denominator - is in declared.py.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from postlaunch.config.fields import Date, EventName, Positive, Query, Section, Slug
from postlaunch.dates import Dates

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "is set", "is not set"]
Read = Literal["mean", "max", "min", "p50", "p95", "p99", "sum"]
MOST_DAYS_HELD = 31  # a fact that nobody has renewed since is no news any more
READS: dict[str, tuple[Read, ...]] = {  # of each kind of PromQL, the first unless told otherwise
    "gauge": ("mean", "max", "min", "p50", "p95", "p99"),
    "counter": ("sum",),
    "ratio": ("mean",),
    "histogram": ("p95", "p50", "p99"),
}
Events = Annotated[tuple[EventName, ...], Field(min_length=1), BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Condition(Section):
    """A filter of events, written [property, operator, value]: [rating, ">=", 4], [plan, in, [pro, team]], [coupon, is set].

    An event without the property meets `is not set`, `!=` and `not in`, and no other. `<` to `>=` compare numbers; a value that is not one
    meets none of them.
    """

    property: EventName
    operator: Operator
    value: tuple[str | float, ...] = ()  # one, or a list for `in` and `not in`

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        if len(given) not in (2, 3):
            raise ValueError('a condition is [property, operator, value], for example [rating, ">=", 4]')
        value = given[2] if len(given) == 3 else []
        values = list(value) if isinstance(value, list | tuple) else [value]
        said = [str(each).lower() if isinstance(each, bool) else each for each in values]  # as JSON writes true and false
        return {"property": given[0], "operator": given[1], "value": said}

    @model_validator(mode="after")
    def _value_fits(self) -> Condition:
        wants = {"is set": 0, "is not set": 0}.get(self.operator, 1)
        if self.operator in ("in", "not in"):
            if not self.value:
                raise ValueError(f"{self.operator} wants a list of values")
        elif len(self.value) != wants:
            raise ValueError(f"{self.operator} wants {'one value' if wants else 'no value'}; found {len(self.value)}")
        if self.operator in ("<", "<=", ">", ">=") and not isinstance(self.value[0], float | int):
            raise ValueError(f"{self.operator} compares numbers; found {self.value[0]!r}")
        return self


Conditions = tuple[Condition, ...]


class EventsMeasure(Section):
    """Events: how many, by how many users, what share of others, or what a property of them comes to.

    {good: [Order Placed]}                                   a count
    {good: [Order Placed], count: users}                     users who sent one, each once a period
    {good: [Paid], of: [Paid, Payment Failed]}               a ratio
    {good: [Paid], property: seconds, read: mean}            mean (sum, p50, p95, p99) of a number
    """

    good: Events
    of: tuple[EventName, ...] = ()
    count: Literal["events", "users"] = "events"
    property: EventName | None = None
    read: Literal["mean", "sum", "p50", "p95", "p99"] | None = None
    where: Conditions = ()  # of both good and of
    good_where: Conditions = ()  # of good alone

    @model_validator(mode="after")
    def _one_way_to_count(self) -> EventsMeasure:
        if (self.property is None) != (self.read is None):
            raise ValueError("property and read go together")
        if self.property is not None and (self.of or self.count == "users"):
            raise ValueError("a property is read of `good` alone: leave out `of` and `count`")
        return self


class FeaturesMeasure(Section):
    """The share of active users who used at least so many of these features in the period; a feature is an event, or any of several."""

    features: Annotated[tuple[Events, ...], Field(min_length=1)]
    at_least: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _enough_features(self) -> FeaturesMeasure:
        if self.at_least > len(self.features):
            raise ValueError(f"at_least {self.at_least} of {len(self.features)} features: nobody can reach it")
        return self


class SurveyMeasure(Section):
    """Answers of a survey, each an event with a number. An answer outside the scale is none.

    csat as unit ratio: the share of answers of at least `satisfied`; as unit score: their mean. nps: 100 times the share of promoters
    (9 and 10 of 0 to 10) less that of detractors (0 to 6), https://www.netpromoter.com/know/. `asked` gives the response rate as one more
    KPI, `<kpi>_response_rate`.
    """

    event: EventName
    score: EventName  # the property that holds the number
    kind: Literal["csat", "nps"]
    scale: tuple[float, float] | None = None  # None: 1 to 5 of csat, 0 to 10 of nps
    satisfied: float | None = None  # None: one below the top of the scale
    asked: EventName | None = None  # event of showing it
    day: Annotated[int, Field(ge=0)] | None = None  # only answers of users on that day since their first
    where: Conditions = ()

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest answer."""
        return self.scale or ((1, 5) if self.kind == "csat" else (0, 10))

    @property
    def lowest_satisfied(self) -> float:
        """Answers from here on are satisfied."""
        return self.ends[1] - 1 if self.satisfied is None else self.satisfied

    @model_validator(mode="after")
    def _scale_makes_sense(self) -> SurveyMeasure:
        low, high = self.ends
        if not low < high:
            raise ValueError(f"scale {low:g} to {high:g}: the first is the lowest")
        if self.kind == "nps" and (low, high) != (0, 10):
            raise ValueError("nps is defined on 0 to 10")
        if not low < self.lowest_satisfied <= high:
            raise ValueError(f"satisfied {self.lowest_satisfied:g} lies outside the scale {low:g} to {high:g}")
        return self


class OutcomeMeasure(Section):
    """The share of users (or accounts, see `population.account`) with at least so many events within a calendar month or quarter. It is to
    date: a period shows what its last day's month or quarter has come to.

    of any: of those with any such event in it. of previous: of those who had as many in the one before; with at_least 1 that is retention
    by month or quarter, {event: Order Sent, at_least: 1, within: calendar_month, by: account}.
    """

    event: EventName
    at_least: Annotated[int, Field(ge=1)]
    within: Literal["calendar_month", "calendar_quarter"]
    by: Literal["user", "account"] = "user"
    of: Literal["any", "previous"] | None = None  # None: previous where at_least is 1, else any
    where: Conditions = ()

    @property
    def is_of_previous(self) -> bool:
        """Of whom: of those who reached the number in the month or quarter before."""
        return self.at_least == 1 if self.of is None else self.of == "previous"

    @model_validator(mode="after")
    def _can_be_missed(self) -> OutcomeMeasure:
        if self.at_least == 1 and not self.is_of_previous:
            raise ValueError("at_least 1 of those with any is always all of them: write of: previous for retention, or a higher number")
        return self


class FunnelMeasure(Section):
    """A funnel of `mixpanel.funnels`: the share of entries that reached the last step (conversion), or did not (abandonment), or of those
    at a step that did not reach the next (drop_off). Entries whose window is open are not counted yet. Written `funnel: <id>` in short."""

    id: Slug
    read: Literal["conversion", "abandonment", "drop_off"] | None = None  # None: conversion where higher is better, else abandonment
    step: Annotated[int, Field(ge=1)] | None = None  # of drop_off: from this step to the next

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, given: Any) -> Any:
        return {"id": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _step_of_drop_off(self) -> FunnelMeasure:
        if (self.read == "drop_off") != (self.step is not None):
            raise ValueError("read: drop_off and step go together")
        return self


class PrometheusMeasure(Section):
    """PromQL. A gauge is read at its points (mean, max, min, p50, p95, p99), over all its series; a counter by its increase (sum).

    ratio: the mean of a gauge that is a ratio already; with `of` the increase of one counter over that of another (hits of lookups,
    seconds of requests). histogram: a quantile of classic buckets (label `le`).
    """

    query: Query
    kind: Literal["gauge", "counter", "ratio", "histogram"]
    read: Read | None = None  # None: mean of a gauge, sum of a counter, p95 of a histogram
    of: Query | None = None  # of kind ratio: the counter that divides

    @model_validator(mode="after")
    def _read_fits(self) -> PrometheusMeasure:
        allowed = {
            "gauge": ("mean", "max", "min", "p50", "p95", "p99"),
            "counter": ("sum",),
            "ratio": ("mean",),
            "histogram": ("p50", "p95", "p99"),
        }
        if self.read is not None and self.read not in allowed[self.kind]:
            raise ValueError(f"a {self.kind} is read as {', '.join(allowed[self.kind])}; found {self.read}")
        if self.of is not None and self.kind != "ratio":
            raise ValueError(f"of: only a ratio is of something, this is a {self.kind}")
        return self

    @property
    def way(self) -> Read:
        """How it is read."""
        return self.read or READS[self.kind][0]


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or not re.fullmatch(r"[A-Za-z0-9._/-]{1,200}", path):
        raise ValueError("a path below the folder of the launch files is expected, for example facts/cost.csv")
    return path


class FactsMeasure(Section):
    """Numbers that no API has: a CSV of date and value (with that header) below the folder of the launch files, or `rows` in their place.

    last: a value holds until the next one, and MOST_DAYS_HELD days at most. sum and mean are over the rows of a period; `each` says what a
    row stands for, for example a whole month whose cost is booked on one of its dates.
    """

    file: Annotated[str, AfterValidator(_inside)] | None = None
    rows: tuple[tuple[Date, float], ...] = ()
    read: Literal["last", "sum", "mean"] = "last"
    each: Literal["day", "week", "month"] = "day"

    @model_validator(mode="after")
    def _has_facts(self) -> FactsMeasure:
        if self.file is None and not self.rows:
            raise ValueError("give a file, or rows: [[2026-01-31, 12000]]")
        dates = [date for date, _ in self.rows]
        if twice := sorted({str(date) for date in dates if dates.count(date) > 1}):
            raise ValueError(f"rows: {', '.join(twice)} stands twice")
        return self

    @property
    def days(self) -> tuple[tuple[dt.date, float | None], ...]:
        """(date, value) of every date that the facts speak for.

        A level has its value on each date that it holds; a sum or mean has it on its own date, and None on the others of its week or month.
        """
        rows = sorted(self.rows)
        found: dict[dt.date, float | None] = {}
        for place, (date, value) in enumerate(rows, start=1):
            following = rows[place][0] if place < len(rows) else None
            if self.read == "last":
                until = date + dt.timedelta(days=MOST_DAYS_HELD)
                last = until if following is None else min(until, following - dt.timedelta(days=1))
                found.update(dict.fromkeys(Dates(date, last).each, value))
            else:
                for day in _around(date, self.each).each:
                    found.setdefault(day, None)
                found[date] = value
        return tuple(sorted(found.items()))


def _around(date: dt.date, each: Literal["day", "week", "month"]) -> Dates:
    """The day, ISO week or calendar month of a date."""
    if each == "day":
        return Dates.of(date)
    if each == "week":
        monday = date - dt.timedelta(days=date.weekday())
        return Dates(monday, monday + dt.timedelta(days=6))
    return Dates(date.replace(day=1), date.replace(day=calendar.monthrange(date.year, date.month)[1]))


class Measure(Section):
    """Exactly one of them. `ratio` is one KPI over another of the same period, times `per`: [tickets_opened, monthly_active_users]."""

    events: EventsMeasure | None = None
    features: FeaturesMeasure | None = None
    survey: SurveyMeasure | None = None
    outcome: OutcomeMeasure | None = None
    funnel: FunnelMeasure | None = None
    prometheus: PrometheusMeasure | None = None
    facts: FactsMeasure | None = None
    ratio: tuple[str, str] | None = None
    per: Positive = 1

    @model_validator(mode="after")
    def _exactly_one(self) -> Measure:
        kinds = ("events", "features", "survey", "outcome", "funnel", "prometheus", "facts", "ratio")
        if sum(getattr(self, kind) is not None for kind in kinds) != 1:
            raise ValueError(f"give exactly one of {', '.join(kinds)}")
        if self.per != 1 and self.ratio is None:
            raise ValueError("per: only of a ratio of two KPIs")
        return self
