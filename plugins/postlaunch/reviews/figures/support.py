"""Charts of support: tickets and backlog, SLA attainment by priority."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from postlaunch.dates import Dates
from postlaunch.reviews import formats, sentences
from postlaunch.reviews.figures import style
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import SlaCount, Tickets

PRIORITIES = ("urgent", "high", "normal", "low")


def tickets(rows: Sequence[Tickets], period: Period, incident_days: Sequence[tuple[dt.date, str]] = ()) -> style.Chart:
    """Opened tickets a day as bars, the backlog at the day's end as a line."""
    import plotly.graph_objects as go

    chart = style.figure()
    now = [row for row in rows if period.start <= row.metric_date <= period.end]
    finding = sentences.tickets(rows, period, [day for day, _ in incident_days])
    if len(now) < 8:
        now = list(rows)
    days = [row.metric_date for row in now]
    chart.add_trace(go.Bar(x=days, y=[row.opened_count for row in now], marker={"color": style.SKY}))
    chart.add_trace(go.Scatter(x=days, y=[row.backlog_count for row in now], mode="lines", line={"color": style.INK, "width": 4}))
    if now:
        style.shade(chart, period.start, period.end, days)
        style.mark_incidents(chart, incident_days, Dates(days[0], days[-1]))
        style.date_axis(chart, Dates(days[0], days[-1]))
    style.key(chart, [("▮ opened that day", style.BLUE), ("━ open at its end", style.INK)])
    chart.update_yaxes(rangemode="tozero", tickformat=",")
    return style.Chart("tickets", finding, "Bars of opened tickets and a line of the backlog", chart)


def sla(rows: Sequence[SlaCount], period: Period, minimum_sample: int, targets: Mapping[str, float] | None = None) -> style.Chart:
    """Share of clocks that kept their time: a bar for each priority, a group for each SLA metric. `targets`: metric -> ratio."""
    judged = [row for row in rows if row.attained_count + row.breached_count > 0]
    groups = [(metric, _by_priority(judged, metric)) for metric in sentences.SLA_NAMES]
    groups = [(metric, group) for metric, group in groups if group]
    height = 10 + sum(64 + 44 * len(group) for _, group in groups)
    chart = style.figure(height)
    y = 0.0
    for metric, group in groups:
        target = (targets or {}).get(metric)
        promised = f"  {style.muted(f'target ≥{formats.NBSP}{formats.percent(target)}')}" if target is not None else ""
        _write(chart, -0.26, y, f"<b>{formats.upper_first(sentences.sla_name(metric))} in time</b>{promised}")
        for number, row in enumerate(group, start=1):
            _bar(chart, y + number, row)
        if target is not None:
            line = {"color": style.GREEN, "width": 4}
            chart.add_shape(type="line", x0=target, x1=target, y0=y + 0.6, y1=y + len(group) + 0.4, line=line)
        y += len(group) + 1.5
    chart.update_layout(barmode="overlay", margin={"t": 4, "l": 4, "r": 4, "b": 4})
    chart.update_xaxes(visible=False, range=[-0.27, 1.56])
    chart.update_yaxes(visible=False, range=[y - 0.95, -0.55])
    return style.Chart("sla", sentences.sla(rows, period, minimum_sample), "Bars of SLA attainment by priority", chart, height)


def _bar(chart: Any, y: float, row: SlaCount) -> None:
    import plotly.graph_objects as go

    ratio = sentences.attainment(row)
    for length, colour in ((1.0, "#e9eef2"), (ratio, style.BLUE)):
        chart.add_trace(go.Bar(y=[y], x=[length], orientation="h", marker={"color": colour}, width=0.62))
    _write(chart, -0.26, y, style.literal(row.priority, 10))
    n = f"n{formats.NBSP}{formats.count(row.attained_count + row.breached_count)}"
    _write(chart, 1.02, y, f"{formats.percent(ratio)}  {style.muted(n)}")


def _write(chart: Any, x: float, y: float, text: str) -> None:
    chart.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor="left")


def _by_priority(rows: Sequence[SlaCount], metric: str) -> list[SlaCount]:
    order = {name: number for number, name in enumerate(PRIORITIES)}
    return sorted((row for row in rows if row.metric == metric), key=lambda row: order.get(row.priority, 9))
