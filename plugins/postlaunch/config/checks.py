"""What the targets of a launch file have to agree with: the catalogue of KPIs, and what the file lets be measured.

Faults are raised while a launch file is read; warnings are about what may be meant, and `launches check` prints them.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from postlaunch.config.launch import DOMAIN_SOURCE, SLA_METRICS, Launch, Target
from postlaunch.config.settings import load_settings


@dataclass(frozen=True)
class CatalogueKpi:
    """What the catalogue (a dbt seed) says of a KPI, as far as a target has to agree with it."""

    kpi_id: str
    domain: str
    unit: str
    better: str


@functools.cache
def catalogue() -> dict[str, CatalogueKpi]:
    """The KPIs that exist, by id, in the order of the catalogue."""
    with (load_settings().dbt_project / "seeds" / "kpi_catalogue.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["kpi_id"]: CatalogueKpi(row["kpi_id"], row["domain"], row["unit"], row["better"]) for row in rows}


def kpi_faults(launch: Launch) -> Iterator[str]:
    """Targets that name no KPI, stand on the wrong side of it, or cannot be reached in its unit: `key path: what is wrong`."""
    known = catalogue()
    for number, entry in enumerate(launch.kpis):
        kpi = known.get(entry.kpi)
        if kpi is None:
            yield f"kpis[{number}].kpi: no such KPI; found {entry.kpi!r}; allowed: {', '.join(known)}"
            continue
        missing = _what_is_missing(launch, kpi)
        if missing:
            yield f"kpis[{number}].kpi: {entry.kpi} is measured by something that the file does not have: {missing}"
        for place, target in enumerate(entry.targets):
            path = f"kpis[{number}].targets[{place}]"
            yield from (f"{path}: {fault}" for fault in _target_faults(kpi, target))


def _target_faults(kpi: CatalogueKpi, target: Target) -> Iterator[str]:
    side = "at_least" if kpi.better == "higher" else "at_most"
    found = "at_least" if target.at_least is not None else "at_most"
    if found != side:
        yield f"{found}: of {kpi.kpi_id} {kpi.better} is better: write {side}"
    if kpi.unit == "ratio" and not 0 <= target.bound <= 1:
        yield f"{found}: {kpi.kpi_id} is a ratio from 0 to 1; found {target.bound:g}; write {target.bound / 100:g} for {target.bound:g} %"
    elif target.bound < 0:
        yield f"{found}: {kpi.kpi_id} is never negative; found {target.bound:g}"


def kpi_warnings(launch: Launch) -> Iterator[str]:
    """Targets of a source that this launch does not have: perhaps not yet. They count as not met in every verdict."""
    for number, entry in enumerate(launch.kpis):
        source = _source(catalogue()[entry.kpi])
        if source not in launch.sources:
            yield f"kpis[{number}].kpi: {entry.kpi} is measured by {source}, and the file has no such section: its targets stay unmeasured"


def _what_is_missing(launch: Launch, kpi: CatalogueKpi) -> str | None:
    """The entry that the KPI is measured by and that the section of its source lacks."""
    mixpanel, zendesk, prometheus = launch.mixpanel, launch.zendesk, launch.prometheus
    levels = prometheus.service_levels if prometheus else ()
    lacks = {
        "activation": mixpanel
        and not any(funnel.id == "activation" for funnel in mixpanel.funnels)
        and "mixpanel.funnels: a funnel with the id activation",
        **{
            f"{metric}_attainment": f"zendesk.sla: {metric}_minutes of a priority"
            for metric in (SLA_METRICS if zendesk else ())
            if zendesk and not any(metric in dict(target.promises) for target in zendesk.sla)
        },
        "latency_p95": prometheus
        and not any(level.latency_buckets for level in levels)
        and "prometheus.service_levels: latency_buckets of a service",
        "days_to_trigger": prometheus and not prometheus.resources and "prometheus.resources",
    }
    if prometheus and not levels and kpi.domain == "reliability":
        return "prometheus.service_levels"
    return lacks.get(kpi.kpi_id) or None


def _source(kpi: CatalogueKpi) -> str:
    return next(source for domain, source in DOMAIN_SOURCE.items() if domain == kpi.domain)
