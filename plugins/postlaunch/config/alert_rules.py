"""What the alerts of a launch file are read from, as rows: which selectors make the value of each at a step, and how.

launch.alerts  ->  alert_rules(launch)  ->  config.alerts, config.alert_metrics  ->  dbt: int_changed_alert_points, alert_episodes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from postlaunch.config.alerts import Alert
from postlaunch.config.declared import kpis_of, prometheus_metrics
from postlaunch.config.launch import Launch
from postlaunch.kpis.catalogue import Kpi

Reading = Literal["max", "min", "mean", "ratio", "quantile"]  # of the series at a step: gauges, counters, buckets
AlertPart = Literal["value", "numerator", "denominator", "requests", "buckets"]
AlertParts = tuple[tuple[AlertPart, str], ...]  # (part, metric id)
OF_SERVICES: dict[str, tuple[Reading, str, AlertPart]] = {  # measures of service levels: the kind of metric that they are made of
    "errors": ("ratio", "requests", "requests"),
    "request_duration": ("quantile", "latency_buckets", "buckets"),
}


@dataclass(frozen=True)
class AlertRule:
    """How an alert is read."""

    alert: Alert
    reading: Reading
    parts: AlertParts
    quantile: float | None = None

    @property
    def comparator(self) -> Literal[">", "<"]:
        """On which side of the bound it fires."""
        return "<" if self.alert.below is not None else ">"

    @property
    def bound(self) -> float:
        """The number that must be passed."""
        found = self.alert.above if self.alert.below is None else self.alert.below
        return found or 0.0


def alert_rules(launch: Launch) -> list[AlertRule]:
    """What is read step by step; a leak is not, and what cannot be read is a fault."""
    return [rule for alert in launch.alerts if not alert.leak and isinstance(rule := _rule(launch, alert), AlertRule)]


def leaks(launch: Launch) -> list[tuple[Alert, str]]:
    """(alert, the subject whose trend tells) of what may leak."""
    return [(alert, alert.resource or f"{alert.id}.leak") for alert in launch.alerts if alert.leak]


def alert_faults(launch: Launch) -> Iterator[str]:
    """Alerts of what the file does not have, or has no value of at a single moment: `key path: what is wrong`."""
    for number, alert in enumerate(launch.alerts):
        if launch.prometheus is None:
            yield f"alerts[{number}]: the file has no section `prometheus` that says which server is asked"
        elif isinstance(fault := _rule(launch, alert), str):
            yield f"alerts[{number}].{fault}"


def _rule(launch: Launch, alert: Alert) -> AlertRule | str:
    """The rule, or why there is none."""
    worst: Reading = "min" if alert.below is not None else "max"
    if alert.query is not None:  # of a leak the reading is not asked for
        return AlertRule(alert, worst, (("value", f"{alert.id}.alert"),))
    if alert.kpi is not None:
        kpi = kpis_of(launch).get(alert.kpi)
        found = _of_kpi(launch, kpi) if kpi else f"kpi: no such KPI; found {alert.kpi!r}"
        return found if isinstance(found, str) else AlertRule(alert, *found)
    kind, name = ("resource", alert.resource) if alert.resource is not None else ("dependency", alert.dependency)
    if f"{name}.{kind}" not in {metric.metric_id for metric in prometheus_metrics(launch)}:
        return f"{kind}: no such {kind}; found {name!r}"
    return AlertRule(alert, "max" if kind == "dependency" else worst, (("value", f"{name}.{kind}"),))


def _of_kpi(launch: Launch, kpi: Kpi) -> tuple[Reading, AlertParts, float | None] | str:
    """What a KPI that is made of PromQL is at one step: (reading, parts, quantile)."""
    measure = kpi.buckets or kpi.numerator[0]
    if measure in OF_SERVICES:
        reading, kind, part = OF_SERVICES[measure]
        parts = _parts(launch, part, kind)
    elif kpi.buckets is not None:
        reading, parts = "quantile", _parts(launch, "buckets", "histogram", measure)
    elif parts := _parts(launch, "value", "gauge", measure.removesuffix("_sum")):
        reading = "max" if kpi.period_rule == "max" else "min" if kpi.period_rule == "min" else "mean"
    else:
        top = _parts(launch, "numerator", "counter", measure)
        bottom = _parts(launch, "denominator", "counter", *kpi.denominator)
        reading, parts = "ratio", (*top, *bottom) if top and bottom else ()
    if not parts:
        return f"kpi: {kpi.id} has no value at a single moment: give a gauge, a ratio or a histogram of PromQL, or a query"
    return reading, parts, kpi.quantile


def _parts(launch: Launch, part: AlertPart, kind: str, *measures: str) -> AlertParts:
    """The metrics of a kind, of these measures or of all."""
    return tuple(
        (part, metric.metric_id)
        for metric in prometheus_metrics(launch)
        if metric.kind == kind and (not measures or metric.subject_id in measures)
    )
