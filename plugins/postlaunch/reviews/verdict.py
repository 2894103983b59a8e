"""The verdict at day 7, 30, 60 or 90: gates, actual against target, and a recommendation for a person to sign."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from postlaunch.config.launch import DOMAIN_SOURCE, Launch, Target
from postlaunch.dates import Dates
from postlaunch.kpis.catalogue import catalogue
from postlaunch.reviews import content, formats, gates, histogram, outside, queries, watch
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Heading, Paragraph, Picture, Row, Table, Tone
from postlaunch.reviews.content import Basis
from postlaunch.reviews.figures import verdict as figures
from postlaunch.reviews.gates import Gate, Verdict
from postlaunch.reviews.intervals import wilson
from postlaunch.reviews.rows import DailyValue, KpiValue

_TONES: dict[str, Tone] = {"scale": "good", "pivot": "warn", "roll back": "bad", "insufficient data": "none"}
_OUTCOMES: dict[str, tuple[Tone, str]] = {
    "met": ("good", "met"),
    "missed": ("bad", "missed"),
    "undecided": ("warn", "not decided"),
    "insufficient_data": ("warn", "insufficient data"),
    "no_data": ("warn", "not measured"),
    "nothing": ("none", "nothing to measure"),
}


def document(basis: Basis) -> Document:
    """Recommendation and reason, use beside guardrails, every gate with its interval, and lines to sign."""
    period, launch = basis.period, basis.launch
    day = launch.launch_day(period.end) + 1
    metrics = promised_metrics(basis)
    judged = judge(basis, metrics)
    unreliable = [domain for domain, status in basis.statuses.items() if status.state != "fresh"]
    found = gates.recommend(judged, day, launch.reviews.business_cycle_days, unreliable)
    blocks: list[Block] = [
        *content.notices(basis),
        Bullets([*_balance(judged), *_beyond(metrics), *_provisional(found, day)], "No gate could be judged."),
    ]
    blocks.append(Heading("Gates: actual against target"))
    blocks.append(_table(judged, launch) if judged else Paragraph("The launch file sets no target for this phase."))
    if chart := figures.intervals(judged):
        blocks.append(Picture(chart))
    blocks += [
        Heading("For a person to sign"),
        *(Paragraph(f"{label}: {'_' * 24}") for label in ("Accepted, or changed to", "Name", "Date")),
    ]
    footer = content.footer(basis, queries.publication_id(basis.session))
    return Document(
        eyebrow=f"Verdict at day {day}",
        title=outside.clean(launch.name),
        subtitle=f"The first {day} days, {formats.date_range(Dates(launch.date, period.end))}",
        headline=f"Recommendation: {found.recommendation}{' (provisional)' if found.is_provisional else ''}, because {found.reason}.",
        tone=_TONES[found.recommendation],
        blocks=blocks,
        footer=[_rule(launch.reviews.business_cycle_days, launch.reviews.minimum_sample), *footer],
    )


def judge(basis: Basis, metrics: Sequence[KpiValue]) -> list[Gate]:
    """A gate for each KPI with a target on the last judged day."""
    return [_gate(basis, metric) for metric in metrics if metric.target is not None and metric.comparator is not None]


def promised_metrics(basis: Basis) -> list[KpiValue]:
    """The scorecard of the last judged day: what was promised for it and not seen is a gate too, also without a source for it."""
    launch, period = basis.launch, basis.period
    day = launch.launch_day(period.end)
    targets = {
        (kpi.kpi, kpi.subject, kpi.segment): target
        for kpi in launch.kpis
        for target in kpi.targets
        if target.per in (None, "phase")
        and target.key != "change"  # what is of a week is judged in its weeks
        and (target.from_day or 0) <= day
        and (target.to_day is None or day <= target.to_day)
    }
    keys = (basis.session, launch.launch, launch.domains, period.grain, period.start, period.previous_start)
    rows = basis.with_resource(queries.metrics(*keys, promised=list(targets)))
    keyed = [((row.kpi_id, row.subject_id, row.segment_id), row) for row in rows]
    return [
        replace(row, target=targets[key].bound, comparator=targets[key].comparator)
        if row.target is None and row.status == "no_data" and key in targets
        else row
        for key, row in keyed
    ]


def _gate(basis: Basis, metric: KpiValue) -> Gate:
    launch, last = basis.launch, basis.period.end
    key = (metric.kpi_id, metric.subject_id, metric.segment_id)
    promises = [kpi.targets for kpi in launch.kpis if (kpi.kpi, kpi.subject, kpi.segment) == key]
    from_day = phase_start([target for targets in promises for target in targets], launch.launch_day(last))
    first = launch.date + dt.timedelta(days=from_day)
    values = queries.daily_values(basis.session, launch.launch, metric, Dates(first, last))
    actual, numerator, denominator = over_phase(metric.period_rule, values, last)
    if metric.period_rule in ("uniques", "of_kpis"):  # those of days do not add up
        actual, numerator, denominator = queries.phase(basis.session, launch.launch, metric, Dates(first, last))
    if metric.quantile is not None:
        actual = histogram.quantile(queries.buckets(basis.session, launch.launch, metric, Dates(first, last)), metric.quantile)
    unseen = _days_unseen(basis, metric, values, first)
    sampled = metric.needs_sample
    target, comparator = metric.target or 0.0, metric.comparator or ">="
    low, high = wilson(numerator or 0, denominator) if sampled and denominator else (None, None)
    minimum = launch.reviews.minimum_sample if sampled else None
    is_quota = metric.period_rule == "sum"
    outcome = gates.outcome(actual, denominator, target, comparator, minimum, is_whole=not unseen, is_quota=is_quota)
    if outcome == "no_data" and metric.domain == "incidents" and not unseen and all(row.denominator == 0 for row in values):
        outcome = "nothing"
    days = (from_day, launch.launch_day(last))
    facts = (metric.kpi_id, metric.label, metric.domain, metric.unit, actual, numerator, denominator)
    return Gate(*facts, target, comparator, *days, outcome, low, high, unseen, metric.is_stability, metric.denominator_unit)


def _days_unseen(basis: Basis, metric: KpiValue, values: Sequence[DailyValue], first: dt.date) -> int:
    """Days of the phase that a gate needs and nobody saw: of a level none, because its last day has a value or the level has none."""
    last = basis.period.end
    if metric.period_rule == "last":
        return 0
    seen = queries.days_seen(basis.session, basis.launch.launch, metric, Dates(first, last))
    if metric.period_rule == "sum":  # a date that is covered, but not counted (a service that PagerDuty does not have), is not zero
        seen = min(seen, sum(row.value is not None for row in values))
    return (last - first).days + 1 - seen


def phase_start(targets: Sequence[Target], day: int) -> int:
    """First launch day of the phase whose target holds on `day`; 0 if the file leaves it open or does not say."""
    for target in targets:
        begins, ends = target.from_day, target.to_day
        if (begins is None or begins <= day) and (ends is None or day <= ends):
            return begins or 0
    return 0


def over_phase(period_rule: str, values: Sequence[DailyValue], last: dt.date) -> tuple[float | None, float | None, float | None]:
    """(actual, numerator, denominator) of a KPI over the days to `last`, by its period rule; none of a quantile, of uniques, of KPIs.

    A level (last) is that of the last day; without one there is no data, however much is known of the days before.
    """
    known = [row for row in values if row.value is not None]
    if period_rule == "ratio":
        numerator, denominator = sum(row.numerator or 0 for row in values), sum(row.denominator or 0 for row in values)
        return (numerator / denominator if denominator else None), numerator, denominator
    if not known or period_rule in (
        "quantile",
        "uniques",
        "of_kpis",
    ):  # merged buckets, users and sums of a phase are not those of its days
        return None, None, None
    found = [row.value for row in known if row.value is not None]
    if period_rule in ("max", "min"):
        return (max if period_rule == "max" else min)(found), None, None
    total = sum(found)
    if period_rule == "last":
        return next((row.value for row in known if row.metric_date == last), None), None, None
    return (total / len(known) if period_rule == "mean" else total), None, None


def _balance(judged: Sequence[Gate]) -> list[Bullet]:
    """Use and guardrails side by side, so that a good number does not hide a bad one."""
    bullets, missed = [], {}
    for name, domains in (("Use", ("product",)), ("Guardrails", ("support", "incidents", "reliability", "capacity"))):
        gates_here = [gate for gate in judged if gate.domain in domains and gate.outcome != "nothing"]
        names = {gate: formats.name_in_sentence(gate.name) for gate in gates_here if gate.outcome != "met"}
        missed[name] = [text for gate, text in names.items() if gate.outcome == "missed"]
        open_ones = [text for gate, text in names.items() if gate.outcome != "missed"]
        if not gates_here:
            continue
        parts = [f"{name}: {len(gates_here) - len(names)} of {formats.plural(len(gates_here), 'gate')} met"]
        parts += [f"missed: {formats.listed(missed[name])}"] * bool(missed[name])
        parts += [f"not judged: {formats.listed(open_ones)}"] * bool(open_ones)
        bullets.append(Bullet(f"{'; '.join(parts)}.", "bad" if missed[name] else "warn" if open_ones else "good"))
    if missed["Guardrails"] and not missed["Use"]:
        bullets.append(Bullet("Use alone is not a success while a guardrail is missed.", "warn"))
    return bullets


def _beyond(metrics: Sequence[KpiValue]) -> list[Bullet]:
    """What no gate asks for and scaling needs: room to grow."""
    near = [metric for metric in metrics if watch.is_near(metric) and metric.target is None]
    return [Bullet(f"Not a gate. {watch.trigger(metric)}.", "warn") for metric in near]


def _provisional(found: Verdict, day: int) -> list[Bullet]:
    if not found.is_provisional or found.recommendation == "insufficient data":
        return []
    text = f"Provisional: at day {day} nobody knows yet whether early use holds (the 30-day mirage). Judge again at day 60."
    return [Bullet(text, "warn")]


def _table(judged: Sequence[Gate], launch: Launch) -> Table:
    rows = []
    for gate in judged:
        tone, word = _OUTCOMES[gate.outcome]
        note = f"{word}, target {formats.target(gate.target, gate.comparator, gate.unit)}"
        source = DOMAIN_SOURCE[gate.domain]  # type: ignore[index]
        if source not in launch.sources:
            note += f" · the launch file has no section {source}"
        elif gate.days_unseen:
            note += f" · {gate.days_unseen} of {formats.plural(gate.to_day - gate.from_day + 1, 'day')} not seen"
        if gate.denominator and gate.unit != "count":
            seen = (
                f"{formats.duration(gate.denominator)} observed"
                if gate.denominator_unit == "seconds"
                else f"n{formats.NBSP}{formats.count(gate.denominator)}"
            )
            note += f" · {seen}"
        if not gate.is_clear and gate.outcome in ("met", "missed"):
            note += " · the interval includes the target"
        rows.append(
            Row(
                gate.name,
                [
                    formats.value(gate.actual, gate.unit) if gate.outcome != "nothing" else formats.DASH,
                    interval(gate),
                    f"{gate.from_day}{formats.DASH}{gate.to_day}",
                ],
                tone,
                note,
            )
        )
    return Table(["Gate", "Actual", f"95{formats.NBSP}% interval", "Days"], rows)


def interval(gate: Gate) -> str:
    """The interval in percent, or a dash."""
    if gate.low is None or gate.high is None:
        return formats.DASH
    return f"{gate.low * 100:.1f}{formats.DASH}{gate.high * 100:.1f}{formats.NBSP}%".replace(".0" + formats.NBSP, formats.NBSP)


def _rule(cycle_days: int, minimum_sample: int) -> str:
    stability = ", ".join(formats.name_in_sentence(name) for kpi in catalogue().values() for name in kpi.stability_names)
    return (
        f"The rule: insufficient data before one business cycle ({cycle_days} days), while the domain of a gate is held or late, "
        f"or if half of the gates cannot be judged (everything needs each day of its phase, proportions also n ≥ {minimum_sample}). "
        f"Roll back if a stability gate ({stability}) and at least half of the judged gates are missed; "
        "pivot if any gate is missed. Scale only if every gate is met: with one that is not judged, the data is insufficient. "
        f"Intervals: Wilson, 95{formats.NBSP}%."
    )
