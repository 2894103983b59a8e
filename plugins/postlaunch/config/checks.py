"""What the KPIs of a launch file have to agree with: the catalogue, and what the file lets be measured.

Faults are raised while a launch file is read; warnings are about what may be meant, and `launches check` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from postlaunch.config.alert_rules import alert_faults
from postlaunch.config.declared import kpis_of, parts
from postlaunch.config.later import references, unused
from postlaunch.config.launch import DOMAIN_SOURCE, WAVE, Funnel, Launch, LaunchKpi, Priority, Severity, Target
from postlaunch.config.measures import FunnelMeasure, Measure
from postlaunch.config.plan import plan_faults
from postlaunch.kpis.catalogue import Kpi, catalogue


def kpi_faults(launch: Launch) -> Iterator[str]:
    """KPIs that are not there or cannot be measured, targets on the wrong side or out of reach: `key path: what is wrong`."""
    known = kpis_of(launch)
    yield from references(launch, set(known))
    yield from alert_faults(launch)
    yield from _class_faults(launch)
    yield from _segment_faults(launch)
    yield from plan_faults(launch.plan, known)
    yield from _lent_faults(launch)
    if launch.population is not None and launch.population.account is not None and launch.mixpanel is None:
        yield "population.account: the file has no section `mixpanel`, so there are no events of accounts"
    if launch.deployments is not None and launch.pagerduty is None:
        yield "deployments: the file has no section `pagerduty`, whose change events tell of them"
    for number, entry in enumerate(launch.kpis):
        kpi = known.get(entry.kpi)
        if kpi is None:
            yield f"kpis[{number}].kpi: no such KPI; found {entry.kpi!r}; allowed: {', '.join(known)}; or give it a measure"
            continue
        if entry.measure is not None:
            yield from (f"kpis[{number}]{fault}" for fault in _measure_faults(launch, entry, entry.measure))
        yield from (f"kpis[{number}].of: {fault}" for fault in _subject_faults(launch, kpi, entry.of))
        if not has_what_it_measures(launch, kpi) and DOMAIN_SOURCE[kpi.domain] in launch.sources:
            yield f"kpis[{number}].kpi: {entry.kpi} is measured by something that the file does not have: {_in_words(kpi.requires or '')}"
        for place, target in enumerate(entry.targets):
            path = f"kpis[{number}].targets[{place}]"
            yield from (f"{path}: {fault}" for fault in _target_faults(kpi, target))


def _segment_faults(launch: Launch) -> Iterator[str]:
    pulled = launch.mixpanel.profile_properties if launch.mixpanel else ()
    for number, segment in enumerate(launch.segments):
        if launch.mixpanel is None:
            yield f"segments[{number}]: the file has no section `mixpanel`, so there are no users"
            continue
        for condition in segment.where:
            if condition.property not in pulled:
                yield (
                    f"segments[{number}].where: profiles are pulled without {condition.property}: add it to mixpanel.profile_properties; "
                    f"it has: {', '.join(pulled) or 'none'}"
                )


def _lent_faults(launch: Launch) -> Iterator[str]:
    """What one section says of records that another one gives."""
    health = launch.population.health if launch.population else None
    if launch.pagerduty is not None and launch.pagerduty.impact and launch.mixpanel is None:
        yield "pagerduty.impact: the file has no section `mixpanel`, so there are no events to be lost"
    if launch.zendesk is not None and launch.deployments is None:
        for number, target in enumerate(launch.zendesk.sla):
            if target.resolution_by is not None:
                yield f"zendesk.sla[{number}].resolution_by: no section `deployments` tells of releases: add `deployments: {{}}`"
    if health is not None and launch.zendesk is None:
        for colour, rule in health.colours:
            for condition in ("tickets", "tag"):
                if rule is not None and getattr(rule, condition) is not None:
                    yield f"population.health.{colour}.{condition}: the file has no section `zendesk`, whose organizations are asked"


def _class_faults(launch: Launch) -> Iterator[str]:
    for number, level in enumerate(launch.prometheus.service_levels if launch.prometheus else ()):
        path = f"prometheus.service_levels[{number}].classes"
        if level.classes and level.latency_buckets is None:
            yield f"{path}: response times are classed by latency_buckets, which the service does not have"
        if len(set(level.classes.values())) < len(level.classes):
            yield f"{path}: two classes begin at the same second"


def _wave_faults(launch: Launch, kpi: Kpi, wave: str) -> Iterator[str]:
    """Quantiles of a wave are not measured yet; what is of accounts is of no users."""
    known = [segment.id for segment in launch.segments]
    if wave not in known:
        yield f"no such wave; found {wave!r}; segments has: {', '.join(known) or 'none'}"
    if kpi.domain != "product" or kpi.period_rule == "of_kpis":
        yield f"{kpi.id} is not measured by wave"
    elif kpi.period_rule == "quantile":
        yield f"{kpi.id} is not measured by wave yet"
    elif any(outcome.measure_id == kpi.id and outcome.by == "account" for outcome in parts(launch).outcomes):
        yield f"{kpi.id} is measured by account, and a wave is of users"


def _measure_faults(launch: Launch, entry: LaunchKpi, measure: Measure) -> Iterator[str]:
    """What the measure of a KPI of its own asks for and the file does not have."""
    if entry.kpi in catalogue():
        yield f".kpi: {entry.kpi} is a KPI of the catalogue and measured already: leave out `measure`, or give it a name of its own"
    if measure.prometheus is not None and launch.prometheus is None:
        yield ".measure.prometheus: the file has no section `prometheus` that says which server is asked"
    of_events = (measure.events, measure.features, measure.survey, measure.outcome, measure.funnel)
    if any(part is not None for part in of_events) and launch.mixpanel is None:
        yield ".measure: the file has no section `mixpanel`, so there are no events"
    if measure.facts is not None and entry.domain not in launch.domains:
        yield f".domain: the launch has no {entry.domain} to be published with; allowed: {', '.join(launch.domains)}"
    if measure.outcome is not None and measure.outcome.by == "account" and (launch.population is None or launch.population.account is None):
        yield ".measure.outcome.by: population.account has to say which property names the account"
    if measure.funnel is not None and launch.mixpanel is not None:
        yield from _funnel_faults(launch.mixpanel.funnels, measure.funnel)
    for name in measure.ratio or ():
        yield from (f".measure.ratio: {fault}" for fault in _part_faults(launch, name))


def _part_faults(launch: Launch, name: str) -> Iterator[str]:
    kpi = kpis_of(launch).get(name)
    if kpi is None:
        yield f"no such KPI; found {name!r}"
    elif kpi.period_rule == "of_kpis":
        yield f"{name} is a ratio of KPIs itself"
    elif kpi.subject is not None and not kpi.subject.has_whole:
        yield f"{name} has no whole"


def _funnel_faults(funnels: Sequence[Funnel], measure: FunnelMeasure) -> Iterator[str]:
    steps = {funnel.id: len(funnel.steps) for funnel in funnels}
    if measure.id not in steps:
        yield f".measure.funnel: no such funnel; found {measure.id!r}; mixpanel.funnels has: {', '.join(steps) or 'none'}"
    elif measure.step is not None and measure.step >= steps[measure.id]:
        yield f".measure.funnel.step: {measure.step} is the last of {steps[measure.id]} steps, nobody can drop off after it"


def _subject_faults(launch: Launch, kpi: Kpi, of: Mapping[str, str]) -> Iterator[str]:
    kind = kpi.subject.kind if kpi.subject else None
    if WAVE in of:
        yield from _wave_faults(launch, kpi, of[WAVE])
    for given in of:
        if given not in (kind, WAVE):
            yield f"{kpi.id} is not measured by {given}; allowed: {kind or 'nothing, it is of the whole'}"
    allowed = _subjects(launch, kpi)
    if kpi.subject is not None and not kpi.subject.has_whole and kind not in of and allowed:
        yield f"{kpi.id} has no whole: say of which {kind}, for example {{{kind}: {allowed[0]}}}"
    if kind is not None and kind in of and allowed and of[kind] not in allowed:
        yield f"no such {kind} of {kpi.id}; found {of[kind]!r}; allowed: {', '.join(allowed)}"


def _subjects(launch: Launch, kpi: Kpi) -> list[str]:
    """What a KPI can be of in this launch; none where the section that would tell is not there."""
    match kpi.subject.kind if kpi.subject else None:
        case "day":
            return list(kpi.shown)
        case "priority":
            return list(get_args(Priority))
        case "severity":
            return list(get_args(Severity))
        case "service":
            return [level.id for level in launch.prometheus.service_levels] if launch.prometheus else []
        case "category":
            return (
                [*(category.id for category in launch.zendesk.categories), "none"] if launch.zendesk and launch.zendesk.categories else []
            )
        case "resource":
            return [resource.id for resource in launch.prometheus.resources] if launch.prometheus else []
        case _:
            return []


def _target_faults(kpi: Kpi, target: Target) -> Iterator[str]:
    found, sides = target.key, ("at_least", "above") if kpi.better == "higher" else ("at_most", "below")
    if found == "change":
        if (target.bound > 0) != (kpi.better == "higher"):
            yield f"change: of {kpi.id} {kpi.better} is better: a change of {target.bound:+g} asks for less good"
    elif found not in sides:
        yield f"{found}: of {kpi.id} {kpi.better} is better: write {' or '.join(sides)}"
    if target.key == "change":
        return
    if kpi.unit == "ratio" and kpi.period_rule != "of_kpis" and not 0 <= target.bound <= 1:
        yield f"{found}: {kpi.id} is a ratio from 0 to 1; found {target.bound:g}; write {target.bound / 100:g} for {target.bound:g} %"
    elif target.bound < 0 and kpi.unit not in ("score", "usd"):
        yield f"{found}: {kpi.id} is never negative; found {target.bound:g}"


def kpi_warnings(launch: Launch) -> Iterator[str]:
    """What is said and has no effect: sections that nothing uses yet, and targets of a source that this launch does not have.

    Such targets count as not met in every verdict.
    """
    yield from (f"{path}: not yet: it is read and checked, and nothing uses it so far" for path in unused(launch))
    for number, entry in enumerate(launch.kpis):
        source = DOMAIN_SOURCE[kpis_of(launch)[entry.kpi].domain]
        if source not in launch.sources and entry.measure is None:
            yield f"kpis[{number}].kpi: {entry.kpi} is measured by {source}, and the file has no such section: its targets stay unmeasured"


def has_what_it_measures(launch: Launch, kpi: Kpi) -> bool:
    """Whether the file has the KPI's source, and the key that it `requires`: `zendesk.sla.first_reply_minutes`, in any entry of a list."""
    if DOMAIN_SOURCE[kpi.domain] not in launch.sources:
        return False
    return not kpi.requires or bool(_values(launch, kpi.requires))


def _values(launch: Launch, path: str) -> list[object]:
    """What stands at a path of the file, in all entries of its lists; `[id]` chooses the entry with that id."""
    found: list[object] = [launch]
    for name, chosen in re.findall(r"([a-z_]+)(?:\[([a-z0-9_-]+)\])?", path):
        values = [getattr(item, name) for item in found]
        entries = [entry for value in values if value is not None for entry in (value if isinstance(value, tuple) else (value,))]
        found = [entry for entry in entries if not chosen or getattr(entry, "id", None) == chosen]
    return found


def _in_words(path: str) -> str:
    """`mixpanel.funnels: an entry with the id activation`; `prometheus.service_levels: latency_buckets of an entry`."""
    if named := re.fullmatch(r"(.+)\[(.+)\]", path):
        return f"{named[1]}: an entry with the id {named[2]}"
    section, _, key = path.rpartition(".")
    return f"{section}: {key} of an entry" if "." in section else path
