"""The verdict at day 7, 30, 60 or 90: gates, actual against target, and a recommendation for a person to sign."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import cast

from postlaunch.config.launch import DOMAIN_SOURCE, Launch, Target
from postlaunch.config.verdict import Peak, VerdictRules
from postlaunch.dates import Dates
from postlaunch.kpis.catalogue import catalogue
from postlaunch.reviews import content, formats, gates, mirage, outside, queries, watch
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Heading, Paragraph, Picture, Row, Table, Tone
from postlaunch.reviews.content import Basis
from postlaunch.reviews.figures import verdict as figures
from postlaunch.reviews.gates import Gate, GateOutcome, Verdict
from postlaunch.reviews.intervals import wilson
from postlaunch.reviews.mirage import Staying
from postlaunch.reviews.rows import JudgedTarget, KpiValue

KpiKey = tuple[str, str, str]  # KPI, subject, segment
FOR_EVER = dt.date(9999, 12, 31)
_TONES: dict[str, Tone] = {"scale": "good", "pivot": "warn", "roll back": "bad", "insufficient data": "none"}
_OUTCOMES: dict[str, tuple[Tone, str]] = {
    "met": ("good", "met"),
    "missed": ("bad", "missed"),
    "at_risk": ("warn", "at risk"),
    "undecided": ("warn", "not decided"),
    "insufficient_data": ("warn", "insufficient data"),
    "no_data": ("warn", "not measured"),
    "nothing": ("none", "nothing to measure"),
}


def document(basis: Basis) -> Document:
    """Recommendation and reason, use beside guardrails, every gate with its interval, and lines to sign."""
    period, launch = basis.period, basis.launch
    day = launch.launch_day(period.end) + 1
    metrics = basis.metrics()
    judged = judge(basis, metrics)
    unreliable = [domain for domain, status in basis.statuses.items() if status.state != "fresh"]
    is_peak_missing = bool(launch.verdict.peaks) and not any(_is_seen(basis, peak) for peak in launch.verdict.peaks)
    staying = _staying(basis, day)
    is_mirage = staying is not None and staying.is_mirage(launch.reviews.minimum_sample)
    cycle = launch.reviews.business_cycle_days
    found = gates.recommend(judged, day, cycle, unreliable, is_peak_missing=is_peak_missing, is_mirage=is_mirage)
    blocks: list[Block] = [
        *content.notices(basis),
        Bullets(
            [
                *_balance(judged),
                *_later_users(staying, launch.reviews.minimum_sample),
                *_beyond(metrics, judged),
                *_provisional(found, day, launch.verdict, is_peak_missing=is_peak_missing),
            ],
            "No gate could be judged.",
        ),
    ]
    blocks.append(Heading("Gates: actual against target"))
    blocks.append(_table(judged, launch) if judged else Paragraph("The launch file sets no target for this phase."))
    if chart := figures.intervals(judged):
        blocks.append(Picture(chart))
    if launch.verdict.attest:
        blocks += [Heading("For a person to attest"), *(Paragraph(f"{outside.clean(fact)}: {'_' * 24}") for fact in launch.verdict.attest)]
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
    """Every target that holds on the last judged day; one of a KPI that no mart knows (its source is missing) is not measured.

    `metrics` is the scorecard of the verdict's period: it calls a trigger by the resource that is full first.
    """
    last, launch = basis.period.end, basis.launch
    labels = {(row.kpi_id, row.subject_id, row.segment_id): row.label for row in metrics}
    judged = [
        _gate(basis, row, labels.get((row.kpi_id, row.subject_id, row.segment_id), row.name))
        for row in queries.judged_targets(basis.session, launch.launch, last, basis.segment_names)
    ]
    known = {(gate.kpi_id, gate.subject_id, gate.segment_id) for gate in judged}
    promised = {key: targets for key, targets in _promised(basis).items() if key not in known}
    if not promised:
        return judged
    keys = (basis.session, launch.launch, (), basis.period.grain, basis.period.start, basis.period.previous_start)
    rows = queries.metrics(*keys, basis.segment_names, promised=list(promised))
    return judged + [_unmeasured(basis, row, *target) for row in rows for target in promised[row.kpi_id, row.subject_id, row.segment_id]]


def _promised(basis: Basis) -> dict[KpiKey, list[tuple[Target, str]]]:
    """What the launch file promises for the last judged day, and where it was promised, by (KPI, subject, segment)."""
    day = basis.launch.launch_day(basis.period.end)
    found: dict[KpiKey, list[tuple[Target, str]]] = {}
    for kpi in basis.launch.kpis:
        for target in kpi.targets:
            if target.first_day <= day and (target.to_day is None or day <= target.to_day):
                found.setdefault((kpi.kpi, kpi.subject, kpi.segment), []).append((target, outside.clean(kpi.words_of(target))))
    return found


def _unmeasured(basis: Basis, row: KpiValue, target: Target, promise: str) -> Gate:
    days = (target.first_day, basis.launch.launch_day(basis.period.end))
    bound = None if target.key == "change" else target.bound  # a change from what nobody measured
    return Gate(
        *(row.kpi_id, row.subject_id, row.segment_id, row.label, row.domain, row.unit, None, None, None),
        *(bound, target.comparator, *days, "no_data"),
        days_unseen=days[1] - days[0] + 1,
        is_stability=row.is_stability,
        period_kind=target.per or "phase",
        due_day=target.to_day,
        promise=promise,
    )


def _gate(basis: Basis, row: JudgedTarget, label: str) -> Gate:
    days = (basis.launch.launch_day(row.phase_start), basis.launch.launch_day(basis.period.end))
    is_sampled = row.needs_sample and row.unit == "ratio" and row.numerator is not None and row.denominator  # a mean score is no proportion
    cycle = basis.launch.verdict.running_cycle(row.kpi_id, basis.launch.date, basis.period.end)
    is_open = cycle is not None and row.status in ("met", "missed", "at_risk")
    low, high = wilson(row.numerator or 0, row.denominator or 1) if is_sampled else (None, None)
    return Gate(
        *(row.kpi_id, row.subject_id, row.segment_id, label, row.domain, row.unit, row.value, row.numerator, row.denominator),
        *(row.target, row.comparator, *days, cast("GateOutcome", "undecided" if is_open else row.status), low, high, row.days_unseen),
        is_stability=row.is_stability,
        denominator_unit=row.denominator_unit,
        period_kind=row.period_kind,
        periods=row.periods,
        periods_met=row.periods_met,
        due_day=None if row.phase_end == FOR_EVER else basis.launch.launch_day(row.phase_end),
        promise=row.promise,
        waits_for=f"{cycle.name}, up to {formats.date(cycle.last_day(basis.launch.date), year=True)}" if cycle else "",
    )


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


def _staying(basis: Basis, day: int) -> Staying | None:
    """Early users beside later ones, of a verdict that comes late enough to know both; None without a product."""
    if day <= gates.PROVISIONAL_DAYS or not basis.sees("product"):
        return None
    dates = Dates(basis.launch.date, basis.period.end)
    return queries.staying(basis.session, basis.launch.launch, dates, dates.first + dt.timedelta(days=gates.PROVISIONAL_DAYS))


def _later_users(staying: Staying | None, minimum_sample: int) -> list[Bullet]:
    if staying is None:
        return []
    tone: Tone = "bad" if staying.is_mirage(minimum_sample) else "none" if staying.is_known(minimum_sample) else "warn"
    return [Bullet(mirage.sentence(staying, minimum_sample), tone)]


def _beyond(metrics: Sequence[KpiValue], judged: Sequence[Gate]) -> list[Bullet]:
    """What no gate asks for and scaling needs: room to grow."""
    asked = {gate.kpi_id for gate in judged}
    near = [metric for metric in metrics if watch.is_near(metric) and metric.kpi_id not in asked]
    return [Bullet(f"Not a gate. {watch.trigger(metric)}.", "warn") for metric in near]


def _provisional(found: Verdict, day: int, rules: VerdictRules, *, is_peak_missing: bool) -> list[Bullet]:
    if not found.is_provisional or found.recommendation == "insufficient data":
        return []
    bullets = []
    if day <= gates.PROVISIONAL_DAYS:
        later = next((each for each in rules.days if each > gates.PROVISIONAL_DAYS), None)
        again = f" Judge again at day {later}." if later else ""
        bullets.append(Bullet(f"Provisional: at day {day} nobody knows yet whether early use holds (the 30-day mirage).{again}", "warn"))
    if is_peak_missing:
        peaks = formats.listed([f"{peak.name}, {formats.date_range(Dates(peak.first, peak.last))}" for peak in rules.peaks])
        bullets.append(Bullet(f"Provisional: no peak was seen ({peaks}), so nobody knows yet whether it holds up under stress.", "warn"))
    return bullets


def _is_seen(basis: Basis, peak: Peak) -> bool:
    """Whether the launch went through the peak, and every domain that it fills saw each date of it."""
    dates = Dates(peak.first, peak.last)
    if peak.first < basis.launch.date or peak.last > basis.period.end:
        return False
    seen = queries.seen_dates(basis.session, basis.launch.launch, dates)
    return all(set(dates.each) <= seen.get(domain, set()) for domain in basis.launch.domains)


def _table(judged: Sequence[Gate], launch: Launch) -> Table:
    rows = []
    for gate in judged:
        tone, word = _OUTCOMES[gate.outcome]
        rows.append(
            Row(
                gate.name,
                [
                    formats.beside(gate.actual, gate.target, gate.unit) if gate.outcome != "nothing" else formats.DASH,
                    interval(gate),
                    f"{gate.from_day}{formats.DASH}{gate.to_day}",
                ],
                tone,
                f"{word}, {' · '.join(_notes(gate, launch))}",
            )
        )
    return Table(["Gate", "Actual", f"95{formats.NBSP}% interval", "Days"], rows)


def _notes(gate: Gate, launch: Launch) -> Iterator[str]:
    """What stands behind an outcome, in parts: the target, what was not seen, how much was, what it is true of, where it was promised."""
    target = "target not known yet" if gate.target is None else f"target {formats.target(gate.target, gate.comparator, gate.unit)}"
    each = "" if gate.period_kind == "phase" else f" each {gate.period_kind}"
    yield f"{target}{each}"
    if gate.periods:
        yield f"{gate.periods_met} of {formats.plural(gate.periods, gate.period_kind)} met it, the worst is shown"
    source = DOMAIN_SOURCE[gate.domain]  # type: ignore[index]
    if source not in launch.sources:
        yield f"the launch file has no section {source}"
    elif gate.days_unseen:
        yield f"{gate.days_unseen} of {formats.plural(gate.to_day - gate.from_day + 1, 'day')} not seen"
    if gate.denominator and gate.unit != "count":
        is_time = gate.denominator_unit == "seconds"
        yield f"{formats.duration(gate.denominator)} observed" if is_time else f"n{formats.NBSP}{formats.count(gate.denominator)}"
    if gate.period_kind == "phase" and gate.due_day is not None and gate.due_day > gate.to_day:
        yield f"promised up to day {gate.due_day}"
    if not gate.is_clear and gate.outcome in ("met", "missed"):
        yield "the interval includes the target"
    if gate.waits_for:
        yield f"one business cycle has to pass first ({gate.waits_for})"
    if gate.promise:
        yield gate.promise


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
