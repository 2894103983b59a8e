"""What every review shares: what is held or late, traffic lights, the table of KPIs, needs attention, the footer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.reviews import bounds, formats, outside, queries, sentences, watch
from postlaunch.reviews.blocks import Block, Bullet, Group, Light, Lights, Notice, Paragraph, Picture, Row, Table, Tone
from postlaunch.reviews.figures import operations
from postlaunch.reviews.notices import domain_notices, launch_notices, unseen_notices, warning_notices
from postlaunch.reviews.period import Period
from postlaunch.reviews.queries import Reader
from postlaunch.reviews.rows import Forecast, Incident, KpiValue, SlaClock
from postlaunch.warehouse.status import DomainStatus

DOMAIN_NAMES = {
    "product": "Product",
    "support": "Support",
    "incidents": "Incidents",
    "reliability": "Reliability",
    "capacity": "Capacity",
}
_STATUS: dict[str, tuple[Tone, str]] = {
    "met": ("good", "met"),
    "missed": ("bad", "missed"),
    "at_risk": ("warn", "at risk"),
    "undecided": ("none", "not decided yet"),
    "insufficient_data": ("warn", "too few to judge"),
    "no_data": ("none", formats.NO_DATA),
    "no_target": ("none", ""),
}
GRAVE = ("P0", "P1")
INCIDENTS_SHOWN = 8  # a storm of incidents is counted, not listed
CLOCKS_SHOWN = 4  # of those that run out soon


@dataclass(frozen=True)
class Basis:
    """What a review is made from: the launch, the period, the reporter's session, and the state of each domain."""

    launch: Launch
    period: Period
    session: Reader
    statuses: Mapping[str, DomainStatus]

    @cached_property
    def periods(self) -> dict[str, Period]:
        """The period as each domain of the launch saw it."""
        seen = queries.seen_dates(self.session, self.launch.launch, self.period.dates)
        return {domain: self.period.seen_on(seen.get(domain, ())) for domain in self.launch.domains}

    def metrics(self) -> list[KpiValue]:
        """The scorecard of the period, of the domains that were seen in it."""
        period = self.period
        domains = [domain for domain in self.launch.domains if self.sees(domain)]
        keys = (self.session, self.launch.launch, domains, period.grain, period.start, period.previous_start)
        return self.with_resource(queries.metrics(*keys, self.segment_names))

    @property
    def segment_names(self) -> dict[str, str]:
        """What the launch file calls its segments, by id."""
        return {segment.id: segment.name for segment in self.launch.segments}

    def with_resource(self, rows: list[KpiValue]) -> list[KpiValue]:
        """The same rows; days to a trigger name the resource that reaches it first, of those that were seen on the newest date."""
        period = self.period
        if not any(row.is_countdown for row in rows):
            return rows
        forecasts = queries.forecasts(self.session, self.launch.launch, period.dates)
        newest = max((row.metric_date for row in forecasts), default=None)
        now = [row for row in forecasts if row.metric_date == newest and row.days_to_trigger is not None]
        subject = min(now, key=_soonness).resource_name if now else ""
        return [replace(row, subject=subject) if row.is_countdown and not row.subject_id and row.value is not None else row for row in rows]

    def watched(self, metrics: Sequence[KpiValue]) -> list[KpiValue]:
        """What needs eyes although it missed no target."""
        return watch.watched(metrics, self.period, self.launch.reviews.minimum_sample)

    def has(self, domain: str) -> bool:
        """Whether the launch can fill this domain at all."""
        return domain in self.launch.domains

    def sees(self, domain: str) -> bool:
        """Whether any date of the period was seen of this domain: only then may a sentence speak for it."""
        return bool(self.periods[domain].seen) if domain in self.periods else False

    @property
    def unseen(self) -> list[str]:
        """Domains of the launch of which nothing was seen."""
        return [domain for domain in self.launch.domains if not self.sees(domain)]

    def incidents(self) -> list[Incident]:
        """Incidents of the period, by time; none where none were asked for."""
        if not self.sees("incidents"):
            return []
        return queries.incidents(self.session, self.launch.launch, self.period.dates)

    def clocks(self) -> list[SlaClock]:
        """SLA clocks as they stood at the end of the period's last seen day."""
        seen = self.periods["support"].seen if self.sees("support") else None
        return queries.running_clocks(self.session, self.launch.launch, seen[-1]) if seen else []

    def grave_days(self, dates: Dates) -> list[tuple[dt.date, str]]:
        """Days with a P0 or P1 incident and the gravest severity of each, by date."""
        if not self.has("incidents"):
            return []
        days: dict[dt.date, str] = {}
        for incident in queries.incidents(self.session, self.launch.launch, dates):
            if incident.severity in GRAVE:
                days[incident.metric_date] = min(incident.severity, days.get(incident.metric_date, "P9"))
        return sorted(days.items())


def _soonness(row: Forecast) -> float:
    return row.days_to_trigger if row.days_to_trigger is not None else 1e9


def subtitle(launch: Launch, period: Period) -> str:
    """`March 2026 · launch days 48 to 78`."""
    first, last = launch.launch_day(period.start), launch.launch_day(period.end)
    days = f"launch day {first}" if first == last else f"launch days {first} to {last}"
    return f"{period.title} · {days.replace('-', formats.MINUS)}"


def notices(basis: Basis) -> list[Notice]:
    """Held and late domains, wrong launch files, what was not seen, and what the sources warned of."""
    return [
        *domain_notices(basis.launch, basis.period, list(basis.statuses.values())),
        *launch_notices(basis.launch, queries.launch_faults(basis.session)),
        *unseen_notices(basis.session, basis.launch, basis.period),
        *warning_notices(basis.session, basis.launch, basis.period),
    ]


def lights(basis: Basis, metrics: Sequence[KpiValue], incidents: Sequence[Incident]) -> Lights:
    """A line a domain. Green: every judged target met. Amber: fewer than half missed, or something to watch. Red: half or more."""
    eyes = basis.watched(metrics)
    lines = []
    for domain in basis.launch.domains:
        status = basis.statuses.get(domain)
        if not basis.sees(domain):
            state = status.state if status is not None and status.state != "fresh" else "not seen"
            lines.append(Light(DOMAIN_NAMES[domain], "held" if state != "not seen" else "none", f"{state}: no data {basis.period.span}"))
            continue
        rows = [metric for metric in metrics if metric.domain == domain]
        seen = [metric for metric in eyes if metric.domain == domain]
        lines.append(light(domain, rows, status, seen, incidents if domain == "incidents" else ()))
    return Lights(lines)


def light(
    domain: str, metrics: Sequence[KpiValue], status: DomainStatus | None, eyes: Sequence[KpiValue] = (), incidents: Sequence[Incident] = ()
) -> Light:
    """The traffic light of one domain; a held or late domain is that first. `eyes`: what is to be watched.

    A day with a P0 or P1 is never green, whatever is left of a quota; while one is open it is red.
    """
    name = DOMAIN_NAMES[domain]
    if status is not None and status.state != "fresh":
        return Light(name, "held", status.state)
    grave = [incident for incident in incidents if incident.severity in GRAVE]
    events = [grave_words(grave)] if grave else []
    met = sum(metric.status == "met" for metric in metrics)
    missed = [formats.name_in_sentence(metric.label) for metric in sentences.ranked_misses(metrics)]
    worst: Tone = "bad" if any(incident.is_open or incident.severity == "P0" for incident in grave) else "warn"
    if missed:
        judged = formats.plural(met + len(missed), "target")
        words = [*events, f"{len(missed)} of {judged} missed: {formats.listed(missed, 3)}"]
        return Light(name, "bad" if len(missed) >= met else worst, "; ".join(words))
    kept = [] if not met else ["target met"] if met == 1 else [f"all {met} targets met"]
    if any(metric.target is not None and not metric.is_judged and not metric.is_quota for metric in metrics) and met:
        kept = [f"{formats.plural(met, 'target')} met"]
    if eyes:
        kept.append(f"watch {formats.listed([formats.name_in_sentence(metric.label) for metric in eyes], 3)}")
    if events or eyes:
        return Light(name, worst if events else "warn", "; ".join([*events, *kept]))
    if kept:
        return Light(name, "good", kept[0])
    if all(metric.value is None for metric in metrics):
        return Light(name, "none", formats.NO_DATA)
    if any(metric.is_quota for metric in metrics) and all(metric.is_quota for metric in metrics if metric.target is not None):
        return Light(name, "none", formats.listed([quota_words(metric) for metric in metrics if metric.is_quota], 3))
    if any(metric.status == "undecided" for metric in metrics):
        return Light(name, "none", "not decided yet")
    has_targets = any(metric.target is not None for metric in metrics)
    return Light(name, "none", "targets could not be judged" if has_targets else "no target in this phase")


def quota_words(metric: KpiValue) -> str:
    """`P1 incidents 1 of at most 9 in this phase`."""
    return f"{metric.label} {sentences.quota(metric)}"


def grave_words(grave: Sequence[Incident]) -> str:
    """`1 P0 and 2 P1 incidents, 1 still open`."""
    counts = [(severity, sum(incident.severity == severity for incident in grave)) for severity in GRAVE]
    named = formats.listed([f"{count} {severity}" for severity, count in counts if count])
    still_open = sum(incident.is_open for incident in grave)
    return f"{named} incident{'' if len(grave) == 1 else 's'}" + (f", {still_open} still open" if still_open else "")


def headline(basis: Basis, metrics: Sequence[KpiValue], incidents: Sequence[Incident] = ()) -> str:
    """What was not seen comes first; then targets met and missed, and what to watch: usage up is not a success while tickets spike."""
    if not any(basis.sees(domain) for domain in basis.launch.domains):
        return f"Nothing was seen {basis.period.span}: no data of {formats.listed(list(basis.launch.domains), 9)}."
    parts = []
    if basis.unseen:
        parts.append(f"Not seen {basis.period.span}: {formats.listed(basis.unseen, 9)}.")
    if part := part_seen(basis):
        parts.append(part)
    grave = [incident for incident in incidents if incident.severity in GRAVE]
    if grave:
        parts.append(f"{formats.upper_first(grave_words(grave))}.")
    parts.append(sentences.headline(metrics))
    names = [formats.name_in_sentence(metric.label) for metric in basis.watched(metrics)]
    if names:
        parts.append(f"Watch: {formats.listed(names)}.")
    return " ".join(parts)


def part_seen(basis: Basis) -> str:
    """`Week 13 so far: 2 of 7 days.`, as far as the domain that was seen longest; empty when the whole period was."""
    counts = [len(period.seen or ()) for period in basis.periods.values()]
    most, whole = max(counts, default=0), basis.period.days_count
    if most >= whole or not most:
        return ""
    name = basis.period.title.partition(",")[0]
    return f"{name}, {most} of {whole} days seen: compared with the same days of {basis.period.previous_name}."


def nothing_found(basis: Basis, text: str) -> str:
    """What a list says when it is empty: `text`, never for more than what was seen."""
    if not any(basis.sees(domain) for domain in basis.launch.domains):
        return f"Nothing can be said: no data {basis.period.span}."
    seen = formats.listed([domain for domain in basis.launch.domains if basis.sees(domain)], 9)
    limits = f"in what was seen of {seen}: " if basis.unseen else ""
    return f"{formats.upper_first(limits)}{text}" if limits else formats.upper_first(text)


def no_attention(basis: Basis, metrics: Sequence[KpiValue]) -> str:
    """The empty list of what needs attention, in words that the data supports."""
    parts = []
    if any(metric.is_judged for metric in metrics):
        parts.append("no target is missed")
    elif any(metric.target is not None for metric in metrics):
        parts.append("no target is decided yet")
    else:
        parts.append("no target is set")
    if not part_seen(basis):
        parts.append("nothing got clearly worse")
    if basis.sees("incidents"):
        parts.append("no incident is open")
    return nothing_found(basis, f"{formats.listed(parts)}{' so far' if part_seen(basis) and len(parts) > 1 else ''}.")


def overall(basis: Basis, metrics: Sequence[KpiValue], found: Sequence[Notice], incidents: Sequence[Incident] = ()) -> Tone:
    """The tone of the headline: the worst there is to say."""
    missed = sum(metric.status == "missed" for metric in metrics)
    met = sum(metric.status == "met" for metric in metrics)
    grave = [incident for incident in incidents if incident.severity in GRAVE]
    if (missed and missed >= met) or any(incident.is_open or incident.severity == "P0" for incident in grave):
        return "bad"
    if missed or grave:
        return "warn"
    if found or basis.unseen:
        return "held"
    return "warn" if basis.watched(metrics) else "good" if met else "none"


def kpi_table(metrics: Sequence[KpiValue], period: Period, *, week_ago: bool = False) -> Table:
    """KPIs with this period, the one before (and the same day last week); status, target and n below each name."""
    head = ["KPI", period.short, period.previous_short]
    if week_ago:
        head.append(formats.short_date(period.start - dt.timedelta(days=7)))
    else:
        head.append("Change")
    rows: list[Row | Group] = []
    domains = list(dict.fromkeys(metric.domain for metric in metrics))
    ordered = sorted(metrics, key=lambda metric: domains.index(metric.domain))
    for number, metric in enumerate(ordered):
        if len(domains) > 1 and (number == 0 or ordered[number - 1].domain != metric.domain):
            rows.append(Group(DOMAIN_NAMES[metric.domain]))
        cells = [
            formats.beside(metric.value, metric.target, metric.unit) if metric.value is not None or not metric.days_seen else formats.DASH
        ]
        cells.append(formats.value(metric.previous, metric.unit) if metric.previous is not None else formats.DASH)
        change = formats.change(metric.value, metric.previous, metric.unit) or formats.DASH
        ago = formats.value(metric.week_ago, metric.unit) if metric.week_ago is not None else formats.DASH
        cells.append(ago if week_ago else change)
        rows.append(Row(metric.label, cells, _STATUS[metric.status][0], _note(metric)))
    return Table(head, rows)


def ticket_categories(basis: Basis) -> list[Block]:
    """What tickets were about, ranked; nothing where the launch file has no categories."""
    launch = basis.launch
    if launch.zendesk is None or not launch.zendesk.categories or not basis.sees("support"):
        return []
    period = basis.periods["support"]
    rows = queries.ticket_categories(basis.session, launch.launch, period)
    blocks: list[Block] = [Paragraph(sentences.categories(rows, period))]
    if period.kind == "daily" or not rows or not rows[0].all_opened_count:
        return blocks
    lines = [
        Row(
            outside.clean(row.name),
            [
                formats.DASH if row.opened_count is None else formats.count(row.opened_count),
                formats.DASH if row.previous_count is None else formats.count(row.previous_count),
                formats.value((row.opened_count or 0) / row.all_opened_count, "ratio") if row.all_opened_count else formats.DASH,
            ],
        )
        for row in rows
    ]
    return [*blocks, Table(["Tickets about", period.short, period.previous_short, "Share"], lines)]


def charted(basis: Basis, metrics: Sequence[KpiValue], first: dt.date, grave: Sequence[tuple[dt.date, str]]) -> list[Picture]:
    """The days from `first` of each KPI that this review draws, against its target."""
    chosen = [metric for metric in metrics if basis.period.kind in metric.charted and metric.value is not None]
    values = [queries.daily_values(basis.session, basis.launch.launch, metric, Dates(first, basis.period.end)) for metric in chosen]
    return [
        Picture(operations.threshold(_file_name(metric), metric, rows, basis.periods[metric.domain], grave))
        for metric, rows in zip(chosen, values, strict=True)
        if rows
    ]


def _file_name(metric: KpiValue) -> str:
    return "-".join(part for part in (metric.kpi_id.replace("_", "-"), metric.subject_id.lower(), metric.segment_id) if part)


def _note(metric: KpiValue) -> str:
    """`missed, target ≤ 0.1 % · n 1,204`, as far as there is something to say."""
    if metric.is_quota:
        word = f"{_STATUS[metric.status][1]}, " if metric.status in ("missed", "at_risk") else ""
        parts = [f"{word}{sentences.quota(metric)}"]
    else:
        promised = f"target {formats.target(metric.target, metric.comparator, metric.unit)}" if metric.target is not None else ""
        word = _STATUS[metric.status][1] if promised or metric.status != "no_data" else ""
        if metric.value is None and metric.days_seen:
            word = "nothing to measure"  # the days were seen: no incident, so no time to resolve
        parts = [", ".join(part for part in (word, promised) if part)]
        if metric.is_judged and metric.is_near_target:
            parts.append("the 95 % interval includes the target")
    parts.append(sentences.sample(metric).strip(" ()"))
    if metric.value is not None and metric.days_seen < metric.days_expected:
        parts.append(f"{metric.days_seen} of {metric.days_expected} days")
    return " · ".join(part for part in parts if part)


def attention(basis: Basis, metrics: Sequence[KpiValue], incidents: Sequence[Incident], clocks: Sequence[SlaClock]) -> list[Bullet]:
    """What needs somebody: missed targets, the worst first, incidents, what got worse, breached clocks that still run."""
    misses = sentences.ranked_misses(metrics)
    bullets = [Bullet(f"{metric.label}: {sentences.gap(metric)}{sentences.sample(metric)}", "bad") for metric in misses]
    still_open = [incident for incident in incidents if incident.is_open]
    bullets += incident_bullets(basis, still_open, "bad", "Still open: ")
    bullets += incident_bullets(basis, [row for row in incidents if row.severity in GRAVE and not row.is_open], "warn")
    bullets += [Bullet(watch.line(metric, basis.period), "warn") for metric in basis.watched(metrics)]
    breached = [clock for clock in clocks if clock.is_breached]
    if breached:
        shown = formats.listed([clock_line(clock) for clock in breached], CLOCKS_SHOWN)
        verb = "was" if len(breached) == 1 else "were"
        day = formats.date((basis.periods["support"].seen or (basis.period.end,))[-1])
        text = f"{formats.plural(len(breached), 'SLA clock')} {verb} over time and not finished at the end of {day}: {shown}"
        bullets.append(Bullet(text, "warn"))
    return bullets


def incident_bullets(basis: Basis, incidents: Sequence[Incident], tone: Tone | None = None, lead: str = "") -> list[Bullet]:
    """A line an incident, the gravest first when there are too many for one list; the rest is counted. `tone` None: by severity."""
    ranked = sorted(incidents, key=lambda row: (row.severity, row.triggered_at)) if len(incidents) > INCIDENTS_SHOWN else list(incidents)
    lines = [
        Bullet(f"{lead}{incident_line(row, basis.launch)}", tone or ("bad" if row.severity in GRAVE else "none"))
        for row in ranked[:INCIDENTS_SHOWN]
    ]
    rest = ranked[INCIDENTS_SHOWN:]
    if rest:
        counts = [f"{sum(row.severity == severity for row in rest)} {severity}" for severity in sorted({row.severity for row in rest})]
        lines.append(Bullet(f"{lead}and {len(rest)} more: {formats.listed(counts, 5)}", tone or "none"))
    return lines


def focus(metric: KpiValue) -> str:
    """A missed target as what to do: `Bring error rate from 0.14 % to 0.1 % or less`."""
    name = formats.name_in_sentence(metric.label)
    if metric.is_quota:
        lead = f"Raise {name}" if bounds.asks_for_more(metric.comparator) else f"Stop more {name}"
        return f"{lead}: {sentences.quota(metric)}"
    if metric.target == 0:
        return f"Bring {name} from {formats.value(metric.value, metric.unit)} to none"
    now, goal = formats.beside(metric.value, metric.target, metric.unit), formats.value(metric.target, metric.unit)
    return f"Bring {name} from {now} to {bounds.GOALS[metric.comparator or '<='].format(goal)}"


def agreed(launch: Launch, metric: KpiValue) -> str:
    """What the launch file says is to be done when the KPI is missed: `Agreed for this case: more training; a shorter form.`"""
    key = (metric.kpi_id, metric.subject_id, metric.segment_id)
    actions = [action for kpi in launch.kpis if (kpi.kpi, kpi.subject, kpi.segment) == key for action in kpi.if_missed]
    return f"Agreed for this case: {outside.clean('; '.join(actions))}." if actions else ""


def incident_line(incident: Incident, launch: Launch) -> str:
    """`P1 #12 API errors (EMR API), 12 March 14:08, acknowledged after 4 min, resolved after 1.3 h`."""
    started = incident.triggered_at.astimezone(launch.zone)
    number = f"#{incident.incident_number}" if incident.incident_number else ""
    name = " ".join(part for part in (incident.severity, number, incident.title) if part)
    where = f" ({incident.service_name})" if incident.service_name else ""
    acknowledged = "never acknowledged"
    if incident.acknowledge_seconds is not None:
        acknowledged = f"acknowledged after {formats.duration(incident.acknowledge_seconds)}"
    elif incident.is_open:
        acknowledged = "not acknowledged yet"
    resolved = "open" if incident.resolve_seconds is None else f"resolved after {formats.duration(incident.resolve_seconds)}"
    return f"{name}{where}, {formats.date(started.date())} {started:%H:%M}, {acknowledged}, {resolved}"


def clock_line(clock: SlaClock) -> str:
    """`ticket 1042 (urgent, first reply, 2 working days over)`."""
    left = formats.support_time(abs(clock.due_seconds_left), clock.support_day_seconds)
    state = f"{left} {'over' if clock.due_seconds_left < 0 else 'left'}"
    return f"ticket {clock.ticket_id} ({clock.priority}, {sentences.sla_name(clock.metric)}, {state})"


def footer(basis: Basis, publication_id: int | None) -> list[str]:
    """Where the numbers come from and how to read them."""
    launch = basis.launch
    published = f"publication {publication_id}" if publication_id else "no publication yet"
    return [
        f"Numbers: published marts ({published}). Dates are those of {launch.timezone}; "
        f"day 0 is {formats.date(launch.date, year=True)}. n is what a ratio or mean was taken over; no data is never counted as 0.",
        f"Owner of this launch: {launch.owner.name}.",
    ]
