"""The daily review: the stand-up sheet, to be read on a phone before nine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.kpis.catalogue import Domain
from postlaunch.reviews import content, formats, outside, queries
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Heading, Paragraph, Picture, Table
from postlaunch.reviews.content import Basis
from postlaunch.reviews.figures import product
from postlaunch.reviews.rows import Incident, KpiValue, SlaClock

CHART_DAYS = 28  # four weeks: each day of the week four times
_HEADINGS: dict[Domain, str] = {
    "reliability": "Technical",
    "capacity": "Capacity",
    "product": "Business",
    "support": "Support",
    "incidents": "Incidents",
}


def document(basis: Basis) -> Document:
    """Lights, what needs somebody, then the metrics of the stand-up: technical, business, support, incidents."""
    launch = basis.launch
    metrics = basis.metrics()
    held = content.notices(basis)
    incidents, clocks = basis.incidents(), basis.clocks()
    blocks: list[Block] = [*held, content.lights(basis, metrics, incidents)]
    needs = content.attention(basis, metrics, incidents, clocks)
    blocks += [Heading("Needs attention"), Bullets(needs, content.no_attention(basis, metrics))]
    for domain, heading in _HEADINGS.items():
        if basis.has(domain):
            blocks += _section(basis, domain, heading, [metric for metric in metrics if metric.domain == domain], incidents, clocks)
    blocks += _checklists(launch)
    return Document(
        eyebrow="Daily review",
        title=outside.clean(launch.name),
        subtitle=content.subtitle(launch, basis.period),
        headline=content.headline(basis, metrics, incidents),
        tone=content.overall(basis, metrics, held, incidents),
        blocks=blocks,
        footer=content.footer(basis, queries.publication_id(basis.session)),
    )


def _section(
    basis: Basis, domain: Domain, heading: str, metrics: Sequence[KpiValue], incidents: Sequence[Incident], clocks: Sequence[SlaClock]
) -> list[Block]:
    blocks: list[Block] = [Heading(heading)]
    if not basis.sees(domain) or not metrics:
        return [*blocks, Paragraph(f"{formats.upper_first(formats.NO_DATA)} {basis.period.span}.")]
    table: Table = content.kpi_table(metrics, basis.period, week_ago=True)
    blocks.append(table)
    if domain == "incidents":
        blocks.append(Bullets(content.incident_bullets(basis, incidents), f"No incidents {basis.period.span}."))
    if domain == "support":
        blocks += [_due(clocks), *content.ticket_categories(basis)]
    chart = _chart(basis, domain, metrics)
    return [*blocks, chart] if chart else blocks


def _checklists(launch: Launch) -> list[Block]:
    """What the launch file has people do each day, by hour."""
    daily = {when: items for when, items in launch.reviews.checklists.items() if not when.startswith("H+")}
    blocks: list[Block] = [Heading("Checklists of today")] if daily else []
    for when, items in daily.items():
        blocks += [Paragraph(outside.clean(when)), Bullets([Bullet(outside.clean(item)) for item in items], "")]
    return blocks


def _due(clocks: Sequence[SlaClock]) -> Bullets:
    """The clocks that run out next."""
    due = [clock for clock in clocks if not clock.is_breached][:3]
    return Bullets([Bullet(f"Due next: {content.clock_line(clock)}") for clock in due], "No SLA clock was running within its time.")


def _chart(basis: Basis, domain: Domain, metrics: Sequence[KpiValue]) -> Picture | None:
    """One chart for use and one for errors, over four weeks; the rest of the sheet is numbers."""
    session, launch_id, period = basis.session, basis.launch.launch, basis.period
    first = period.end - dt.timedelta(days=CHART_DAYS - 1)
    grave = basis.grave_days(Dates(first, period.end))
    if domain == "product":
        rows = queries.active_users(session, launch_id, Dates(first, period.end))
        return Picture(product.active_users(rows, period, grave)) if rows and rows[-1].metric_date == period.end else None
    drawn = content.charted(basis, [metric for metric in metrics if metric.domain == domain], first, grave)
    return drawn[0] if drawn else None
