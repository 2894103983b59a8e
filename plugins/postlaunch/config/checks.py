"""What one field alone cannot say: entries that stand twice, phases that overlap, targets that no data can ever meet or judge.

Faults are raised while a launch file is read; warnings are about what may be meant, and `launches check` prints them.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from postlaunch.config.settings import load_settings

if TYPE_CHECKING:
    from postlaunch.config.launch import Launch, Target

Item = TypeVar("Item")


class Phase(Protocol):
    """Launch days, both inclusive; None is open."""

    @property
    def from_day(self) -> int | None:
        """First day."""

    @property
    def to_day(self) -> int | None:
        """Last day."""


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


def unique_by(*names: str) -> Callable[[tuple[Item, ...]], tuple[Item, ...]]:
    """A validator of a list whose entries differ in these fields. Raises ValueError that names both places."""

    def check(entries: tuple[Item, ...]) -> tuple[Item, ...]:
        places: dict[object, int] = {}
        for number, entry in enumerate(entries):
            key = tuple(getattr(entry, name) for name in names)
            if key in places:
                what = ", ".join(f"{name} {value!r}" for name, value in zip(names, key, strict=True))
                raise ValueError(f"entries [{places[key]}] and [{number}] have the same {what}; keep one of them")
            places[key] = number
        return entries

    return check


def disjoint_phases(phases: tuple[Item, ...]) -> tuple[Item, ...]:
    """A validator of phases of the launch: no day belongs to two of them. Raises ValueError that names both places."""
    for number, second in enumerate(phases):
        for earlier, first in enumerate(phases[:number]):
            if _overlap(first, second):  # type: ignore[arg-type]
                raise ValueError(
                    f"entries [{earlier}] ({_days(first)}) and [{number}] ({_days(second)}) "  # type: ignore[arg-type]
                    "share days; a day belongs to one of them"
                )
    return phases


def ordered_days(phase: Phase) -> None:
    """Raises ValueError if a phase ends before it begins."""
    if phase.from_day is not None and phase.to_day is not None and phase.to_day < phase.from_day:
        raise ValueError(f"to_day {phase.to_day} lies before from_day {phase.from_day}")


def _overlap(first: Phase, second: Phase) -> bool:
    ends_before = first.to_day is not None and second.from_day is not None and first.to_day < second.from_day
    begins_after = second.to_day is not None and first.from_day is not None and second.to_day < first.from_day
    return not (ends_before or begins_after)


def _days(phase: Phase) -> str:
    first = "the beginning" if phase.from_day is None else f"day {phase.from_day}"
    return f"{first} to {'the end' if phase.to_day is None else f'day {phase.to_day}'}"


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
    from postlaunch.config.launch import SLA_METRICS

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
    from postlaunch.config.launch import DOMAIN_SOURCE

    return next(source for domain, source in DOMAIN_SOURCE.items() if domain == kpi.domain)
