"""The KPIs that every launch has: one YAML file per domain beside this module, checked here.

    kpis/<domain>.yaml  ->  catalogue()  ->  config.kpis, config.kpi_terms  ->  dbt: kpi_daily, scorecard  ->  reviews

A KPI is a measure (a row of measures_daily), one over another, or a quantile of merged buckets, with a rule how days become a period.
Its place in the reviews is its place in the file.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from postlaunch.errors import ConfigError

FOLDER = Path(__file__).parent
WHOLE = ""  # the subject of a KPI that is of everything

Domain = Literal["product", "support", "incidents", "reliability", "capacity"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)  # in the order of the reviews
Unit = Literal["ratio", "count", "seconds", "support_seconds", "days", "usd", "score", "bytes", "per_second"]
PeriodRule = Literal["ratio", "uniques", "sum", "mean", "last", "max", "min", "quantile", "of_kpis"]
Measures = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subject(_Entry):
    """What a KPI can be of: each service, severity, priority; the whole is of all of them together."""

    kind: Literal["day", "priority", "severity", "service", "resource", "category"]
    name: str = "{kpi} ({subject})"  # what reviews call the KPI of one subject; {kpi} is the name of the whole
    shown: tuple[str, ...] = (WHOLE,)  # subjects that reviews show without being asked: those with a target are shown too
    stability: tuple[str, ...] = ()  # subjects of which the KPI speaks of stability

    @property
    def has_whole(self) -> bool:
        """Days and categories overlap: all of them together are nothing."""
        return self.kind not in ("day", "category")


class Kpi(_Entry):
    """A KPI. The sums are over dates and subjects; `period_rule` says how the days of a week, month or phase become one value.

    ratio     sum of numerators by sum of denominators
    uniques   as ratio, but who is counted on two days of a period is counted once
    sum       sum of numerators
    mean      mean of the days that have a value
    last      the value of the last day, with its denominator if it has one
    max, min  the highest or lowest day
    quantile  read off the merged buckets
    of_kpis   one KPI of the period by another; numerator and denominator name KPIs, not measures
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,62}$")
    domain: Domain
    name: str
    definition: str  # what is counted, in words
    unit: Unit
    better: Literal["higher", "lower"]
    period_rule: PeriodRule
    numerator: Measures = ()  # measures whose sum is divided, or is the value
    minus: Measures = ()  # measures that are subtracted from it
    factor: float = 1  # by which the numerator is multiplied: 100 of a score, 1000 of tickets per 1,000 users
    denominator: Measures = ()  # measures whose sum divides
    denominator_unit: Literal["count", "seconds"] = "count"  # seconds are shown as time observed, not as n
    buckets: str | None = None  # of a quantile: the measure of measure_buckets_daily
    quantile: float | None = Field(default=None, gt=0, lt=1)
    subject: Subject | None = None
    seen_by: str | None = None  # KPI whose value tells that a covered date was really measured: no requests, no error rate to see
    requires: str | None = None  # key of the launch file without which there is nothing to measure
    needs_sample: bool = False  # a proportion of people or tickets: insufficient data under the launch's minimum sample
    is_stability: bool = False  # a verdict rolls back for it
    is_volume: bool = False  # follows what comes in: neither good nor bad
    is_countdown: bool = False  # days until something: near is bad, a change is no news
    is_net: bool = False  # a difference, which may be below zero
    evidence: str | None = None  # what a review looks at when it is missed: days, funnel, clocks of <SLA metric>
    charted: tuple[Literal["daily", "weekly", "monthly"], ...] = ()  # reviews that draw its days

    @model_validator(mode="after")
    def _has_what_its_rule_needs(self) -> Kpi:
        if (self.period_rule == "quantile") != (self.quantile is not None and self.buckets is not None):
            raise ValueError("period_rule quantile, quantile and buckets go together")
        if (self.period_rule == "quantile") == bool(self.numerator):
            raise ValueError("give a numerator, or a quantile of buckets")
        if self.denominator and self.period_rule not in ("ratio", "uniques", "last", "of_kpis"):
            raise ValueError(f"{self.period_rule} has no denominator")
        if self.period_rule in ("ratio", "of_kpis") and not self.denominator:
            raise ValueError(f"{self.period_rule} has a denominator")
        return self

    def label(self, subject: str) -> str:
        """What reviews call the KPI of that subject."""
        return self.name if self.subject is None or not subject else self.subject.name.format(kpi=self.name, subject=subject)

    @property
    def shown(self) -> tuple[str, ...]:
        """Subjects that reviews show without being asked."""
        return self.subject.shown if self.subject else (WHOLE,)

    @property
    def stability_names(self) -> list[str]:
        """What reviews call it where a verdict rolls back for it: the whole, or some of its subjects; none for any other KPI."""
        return [self.name] if self.is_stability else [self.label(subject) for subject in (self.subject.stability if self.subject else ())]


@functools.cache
def catalogue() -> dict[str, Kpi]:
    """The KPIs by id, in the order of the reviews. Raises ConfigError that names file, KPI and what is wrong."""
    found: dict[str, Kpi] = {}
    for domain in DOMAINS:
        file = FOLDER / f"{domain}.yaml"
        for entry in yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # noqa: S506
            try:
                kpi = Kpi.model_validate({**entry, "domain": domain})
            except (ValidationError, TypeError) as error:
                raise ConfigError(f"{file}: {entry.get('id', entry)}: {error}") from error
            if kpi.id in found:
                raise ConfigError(f"{file}: {kpi.id} stands twice")
            found[kpi.id] = kpi
    return found
