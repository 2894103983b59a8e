"""The daily review: the stand-up sheet, to be read on a phone before nine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from postlaunch.config.launch import Domain
from postlaunch.reviews import content, formats, queries, sentences
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Heading, Picture, Table
from postlaunch.reviews.content import Source
from postlaunch.reviews.figures import operations, product
from postlaunch.reviews.rows import Metric

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
    period, launch = source.period, source.launch
    metrics = source.metrics()
    held = content.notices(source)
    incidents = queries.incidents(source.session, launch.launch, period.start, period.end) if source.has("incidents") else []
    clocks = queries.running_clocks(source.session, launch.launch, period.end) if source.has("support") else []
    blocks: list[Block] = [*held, content.lights(source, metrics)]
    needs = content.attention(source, metrics, incidents, clocks)
    blocks += [Heading("Needs attention"), Bullets(needs, "Nothing: no target missed, nothing got clearly worse, no open incident.")]
    for domain, heading in _HEADINGS.items():
        if source.has(domain):
            blocks += _section(source, domain, heading, [metric for metric in metrics if metric.domain == domain])
    return Document(
        eyebrow="Daily review",
        title=launch.name,
        subtitle=content.subtitle(launch, period),
        headline=content.headline(source, metrics),
        tone=content.overall(source, metrics, held),
        blocks=blocks,
        footer=content.footer(source, queries.publication_id(source.session)),
    )


def _section(source: Source, domain: Domain, heading: str, metrics: Sequence[Metric]) -> list[Block]:
    blocks: list[Block] = [Heading(heading)]
    if not metrics:
        return [*blocks, Bullets([], formats.upper_first(formats.NO_DATA))]
    table: Table = content.kpi_table(metrics, source.period, week_ago=True)
    blocks.append(table)
    if domain == "incidents":
        blocks.append(_incidents(source))
    if domain == "support":
        blocks.append(_due(source))
    chart = _chart(source, domain, metrics)
    return [*blocks, chart] if chart else blocks


def _incidents(source: Source) -> Bullets:
    rows = queries.incidents(source.session, source.launch.launch, source.period.start, source.period.end)
    lines = [Bullet(content.incident_line(row, source.launch), "bad" if row.severity in ("P0", "P1") else "none") for row in rows]
    return Bullets(lines, f"No incidents {sentences.span(source.period)}.")


def _due(source: Source) -> Bullets:
    """The clocks that run out next."""
    clocks = queries.running_clocks(source.session, source.launch.launch, source.period.end)
    due = [clock for clock in clocks if not clock.is_breached][:3]
    return Bullets([Bullet(f"Due next: {content.clock_line(clock)}") for clock in due], "No SLA clock is running within its time.")


def _chart(source: Source, domain: Domain, metrics: Sequence[Metric]) -> Picture | None:
    """One chart for use and one for errors, over four weeks; the rest of the sheet is numbers."""
    session, launch_id, period = source.session, source.launch.launch, source.period
    first = period.end - dt.timedelta(days=CHART_DAYS - 1)
    grave = source.grave_days(first, period.end)
    if domain == "product":
        rows = queries.active_users(session, launch_id, first, period.end)
        return Picture(product.active_users(rows, period, grave)) if rows and rows[-1].metric_date == period.end else None
    error_rate = next((metric for metric in metrics if metric.kpi_id == "error_rate"), None)
    if domain == "reliability" and error_rate is not None:
        values = queries.daily_values(session, launch_id, ["error_rate"], first, period.end)
        return Picture(operations.threshold("error-rate", error_rate, values, period, grave)) if values else None
    return None
