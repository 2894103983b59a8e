"""What every review shares: what is held or late, traffic lights, the table of KPIs, needs attention, the footer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postlaunch.config.launch import Launch
from postlaunch.reviews import formats, queries, sentences, watch
from postlaunch.reviews.blocks import Bullet, Group, Light, Lights, Notice, Row, Table, Tone
from postlaunch.reviews.period import Period
from postlaunch.reviews.queries import Session
from postlaunch.reviews.rows import Incident, Metric, SlaClock
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
    "insufficient_data": ("warn", "too few to judge"),
    "no_data": ("none", formats.NO_DATA),
    "no_target": ("none", ""),
}


@dataclass(frozen=True)
class Source:
    """What a review is made from: the launch, the period, the reporter's session, and the state of each domain."""

    launch: Launch
    period: Period
    session: Session
    statuses: Mapping[str, DomainStatus]

    def metrics(self) -> list[Metric]:
        """The scorecard of the period."""
        period = self.period
        return queries.metrics(self.session, self.launch.launch, self.launch.domains, period.grain, period.start, period.previous_start)

    def watched(self, metrics: Sequence[Metric]) -> list[Metric]:
        """What needs eyes although it missed no target."""
        return watch.watched(metrics, self.period, self.launch.reviews.minimum_sample)

    def has(self, domain: str) -> bool:
        """Whether the launch can fill this domain at all."""
        return domain in self.launch.domains

    def grave_days(self, first: dt.date, last: dt.date) -> list[tuple[dt.date, str]]:
        """Days with a P0 or P1 incident and the gravest severity of each, by date."""
        if not self.has("incidents"):
            return []
        days: dict[dt.date, str] = {}
        for incident in queries.incidents(self.session, self.launch.launch, first, last):
            if incident.severity in ("P0", "P1"):
                days[incident.metric_date] = min(incident.severity, days.get(incident.metric_date, "P9"))
        return sorted(days.items())


def subtitle(launch: Launch, period: Period) -> str:
    """`March 2026 · launch days 48 to 78`."""
    first, last = launch.launch_day(period.start), launch.launch_day(period.end)
    days = f"launch day {first}" if first == last else f"launch days {first} to {last}"
    return f"{period.title} · {days.replace('-', formats.MINUS)}"


def notices(source: Source) -> list[Notice]:
    """One notice for each domain that is held or late: since when, why, and how far its numbers reach."""
    return [_notice(source, status) for status in source.statuses.values() if source.has(status.domain) and status.state != "fresh"]


def _notice(source: Source, status: DomainStatus) -> Notice:
    since = f" since {_moment(status.since, source.launch)}" if status.since else ""
    reach = "nothing has been published for it"
    if status.covered_through:
        reach = f"its numbers reach to {formats.date(status.covered_through, year=True)}"
    held = "They are the last ones that passed the gate" if status.state == "held" else "The rest has not arrived"
    why = f"{formats.upper_first((status.reason or 'no reason was recorded').rstrip('.'))}. "
    closing = f"{held}; {reach}." if status.covered_through else f"{formats.upper_first(reach)}."
    return Notice("held", f"{DOMAIN_NAMES[status.domain]} is {status.state}{since}", why + closing)


def _moment(since: dt.datetime | dt.date, launch: Launch) -> str:
    if isinstance(since, dt.datetime):
        local = since.astimezone(launch.zone)
        return f"{formats.date(local.date(), year=True)}, {local:%H:%M} ({launch.timezone})"
    return formats.date(since, year=True)


def lights(source: Source, metrics: Sequence[Metric]) -> Lights:
    """A line a domain. Green: every judged target met. Amber: fewer than half missed, or something to watch. Red: half or more."""
    eyes = source.watched(metrics)
    lines = []
    for domain in source.launch.domains:
        rows = [metric for metric in metrics if metric.domain == domain]
        lines.append(light(domain, rows, source.statuses.get(domain), [metric for metric in eyes if metric.domain == domain]))
    return Lights(lines)


def light(domain: str, metrics: Sequence[Metric], status: DomainStatus | None, eyes: Sequence[Metric] = ()) -> Light:
    """The traffic light of one domain; a held or late domain is that first. `eyes`: what is to be watched."""
    name = DOMAIN_NAMES[domain]
    if status is not None and status.state != "fresh":
        return Light(name, "held", status.state)
    met = sum(metric.status == "met" for metric in metrics)
    missed = [formats.name_in_sentence(metric.name) for metric in metrics if metric.status == "missed"]
    if missed:
        judged = formats.plural(met + len(missed), "target")
        return Light(name, "bad" if len(missed) >= met else "warn", f"{len(missed)} of {judged} missed: {formats.listed(missed, 3)}")
    kept = "" if not met else "target met" if met == 1 else f"all {met} targets met"
    if eyes:
        watching = f"watch {formats.listed([formats.name_in_sentence(metric.name) for metric in eyes], 3)}"
        return Light(name, "warn", f"{kept}; {watching}" if kept else watching)
    if kept:
        return Light(name, "good", kept)
    if all(metric.value is None for metric in metrics):
        return Light(name, "none", formats.NO_DATA)
    has_targets = any(metric.target is not None for metric in metrics)
    return Light(name, "none", "targets could not be judged" if has_targets else "no target in this phase")


def headline(source: Source, metrics: Sequence[Metric]) -> str:
    """Targets met and missed, and what to watch beside them: usage up is no success while tickets spike."""
    names = [formats.name_in_sentence(metric.name) for metric in source.watched(metrics)]
    return f"{sentences.headline(metrics)} Watch: {formats.listed(names)}." if names else sentences.headline(metrics)


def overall(source: Source, metrics: Sequence[Metric], found: Sequence[Notice]) -> Tone:
    """The tone of the headline: the worst there is to say."""
    missed = sum(metric.status == "missed" for metric in metrics)
    met = sum(metric.status == "met" for metric in metrics)
    if missed:
        return "bad" if missed >= met else "warn"
    if found:
        return "held"
    return "warn" if source.watched(metrics) else "good" if met else "none"


def kpi_table(metrics: Sequence[Metric], period: Period, *, week_ago: bool = False) -> Table:
    """KPIs with this period, the one before (and the same day last week); status, target and n below each name."""
    head = ["KPI", period.short, period.previous_short]
    if week_ago:
        head.append(formats.short_date(period.start - dt.timedelta(days=7)))
    else:
        head.append("Change")
    rows: list[Row | Group] = []
    domains = dict.fromkeys(metric.domain for metric in metrics)
    for number, metric in enumerate(metrics):
        if len(domains) > 1 and (number == 0 or metrics[number - 1].domain != metric.domain):
            rows.append(Group(DOMAIN_NAMES[metric.domain]))
        cells = [formats.value(metric.value, metric.unit), formats.value(metric.previous, metric.unit)]
        change = formats.change(metric.value, metric.previous, metric.unit) or formats.DASH
        cells.append(formats.value(metric.week_ago, metric.unit) if week_ago else change)
        rows.append(Row(metric.name, cells, _STATUS[metric.status][0], _note(metric)))
    return Table(head, rows)


def _note(metric: Metric) -> str:
    """`missed, target ≤ 0.1 % · n 1,204`, as far as there is something to say."""
    promised = f"target {formats.target(metric.target, metric.comparator, metric.unit)}" if metric.target is not None else ""
    word = _STATUS[metric.status][1] if promised or metric.status != "no_data" else ""
    parts = [", ".join(part for part in (word, promised) if part), sentences.sample(metric).strip(" ()")]
    if metric.value is not None and not metric.is_complete:
        parts.append("so far")
    return " · ".join(part for part in parts if part)


def attention(source: Source, metrics: Sequence[Metric], incidents: Sequence[Incident], clocks: Sequence[SlaClock]) -> list[Bullet]:
    """What needs somebody: missed targets, the worst first, incidents, what got worse, breached clocks that still run."""
    bullets = [Bullet(f"{metric.name}: {sentences.gap(metric)}{sentences.sample(metric)}", "bad") for metric in ranked_misses(metrics)]
    bullets += [Bullet(f"Still open: {incident_line(incident, source.launch)}", "bad") for incident in incidents if incident.is_open]
    grave = [incident for incident in incidents if incident.severity in ("P0", "P1") and not incident.is_open]
    bullets += [Bullet(incident_line(incident, source.launch), "warn") for incident in grave]
    bullets += [Bullet(watch.line(metric, source.period), "warn") for metric in source.watched(metrics)]
    breached = [clock for clock in clocks if clock.is_breached]
    if breached:
        shown = formats.listed([clock_line(clock) for clock in breached], 4)
        verb = "is" if len(breached) == 1 else "are"
        bullets.append(Bullet(f"{formats.plural(len(breached), 'SLA clock')} {verb} over time and still running: {shown}", "warn"))
    return bullets


def ranked_misses(metrics: Sequence[Metric]) -> list[Metric]:
    """Missed targets, the furthest off first."""
    return sorted((metric for metric in metrics if metric.status == "missed"), key=_distance, reverse=True)


def focus(metric: Metric) -> str:
    """A missed target as what to do: `Bring error rate from 0.14 % to 0.1 % or less`."""
    bound = "or more" if metric.comparator == ">=" else "or less"
    if metric.target == 0:
        return f"Bring {formats.name_in_sentence(metric.name)} from {formats.value(metric.value, metric.unit)} to none"
    now, goal = formats.value(metric.value, metric.unit), formats.value(metric.target, metric.unit)
    return f"Bring {formats.name_in_sentence(metric.name)} from {now} to {goal} {bound}"


def _distance(metric: Metric) -> float:
    """How far off a target is, in multiples of what it allows: 0.2 % errors against 0.1 % is 1, 99.8 % uptime against 99.9 % too."""
    value, target = metric.value or 0.0, metric.target or 0.0
    if metric.comparator == ">=" and metric.unit == "ratio":
        value, target = 1 - value, 1 - target
    return abs(value - target) / max(abs(target), 1e-9)


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
    """`ticket 1042 (urgent, first reply, 3.2 h over)`."""
    left = clock.due_seconds_left
    state = f"{formats.duration(-left)} over" if left < 0 else f"{formats.duration(left)} left"
    return f"ticket {clock.ticket_id} ({clock.priority}, {sentences.SLA_NAMES.get(clock.metric, clock.metric)}, {state})"


def footer(source: Source, publication_id: int | None) -> list[str]:
    """Where the numbers come from and how to read them."""
    launch = source.launch
    published = f"publication {publication_id}" if publication_id else "no publication yet"
    return [
        f"Numbers: published marts ({published}). Dates are those of {launch.timezone}; "
        f"day 0 is {formats.date(launch.date, year=True)}. n is what a ratio or mean was taken over; no data is never counted as 0.",
        f"Owner of this launch: {launch.owner.name}.",
    ]
