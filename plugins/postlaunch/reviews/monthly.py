"""The monthly business review: metrics against target, adoption, funnel, retention, support, incidents, technical health, capacity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from postlaunch.dates import Dates
from postlaunch.reviews import bounds, content, formats, histogram, outside, queries, sentences
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Group, Heading, Paragraph, Picture, Row, Table, Tone
from postlaunch.reviews.content import Basis
from postlaunch.reviews.figures import capacity, operations, product, support
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import Incident, KpiValue, LatencyBucket, Response, ServiceSums

GROWTH_DAYS = 92  # how far back the growth chart looks
COHORTS = 13  # weekly ones: a quarter
MONTH_DAYS = 30  # of a launch


def document(basis: Basis) -> Document:
    """All sections that the launch has a source for."""
    period, launch = basis.period, basis.launch
    metrics = basis.metrics()
    held = content.notices(basis)
    incidents, clocks = basis.incidents(), basis.clocks()
    needs = content.attention(basis, metrics, incidents, clocks)
    blocks: list[Block] = [*held, content.lights(basis, metrics, incidents), Heading("Needs attention")]
    blocks += [Bullets(needs, content.no_attention(basis, metrics)), Heading("Metrics against target")]
    blocks.append(content.kpi_table(metrics, period) if metrics else Paragraph(f"There is {formats.NO_DATA} {period.span}."))
    if basis.has("product"):
        blocks += _product(basis)
    if basis.has("support"):
        blocks += _support(basis, metrics)
    if basis.has("incidents"):
        blocks += _incidents(basis, incidents)
    if basis.has("reliability"):
        blocks += _reliability(basis, metrics)
    if basis.has("capacity"):
        blocks += _capacity(basis)
    blocks += _plan(basis)
    blocks += [Heading("Decisions to take"), _decisions(basis, metrics)]
    return Document(
        eyebrow="Monthly business review",
        title=outside.clean(launch.name),
        subtitle=content.subtitle(launch, period),
        headline=content.headline(basis, metrics, incidents),
        tone=content.overall(basis, metrics, held, incidents),
        blocks=blocks,
        footer=content.footer(basis, queries.publication_id(basis.session)),
    )


def _product(basis: Basis) -> list[Block]:
    session, launch_id, period = basis.session, basis.launch.launch, basis.periods["product"]
    rows = queries.active_users(session, launch_id, Dates(period.end - dt.timedelta(days=GROWTH_DAYS - 1), period.end))
    if not rows or not basis.sees("product"):
        return [Heading("Adoption and growth"), Paragraph(f"There is {formats.NO_DATA} on use {period.span}.")]
    grave = basis.grave_days(Dates(rows[0].metric_date, period.end))
    blocks: list[Block] = [Heading("Adoption and growth"), Picture(product.active_users(rows, period, grave))]
    steps = queries.funnel_steps(session, launch_id, period.dates)
    if steps:
        blocks.append(Heading("Funnel"))
        funnels = [[step for step in steps if step.funnel_id == funnel_id] for funnel_id in dict.fromkeys(step.funnel_id for step in steps)]
        blocks += [Picture(product.funnel(funnel, period)) for funnel in funnels]
    cells = queries.weekly_cohorts(session, launch_id, period.end, COHORTS)
    if any(cell.is_complete and cell.period_number for cell in cells):
        blocks += [Heading("Retention"), Picture(product.cohorts(cells, basis.launch.reviews.minimum_sample))]
    return blocks


def _support(basis: Basis, metrics: Sequence[KpiValue]) -> list[Block]:
    session, launch_id, period = basis.session, basis.launch.launch, basis.periods["support"]
    rows = queries.tickets(session, launch_id, Dates(period.previous_start, period.end))
    if not rows or not basis.sees("support"):
        return [Heading("Support"), Paragraph(f"There is {formats.NO_DATA} on tickets {period.span}.")]
    counts = queries.sla_counts(session, launch_id, period.dates)
    grave = basis.grave_days(period.dates)
    blocks: list[Block] = [Heading("Support"), Picture(support.tickets(rows, period, grave))]
    if any(row.attained_count + row.breached_count for row in counts):
        promised = {
            metric.clock: metric.target for metric in metrics if metric.clock and metric.target is not None and not metric.subject_id
        }
        blocks.append(Picture(support.sla(counts, period, basis.launch.reviews.minimum_sample, promised)))
    return [*blocks, *content.ticket_categories(basis)]


def _incidents(basis: Basis, rows: Sequence[Incident]) -> list[Block]:
    period = basis.periods["incidents"]
    if not basis.sees("incidents"):
        return [Heading("Incidents"), Paragraph(f"There is {formats.NO_DATA} on incidents {period.span}.")]
    if not rows:
        title, sentence = sentences.incidents(rows, period)
        return [Heading("Incidents"), Paragraph(f"{title}. {sentence}")]
    grave = [row for row in rows if row.severity in content.GRAVE or row.is_open]
    blocks: list[Block] = [Heading("Incidents"), Picture(operations.incidents(rows, period))]
    times = queries.responses(basis.session, basis.launch.launch, period.grain, period.start)
    if times:
        blocks.append(responses(times, period))
    if grave:
        blocks.append(Bullets(content.incident_bullets(basis, grave, "bad")))
    return blocks


def responses(times: Sequence[Response], period: Period) -> Table:
    """Mean times to acknowledge and to resolve, by severity, with what was promised for it."""
    rows: list[Row | Group] = []
    for time in times:
        if time.act == "acknowledge":
            severity = "Without severity" if time.severity == "none" else time.severity
            rows.append(Group(f"{severity}, {formats.plural(time.triggered_count, 'incident')}"))
        mean = formats.value(time.mean_seconds, "seconds") if time.done_count else formats.DASH
        cells = [mean, formats.target(time.target_seconds, "<=", "seconds"), formats.count(time.done_count)]
        tone, word = _kept(time, period)
        waiting = time.triggered_count - time.done_count
        aside = f"{waiting} not {time.act}d, not in the mean" if waiting else ""
        rows.append(Row(formats.upper_first(time.act), cells, tone, " · ".join(part for part in (word, aside) if part)))
    return Table(["Mean time to", period.short, "Target", "n"], rows)


def _kept(time: Response, period: Period) -> tuple[Tone, str]:
    """The promise is about each incident: one late one breaks it, and days that were not seen may bring one."""
    match time.status:
        case "missed":
            return "bad", f"missed, {time.late_count} of {time.judged_count} late"
        case "met" if period.is_part:
            return "none", f"kept on the {len(period.seen or ())} of {period.days_count} days that were seen"
        case "met":
            return "good", "met"
        case "no_data":
            return "none", "not decided yet"
        case _:
            return "none", "no target"


def _reliability(basis: Basis, metrics: Sequence[KpiValue]) -> list[Block]:
    session, launch_id, period = basis.session, basis.launch.launch, basis.periods["reliability"]
    services = queries.service_levels(session, launch_id, period.dates)
    if not services or not basis.sees("reliability"):
        return [Heading("Technical health"), Paragraph(f"There is {formats.NO_DATA} on service levels {period.span}.")]
    whole = [metric for metric in metrics if metric.denominator_unit == "seconds" and not metric.subject_id]
    budget = next((metric.target for metric in whole if bounds.asks_for_more(metric.comparator)), None)
    buckets = queries.latency_buckets(session, launch_id, period.dates)
    uptimes = " ".join(sentences.error_budget(service, budget) for service in services)
    blocks: list[Block] = [Heading("Technical health"), Paragraph(uptimes)]
    if len(services) > 1:
        blocks.append(_services(services, buckets))
    grave = basis.grave_days(period.dates)
    blocks += content.charted(basis, metrics, period.start, grave)
    if buckets:
        ranks = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        times = [f"{name} {formats.value(histogram.quantile(buckets, rank), 'seconds')}" for name, rank in ranks.items()]
        blocks.append(Paragraph(f"Response times of all requests {period.span}: {formats.listed(times)}."))
    return blocks


def _services(services: Sequence[ServiceSums], buckets: Sequence[LatencyBucket]) -> Table:
    rows = []
    for service in services:
        p95 = histogram.quantile([bucket for bucket in buckets if bucket.service_id == service.service_id], 0.95)
        up = service.up_seconds / service.observed_seconds if service.observed_seconds else None
        note = f"n {formats.plural(service.request_count, 'request')}"
        rows.append(
            Row(
                service.service_name,
                [formats.value(up, "ratio"), formats.value(service.error_ratio, "ratio"), formats.value(p95, "seconds")],
                note=note,
            )
        )
    return Table(["Service", "Uptime", "Errors", "p95"], rows)


def _capacity(basis: Basis) -> list[Block]:
    session, launch_id, period = basis.session, basis.launch.launch, basis.period
    forecasts = capacity.rank(queries.forecasts(session, launch_id, period.dates))
    if not forecasts:
        return [Heading("Capacity"), Paragraph(f"There is {formats.NO_DATA} on capacity {period.span}.")]
    days = queries.capacity_days(session, launch_id, Dates(period.end - dt.timedelta(days=27), period.end))
    rows = [
        Row(
            row.resource_name,
            [formats.value(row.level_value, row.unit), formats.value(row.trigger_value, row.unit), sentences.days_range(row)],
            note=f"{'growing' if row.is_growing else 'no certain growth'} · {sentences.backtest(row)}",
        )
        for row in forecasts
    ]
    return [
        Heading("Capacity"),
        Picture(capacity.capacity(days, forecasts)),
        Table([f"Resource, {formats.short_date(forecasts[0].metric_date)}", "Level", "Trigger", "Reached in"], rows),
    ]


def _plan(basis: Basis) -> list[Block]:
    """Plan against actual of the months that ended, and what the next one asks for; what a running month came to changes by the day."""
    period = basis.period
    rows: list[Row | Group] = []
    month = 0
    for row in queries.planned(basis.session, basis.launch.launch, period.dates):
        is_over = row.period_end <= period.end
        if row.month_number != month:
            month = row.month_number
            rows.append(Group(f"Month {month} of the launch, {'to' if is_over else 'ahead, to'} {formats.date(row.period_end, year=True)}"))
        cells, note = [formats.DASH, formats.value(row.planned_value, row.unit), formats.DASH], ""
        if is_over:
            cells[0] = formats.value(row.value, row.unit)
            if row.value is not None and row.planned_value > 0:
                cells[2] = formats.value(row.value / row.planned_value, "ratio")
            if not row.is_complete:
                note = f"{row.days_seen} of {MONTH_DAYS} days seen"
        rows.append(Row(f"{row.name} a day" if row.is_per_day else row.name, cells, note=note))
    return [Heading("Plan against actual"), Table(["KPI", "Actual", "Plan", "Of plan"], rows)] if rows else []


def _decisions(basis: Basis, metrics: Sequence[KpiValue]) -> Bullets:
    """Inputs to the roadmap: each missed target as what to bring it to."""
    if metrics and not basis.unseen and not any(metric.target is not None for metric in metrics):
        return Bullets([], "No target is set for this phase: give the launch file some, so that a review can judge.")
    goals = [
        Bullet(". ".join(filter(None, (content.focus(metric), content.agreed(basis.launch, metric)))), "bad")
        for metric in sentences.ranked_misses(metrics)
    ]
    judged = [metric for metric in metrics if metric.is_judged]
    nothing = "no target was missed." if judged else "no target is decided."
    return Bullets(goals, content.nothing_found(basis, nothing))
