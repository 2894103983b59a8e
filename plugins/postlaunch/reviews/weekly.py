"""The weekly status report: summary, key metrics with what they were, wins, what needs attention, next week's focus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from postlaunch.dates import Dates
from postlaunch.reviews import content, formats, outside, queries, sentences, watch
from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Heading, Paragraph, Picture
from postlaunch.reviews.content import Basis
from postlaunch.reviews.figures import product, support
from postlaunch.reviews.rows import KpiValue

CHART_DAYS = 56  # eight weeks
IMPROVEMENT = 0.05  # relative; smaller ones are not news
WINS = 4  # lines at most
FOCUS = 3  # lines at most: a week has room for no more


def document(basis: Basis) -> Document:
    """The report in the order of its template."""
    period, launch = basis.period, basis.launch
    metrics = basis.metrics()
    held = content.notices(basis)
    incidents, clocks = basis.incidents(), basis.clocks()
    blocks: list[Block] = [*held, content.lights(basis, metrics, incidents), Heading("Key metrics")]
    blocks.append(content.kpi_table(metrics, period) if metrics else Paragraph(f"There is {formats.NO_DATA} {period.span}."))
    no_wins = content.nothing_found(basis, "no target newly met and no clear improvement.")
    blocks += [Heading("Wins"), Bullets(wins(metrics, launch.reviews.minimum_sample), no_wins)]
    needs = content.attention(basis, metrics, incidents, clocks)
    blocks += [Heading("Needs attention"), Bullets(needs, content.no_attention(basis, metrics))]
    blocks += [Heading("Next week's focus"), Bullets(_focus(basis, metrics), content.no_attention(basis, metrics))]
    if categories := content.ticket_categories(basis):
        blocks += [Heading("What tickets were about"), *categories]
    blocks += _charts(basis, metrics)
    if incidents:
        blocks += [Heading("Incidents of the week"), Bullets(content.incident_bullets(basis, incidents))]
    return Document(
        eyebrow="Weekly status report",
        title=outside.clean(launch.name),
        subtitle=content.subtitle(launch, period),
        headline=content.headline(basis, metrics, incidents),
        tone=content.overall(basis, metrics, held, incidents),
        blocks=blocks,
        footer=content.footer(basis, queries.publication_id(basis.session)),
    )


def wins(metrics: Sequence[KpiValue], minimum_sample: int) -> list[Bullet]:
    """Targets met now that were missed the week before, then the biggest improvements that are more than noise."""
    regained = [metric for metric in metrics if metric.status == "met" and metric.previous_status == "missed"]
    bullets = [Bullet(f"{metric.label} is back on target: {sentences.gap(metric)}", "good") for metric in regained]
    others = [metric for metric in metrics if metric not in regained and not watch.is_near(metric)]
    better = [(watch.improvement(metric, metric.previous, minimum_sample), metric) for metric in others]
    ranked = sorted(((gain, metric) for gain, metric in better if gain >= IMPROVEMENT), key=lambda pair: pair[0], reverse=True)
    for _, metric in ranked[: max(0, WINS - len(bullets))]:
        now, was = formats.value(metric.value, metric.unit), formats.value(metric.previous, metric.unit)
        bullets.append(Bullet(f"{metric.label}: {now}, was {was}{sentences.sample(metric)}", "good"))
    return bullets


def _focus(basis: Basis, metrics: Sequence[KpiValue]) -> list[Bullet]:
    """The furthest missed targets, each with the evidence that says where to begin, then what got worse without a target."""
    missed = sentences.ranked_misses(metrics)
    bullets = [
        Bullet(" ".join(filter(None, (f"{content.focus(metric)}.", _evidence(basis, metric), content.agreed(basis.launch, metric)))), "bad")
        for metric in missed
    ]
    bullets += [Bullet(f"Find out why. {watch.line(metric, basis.period)}.", "warn") for metric in basis.watched(metrics)]
    return bullets[:FOCUS]


def _evidence(basis: Basis, metric: KpiValue) -> str:
    session, launch_id, period = basis.session, basis.launch.launch, basis.period
    match metric.evidence.partition(" ")[0]:
        case "days":
            values = queries.daily_values(session, launch_id, metric, period.dates)
            days = [day for day, _ in basis.grave_days(period.dates)]
            return sentences.threshold(metric, values, basis.periods[metric.domain], days).sentence.split(" The week")[0]
        case "funnel":
            steps = queries.funnel_steps(session, launch_id, period.dates)
            return sentences.funnel([step for step in steps if step.funnel_id == metric.kpi_id], basis.periods["product"]).sentence
        case "clocks":
            counts = queries.sla_counts(session, launch_id, period.dates)
            chosen = [row for row in counts if row.metric == metric.clock and metric.subject_id in ("", row.priority)]
            return sentences.sla(chosen, basis.periods["support"], basis.launch.reviews.minimum_sample).sentence
        case _:
            if metric.previous is None:
                return ""
            return f"It was {formats.value(metric.previous, metric.unit)} the week before."


def _charts(basis: Basis, metrics: Sequence[KpiValue]) -> list[Block]:
    session, launch_id, period = basis.session, basis.launch.launch, basis.period
    first = period.end - dt.timedelta(days=CHART_DAYS - 1)
    grave = basis.grave_days(Dates(first, period.end))
    blocks: list[Block] = []
    if basis.sees("product") and (rows := queries.active_users(session, launch_id, Dates(first, period.end))):
        blocks.append(Picture(product.active_users(rows, basis.periods["product"], grave)))
    blocks += content.charted(basis, metrics, first, grave)
    if basis.sees("support") and (backlog := queries.tickets(session, launch_id, Dates(first, period.end))):
        blocks.append(Picture(support.tickets(backlog, basis.periods["support"], grave)))
    return [Heading("Charts"), *blocks] if blocks else [Heading("Charts"), Paragraph(f"There is {formats.NO_DATA} to draw.")]
