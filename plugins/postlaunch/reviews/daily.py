"""The daily review: the stand-up sheet, to be read on a phone before nine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from postlaunch.config.launch import Domain
from postlaunch.reviews import content, formats, outside, queries
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Heading, Paragraph, Picture, Table
from postlaunch.reviews.content import Source
from postlaunch.reviews.figures import operations, product
from postlaunch.reviews.rows import Incident, Metric, SlaClock

CHART_DAYS = 28
_HEADINGS: dict[Domain, str] = {
    "reliability": "Technical",
    "capacity": "Capacity",
    "product": "Business",
    "support": "Support",
    "incidents": "Incidents",
}


def document(source: Source) -> Document:
    """Lights, what needs somebody, then the metrics of the stand-up: technical, business, support, incidents."""
    launch = source.launch
    metrics = source.metrics()
    held = content.notices(source)
    incidents, clocks = source.incidents(), source.clocks()
    blocks: list[Block] = [*held, content.lights(source, metrics, incidents)]
    needs = content.attention(source, metrics, incidents, clocks)
    blocks += [Heading("Needs attention"), Bullets(needs, content.no_attention(source, metrics))]
    for domain, heading in _HEADINGS.items():
        if source.has(domain):
            blocks += _section(source, domain, heading, [metric for metric in metrics if metric.domain == domain], incidents, clocks)
    return Document(
        eyebrow="Daily review",
        title=outside.clean(launch.name),
        subtitle=content.subtitle(launch, source.period),
        headline=content.headline(source, metrics, incidents),
        tone=content.overall(source, metrics, held, incidents),
        blocks=blocks,
        footer=content.footer(source, queries.publication_id(source.session)),
    )


def _section(
    source: Source, domain: Domain, heading: str, metrics: Sequence[Metric], incidents: Sequence[Incident], clocks: Sequence[SlaClock]
) -> list[Block]:
    blocks: list[Block] = [Heading(heading)]
    if not source.sees(domain) or not metrics:
        return [*blocks, Paragraph(f"{formats.upper_first(formats.NO_DATA)} {source.period.span}.")]
    table: Table = content.kpi_table(metrics, source.period, week_ago=True)
    blocks.append(table)
    if domain == "incidents":
        blocks.append(Bullets(content.incident_bullets(source, incidents), f"No incidents {source.period.span}."))
    if domain == "support":
        blocks.append(_due(clocks))
    chart = _chart(source, domain, metrics)
    return [*blocks, chart] if chart else blocks


def _due(clocks: Sequence[SlaClock]) -> Bullets:
    """The clocks that run out next."""
    due = [clock for clock in clocks if not clock.is_breached][:3]
    return Bullets([Bullet(f"Due next: {content.clock_line(clock)}") for clock in due], "No SLA clock was running within its time.")


def _chart(source: Source, domain: Domain, metrics: Sequence[Metric]) -> Picture | None:
    """One chart for use and one for errors, over four weeks; the rest of the sheet is numbers."""
    session, launch_id, period = source.session, source.launch.launch, source.period
    first = period.end - dt.timedelta(days=CHART_DAYS - 1)
    grave = source.grave_days(first, period.end)
    if domain == "product":
        rows = queries.active_users(session, launch_id, first, period.end)
        return Picture(product.active_users(rows, period, grave)) if rows and rows[-1].metric_date == period.end else None
    error_rate = next((metric for metric in metrics if metric.kpi_id == "error_rate"), None)
    if domain == "reliability" and error_rate is not None and error_rate.value is not None:
        values = queries.daily_values(session, launch_id, ["error_rate"], first, period.end)
        return Picture(operations.threshold("error-rate", error_rate, values, period, grave)) if values else None
    return None
