"""The KPIs that a launch declares for itself, as rows: what measures each is made of, and what makes these measures.

    launch.kpis[].measure  ->  kpis_of(launch)   Kpi, as of the catalogue  ->  config.kpis, kpi_terms
                           ->  parts(launch)     what dbt measures         ->  config.event_measures, user_measures, facts, ...

A measure is named after its KPI: `payment_success.good`, `payment_success.of`, `failed_payments.value`.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, field
from typing import Literal

from postlaunch.config.alerts import Alert
from postlaunch.config.launch import DOMAIN_SOURCE, Launch, LaunchKpi, PrometheusMetric
from postlaunch.config.measures import (
    Condition,
    Conditions,
    EventsMeasure,
    FeaturesMeasure,
    FunnelMeasure,
    Measure,
    OutcomeMeasure,
    PrometheusMeasure,
    SurveyMeasure,
)
from postlaunch.kpis.catalogue import Domain, Kpi, PeriodRule, catalogue

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class EventMeasure:
    """Events that are counted, or a number of theirs that is summed, counted or kept value by value. A date with none of them counts 0."""

    measure_id: str
    events: tuple[str, ...]
    aggregate: Literal[
        "count", "sum", "numbers", "buckets"
    ]  # numbers: how many have the property as a number; buckets: how many by its value
    property: str | None = None
    where: Conditions = ()
    user_day: int | None = None  # only of users on that day since their first


@dataclass(frozen=True)
class UserMeasure:
    """Users who did at least `at_least` of the items within a period; an item is any of its events."""

    measure_id: str
    items: tuple[tuple[str, ...], ...]
    at_least: int = 1
    where: Conditions = ()


@dataclass(frozen=True)
class OutcomeParts:
    """`measure_id`.reached of `measure_id`.of: those with so many events within a calendar month or quarter, of those with any in it, or
    with as many in the one before."""

    measure_id: str
    event: str
    at_least: int
    within: Literal["month", "quarter"]
    by: Literal["user", "account"]
    is_of_previous: bool
    where: Conditions = ()


@dataclass(frozen=True)
class FunnelParts:
    """`measure_id`.good of `measure_id`.of entries: those beyond `step` (or not, with is_lost), of those that came to `of_step`."""

    measure_id: str
    funnel_id: str
    of_step: int
    step: int
    is_lost: bool


@dataclass(frozen=True)
class PromMeasure:
    """A selector to ingest, and what is read of it each day.

    points: `_sum` and `_points` of all samples; max, min: of the day; values: how many samples by value; increase: of a counter;
    buckets: of a histogram.
    """

    measure_id: str
    query: str
    kind: Literal["gauge", "counter", "histogram"]
    reading: Literal["points", "max", "min", "values", "increase", "buckets"]
    unit: str


@dataclass(frozen=True)
class FactMeasure:
    """Facts, as (date, value) of every date that they speak for."""

    kpi_id: str
    measure_id: str
    days: tuple[tuple[dt.date, float | None], ...]


@dataclass
class Parts:
    """What is to be measured for the declared KPIs of a launch."""

    kpis: list[Kpi] = field(default_factory=list)
    events: list[EventMeasure] = field(default_factory=list)
    users: list[UserMeasure] = field(default_factory=list)
    outcomes: list[OutcomeParts] = field(default_factory=list)
    funnels: list[FunnelParts] = field(default_factory=list)
    prometheus: list[PromMeasure] = field(default_factory=list)
    facts: list[FactMeasure] = field(default_factory=list)


def kpis_of(launch: Launch) -> dict[str, Kpi]:
    """Every KPI of a launch by id: those of the catalogue, then its own, each in the order of the reviews."""
    own = {kpi.id: kpi for kpi in parts(launch).kpis}
    return {**catalogue(), **own}


def source_of(launch: Launch, kpi: Kpi) -> str:
    """What covers the dates of a KPI: a source, or `facts.<kpi>` for the file of one."""
    declared = {entry.kpi: entry.measure for entry in launch.kpis if entry.measure is not None}
    measure = declared.get(kpi.id)
    if measure is None:
        return DOMAIN_SOURCE[kpi.domain]
    if measure.facts is not None:
        return f"facts.{kpi.id}"
    if measure.ratio is not None:
        return source_of(launch, kpis_of(launch)[measure.ratio[0]]) if measure.ratio[0] in kpis_of(launch) else DOMAIN_SOURCE[kpi.domain]
    return "prometheus" if measure.prometheus is not None else "mixpanel"


def parts(launch: Launch) -> Parts:
    """The declared KPIs of a launch and what makes their measures."""
    found = Parts()
    for entry in launch.kpis:
        if entry.measure is not None:
            _declare(launch, entry, entry.measure, found)
    return found


def _declare(launch: Launch, entry: LaunchKpi, measure: Measure, found: Parts) -> None:
    if measure.events is not None:
        _events(entry, measure.events, found)
    elif measure.features is not None:
        _features(entry, measure.features, found)
    elif measure.survey is not None:
        _survey(entry, measure.survey, found)
    elif measure.outcome is not None:
        _outcome(entry, measure.outcome, found)
    elif measure.funnel is not None:
        _funnel(launch, entry, measure.funnel, found)
    elif measure.prometheus is not None:
        _prometheus(entry, measure.prometheus, found)
    elif measure.facts is not None:
        facts = measure.facts
        found.facts.append(FactMeasure(entry.kpi, _value(entry), facts.days))
        found.kpis.append(_kpi(entry, entry.domain, facts.read, f"Facts of {facts.file or 'the launch file'}", numerator=(_value(entry),)))
    elif measure.ratio is not None:
        top, bottom = measure.ratio
        words = f"{top} by {bottom}" + (f", times {measure.per:g}" if measure.per != 1 else "")
        found.kpis.append(
            _kpi(entry, _domain_of(launch, top), "of_kpis", words, numerator=(top,), denominator=(bottom,), factor=measure.per)
        )


def _domain_of(launch: Launch, kpi_id: str) -> Domain:
    """The domain of a KPI of the catalogue or of this launch; a ratio is of the domain of its numerator."""
    if kpi_id in catalogue():
        return catalogue()[kpi_id].domain
    entry = next((entry for entry in launch.kpis if entry.kpi == kpi_id and entry.measure is not None), None)
    if entry is None or entry.measure is None:
        return "product"
    if entry.measure.facts is not None and entry.domain is not None:
        return entry.domain
    return "reliability" if entry.measure.prometheus is not None else "product"


def _value(entry: LaunchKpi) -> str:
    return f"{entry.kpi}.value"  # a name of its own: measures of the catalogue have no point


def _name(entry: LaunchKpi) -> str:
    return entry.name or entry.kpi.replace("_", " ").capitalize()


def _kpi(
    entry: LaunchKpi, domain: Domain | None, rule: PeriodRule, words: str, *, numerator: tuple[str, ...] = (),
    denominator: tuple[str, ...] = (), minus: tuple[str, ...] = (), factor: float = 1, buckets: str | None = None,
    quantile: float | None = None, needs_sample: bool = False, is_volume: bool = False, seen_by: str | None = None,
) -> Kpi:  # fmt: skip
    return Kpi(
        id=entry.kpi, domain=domain or "product", name=_name(entry),
        definition=entry.definition or words, unit=entry.unit or "count", better=entry.better or "higher", period_rule=rule,
        numerator=numerator, denominator=denominator, minus=minus, factor=factor, buckets=buckets, quantile=quantile,
        needs_sample=needs_sample, is_volume=is_volume, seen_by=seen_by,
    )  # fmt: skip


def _events(entry: LaunchKpi, measure: EventsMeasure, found: Parts) -> None:
    good_where = (*measure.where, *measure.good_where)
    named = ", ".join(measure.good)
    good, of = (f"{entry.kpi}.good", f"{entry.kpi}.of") if measure.of else (_value(entry), "")
    if measure.property is not None and measure.read is not None:
        if measure.read in QUANTILES:
            found.events.append(EventMeasure(_value(entry), measure.good, "buckets", measure.property, good_where))
            words = f"{measure.read} of {measure.property} of {named}, to three significant digits"
            found.kpis.append(_kpi(entry, "product", "quantile", words, buckets=_value(entry), quantile=QUANTILES[measure.read]))
            return
        total, numbers = f"{entry.kpi}.sum", f"{entry.kpi}.numbers"
        found.events.append(EventMeasure(total, measure.good, "sum", measure.property, good_where))
        words = f"{measure.read.capitalize()} of {measure.property} of {named}"
        if measure.read == "sum":
            found.kpis.append(_kpi(entry, "product", "sum", words, numerator=(total,), is_volume=not entry.targets))
            return
        found.events.append(EventMeasure(numbers, measure.good, "numbers", measure.property, good_where))
        found.kpis.append(_kpi(entry, "product", "ratio", words, numerator=(total,), denominator=(numbers,)))
        return
    if measure.count == "users":
        found.users.append(UserMeasure(good, (measure.good,), 1, good_where))
        if measure.of:
            found.users.append(UserMeasure(of, (measure.of,), 1, measure.where))
        words = f"Users with {named}" + (f", of users with {', '.join(measure.of)}" if measure.of else "") + ", each once a period"
        found.kpis.append(
            _kpi(entry, "product", "uniques", words, numerator=(good,), denominator=(of,) if of else (), needs_sample=bool(of))
        )
        return
    found.events.append(EventMeasure(good, measure.good, "count", None, good_where))
    if not measure.of:
        found.kpis.append(_kpi(entry, "product", "sum", f"Events {named}", numerator=(good,), is_volume=not entry.targets))
        return
    found.events.append(EventMeasure(of, measure.of, "count", None, measure.where))
    words = f"Events {named} of {', '.join(measure.of)}"
    found.kpis.append(_kpi(entry, "product", "ratio", words, numerator=(good,), denominator=(of,), needs_sample=True))


def _features(entry: LaunchKpi, measure: FeaturesMeasure, found: Parts) -> None:
    found.users.append(UserMeasure(f"{entry.kpi}.good", measure.features, measure.at_least))
    words = f"Active users who used {measure.at_least} or more of {', '.join(' or '.join(item) for item in measure.features)}"
    found.kpis.append(
        _kpi(entry, "product", "uniques", words, numerator=(f"{entry.kpi}.good",), denominator=("period_active_users",), needs_sample=True)
    )


def _survey(entry: LaunchKpi, measure: SurveyMeasure, found: Parts) -> None:
    low, high = measure.ends
    answered = (*measure.where, *_between(measure.score, low, high))

    def answers(name: str, lowest: float, highest: float) -> str:
        where = (*measure.where, *_between(measure.score, lowest, highest))
        found.events.append(EventMeasure(f"{entry.kpi}.{name}", (measure.event,), "count", None, where, measure.day))
        return f"{entry.kpi}.{name}"

    of = answers("answers", low, high)
    minus: tuple[str, ...] = ()
    factor = 1.0
    if measure.kind == "nps":
        numerator, minus, factor = answers("promoters", 9, 10), (answers("detractors", 0, 6),), 100.0
        words = f"Answers 9 and 10 less those from 0 to 6, of all answers of {measure.event}"
    elif entry.unit == "ratio":
        numerator = answers("satisfied", measure.lowest_satisfied, high)
        words = f"Answers of {measure.lowest_satisfied:g} or more, of all answers of {measure.event}"
    else:
        numerator = f"{entry.kpi}.sum"
        found.events.append(EventMeasure(numerator, (measure.event,), "sum", measure.score, answered, measure.day))
        words = f"Mean of the answers of {measure.event}, from {low:g} to {high:g}"
    found.kpis.append(
        _kpi(entry, "product", "ratio", words, numerator=(numerator,), minus=minus, factor=factor, denominator=(of,), needs_sample=True)
    )
    if measure.asked is not None:
        asked = f"{entry.kpi}.asked"
        found.events.append(EventMeasure(asked, (measure.asked,), "count", None, measure.where, measure.day))
        rate = Kpi(
            id=f"{entry.kpi}_response_rate", domain="product", name=f"{_name(entry)}: response rate",
            definition=f"Answers of {measure.event} by {measure.asked}", unit="ratio", better="higher", period_rule="ratio",
            numerator=(of,), denominator=(asked,), needs_sample=True,
        )  # fmt: skip
        found.kpis.append(rate)


def _between(name: str, low: float, high: float) -> Conditions:
    return (Condition(property=name, operator=">=", value=(low,)), Condition(property=name, operator="<=", value=(high,)))


def _outcome(entry: LaunchKpi, measure: OutcomeMeasure, found: Parts) -> None:
    within: Literal["month", "quarter"] = "month" if measure.within == "calendar_month" else "quarter"
    found.outcomes.append(
        OutcomeParts(entry.kpi, measure.event, measure.at_least, within, measure.by, measure.is_of_previous, measure.where)
    )
    of_whom = f"as many in the {within} before" if measure.is_of_previous else "any"
    reached_it = f"{measure.by.capitalize()}s with {measure.at_least} or more {measure.event} in the calendar {within} so far"
    words = f"{reached_it}, of those with {of_whom}"
    reached, of = f"{entry.kpi}.reached", f"{entry.kpi}.of"
    found.kpis.append(_kpi(entry, "product", "last", words, numerator=(reached,), denominator=(of,), needs_sample=True))


def _funnel(launch: Launch, entry: LaunchKpi, measure: FunnelMeasure, found: Parts) -> None:
    steps = next((funnel.steps for funnel in (launch.mixpanel.funnels if launch.mixpanel else ()) if funnel.id == measure.id), ())
    read = measure.read or ("conversion" if entry.better == "higher" else "abandonment")
    of_step, step = (measure.step, measure.step + 1) if measure.step is not None else (1, max(len(steps), 2))
    found.funnels.append(FunnelParts(entry.kpi, measure.id, of_step, step, read != "conversion"))
    words = {
        "conversion": f"Entries of the funnel {measure.id} that reached its last step, a user once a period",
        "abandonment": f"Entries of the funnel {measure.id} that did not reach its last step, a user once a period",
        "drop_off": f"Of those at step {of_step} of the funnel {measure.id}, the ones who did not reach the next, a user once a period",
    }[read]
    good, of = f"{entry.kpi}.good", f"{entry.kpi}.of"
    found.kpis.append(_kpi(entry, "product", "uniques", words, numerator=(good,), denominator=(of,), needs_sample=True))


def _prometheus(entry: LaunchKpi, measure: PrometheusMeasure, found: Parts) -> None:
    unit, way = entry.unit or "count", measure.way
    kpi = functools.partial(_kpi, entry, "reliability", seen_by=entry.kpi)  # a date without samples is not seen

    def add(measure_id: str, query: str, kind: Literal["gauge", "counter", "histogram"], reading: str) -> None:
        found.prometheus.append(PromMeasure(measure_id, query, kind, reading, unit))  # type: ignore[arg-type]

    said = f"{way} of {measure.query}"
    if measure.kind == "histogram":
        add(_value(entry), measure.query, "histogram", "buckets")
        found.kpis.append(kpi("quantile", said, buckets=_value(entry), quantile=QUANTILES[way]))
    elif measure.kind == "counter":
        add(_value(entry), measure.query, "counter", "increase")
        found.kpis.append(kpi("sum", f"Increase of {measure.query}", numerator=(_value(entry),)))
    elif measure.of is not None:
        good, of = f"{entry.kpi}.good", f"{entry.kpi}.of"
        add(good, measure.query, "counter", "increase")
        add(of, measure.of, "counter", "increase")
        words = f"Increase of {measure.query} by that of {measure.of}"
        found.kpis.append(kpi("ratio", words, numerator=(good,), denominator=(of,)))
    elif way in QUANTILES:
        add(_value(entry), measure.query, "gauge", "values")
        said = f"{said}, to three significant digits"
        found.kpis.append(kpi("quantile", said, buckets=_value(entry), quantile=QUANTILES[way]))
    elif way in ("max", "min"):
        add(_value(entry), measure.query, "gauge", way)
        rule: PeriodRule = "max" if way == "max" else "min"
        found.kpis.append(kpi(rule, said, numerator=(_value(entry),)))
    else:
        add(_value(entry), measure.query, "gauge", "points")
        total, points = f"{_value(entry)}_sum", f"{_value(entry)}_points"
        found.kpis.append(kpi("ratio", said, numerator=(total,), denominator=(points,)))


def prometheus_metrics(launch: Launch) -> list[PrometheusMetric]:
    """Every selector to ingest. Of a declared KPI the `subject_id` is the measure."""
    config = launch.prometheus
    if config is None:
        return []
    names = {kpi.id: kpi.name for kpi in parts(launch).kpis}
    declared = [
        PrometheusMetric(
            metric_id=f"{measure.measure_id}.{measure.kind}", kind=measure.kind, subject_id=measure.measure_id,
            subject_name=names[measure.measure_id.partition(".")[0]], query=measure.query, unit=measure.unit,
            step_seconds=config.step_seconds, reading=measure.reading,
        )
        for measure in parts(launch).prometheus
    ]  # fmt: skip
    alerts = [_alert_metric(alert, alert.query, config.step_seconds) for alert in launch.alerts if alert.query is not None]
    return [*config.metrics, *declared, *alerts]


def _alert_metric(alert: Alert, query: str, step_seconds: int) -> PrometheusMetric:
    kind: Literal["alert", "leak"] = "leak" if alert.leak else "alert"
    return PrometheusMetric(
        metric_id=f"{alert.id}.{kind}", kind=kind, subject_id=f"{alert.id}.{kind}", subject_name=alert.message, query=query, unit="count",
        step_seconds=step_seconds,
    )  # fmt: skip
