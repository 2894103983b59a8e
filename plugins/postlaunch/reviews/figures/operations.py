"""Charts of what broke: incidents with their times, error rate, response time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from postlaunch.dates import Dates
from postlaunch.reviews import formats, sentences
from postlaunch.reviews.figures import style
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import DailyValue, Incident, KpiValue

MINUTE_TICKS = {60: "1 min", 300: "5 min", 900: "15 min", 3600: "1 h", 4 * 3600: "4 h", 86400: "1 day", 7 * 86400: "7 days"}
GLYPHS = {"P0": "◆", "P1": "■", "P2": "●", "P3": "▲"}


def incidents(rows: Sequence[Incident], period: Period) -> style.Chart:
    """Every incident from acknowledged (hollow) to resolved (filled), time on a logarithmic scale, shape and colour by severity."""
    import plotly.graph_objects as go

    chart = style.figure(height=420)
    for row in rows:
        colour, symbol = style.SEVERITY_COLOURS.get(row.severity, style.MUTED), style.SEVERITY_SYMBOLS.get(row.severity, "circle")
        ends = [seconds for seconds in (row.acknowledge_seconds, row.resolve_seconds) if seconds is not None]
        if len(ends) == 2:
            chart.add_trace(go.Scatter(x=[row.metric_date] * 2, y=ends, mode="lines", line={"color": colour, "width": 3}))
        if row.acknowledge_seconds is not None:
            hollow = {"color": style.PAPER, "size": 13, "symbol": symbol, "line": {"color": colour, "width": 3}}
            chart.add_trace(go.Scatter(x=[row.metric_date], y=[row.acknowledge_seconds], mode="markers", marker=hollow))
        if row.resolve_seconds is not None:
            filled = {"color": colour, "size": 18, "symbol": symbol}
            chart.add_trace(go.Scatter(x=[row.metric_date], y=[row.resolve_seconds], mode="markers", marker=filled))
    severities = [name for name in GLYPHS if any(row.severity == name for row in rows)]
    style.key(chart, [(f"{GLYPHS[name]} {name}", style.SEVERITY_COLOURS[name]) for name in severities], lift=6)
    style.date_axis(chart, period.dates)
    times = [seconds for row in rows for seconds in (row.acknowledge_seconds, row.resolve_seconds) if seconds]
    low, high = min([60.0, *times]), max([3600.0, *times])
    chart.update_yaxes(type="log", range=[math.log10(low * 0.7), math.log10(high * 2.2)], nticks=None)
    shown = [seconds for seconds in MINUTE_TICKS if low * 0.7 <= seconds <= high * 2.2]
    chart.update_yaxes(tickvals=shown, ticktext=[MINUTE_TICKS[seconds] for seconds in shown])
    title, sentence = sentences.incidents(rows, period)
    finding = sentences.Caption(title, f"{sentence} Hollow marks: acknowledged; filled marks: resolved.")
    return style.Chart("incidents", finding, "Incidents by day, from acknowledged to resolved", chart, 420)


def threshold(
    name: str, metric: KpiValue, rows: Sequence[DailyValue], period: Period, incident_days: Sequence[tuple[dt.date, str]] = ()
) -> style.Chart:
    """A daily KPI against its target; days on the wrong side stand out by colour and by shape."""
    import plotly.graph_objects as go

    chart = style.figure()
    finding = sentences.threshold(metric, rows, period, [day for day, _ in incident_days])
    factor, suffix = _scale(metric, rows)
    days = [row.metric_date for row in rows]
    values = [None if row.value is None else row.value * factor for row in rows]
    chart.add_trace(go.Scatter(x=days, y=values, mode="lines", line={"color": style.BLUE, "width": 3.5}, connectgaps=False))
    if metric.target is not None and metric.comparator is not None:
        missed = [row for row in rows if row.value is not None and sentences.is_missed(row.value, metric.target, metric.comparator)]
        marker = {"color": style.VERMILION, "size": 15, "symbol": "x"}
        missed_values = [row.value * factor for row in missed if row.value is not None]
        chart.add_trace(go.Scatter(x=[row.metric_date for row in missed], y=missed_values, mode="markers", marker=marker))
        style.target_line(chart, metric.target * factor, f"target {formats.target(metric.target, metric.comparator, metric.unit)}", values)
    if rows:
        style.shade(chart, period.start, period.end, days)
        style.mark_incidents(chart, incident_days, Dates(days[0], days[-1]))
        style.date_axis(chart, Dates(days[0], days[-1]))
    top = max([value for value in values if value is not None] + [(metric.target or 0) * factor])
    chart.update_yaxes(range=[0, top * 1.18 or 1], ticksuffix=suffix)
    return style.Chart(name, finding, f"Line chart of {formats.name_in_sentence(metric.label)} by day", chart)


def _scale(metric: KpiValue, rows: Sequence[DailyValue]) -> tuple[float, str]:
    """Factor and suffix of the axis: percent, milliseconds or seconds."""
    if metric.unit == "ratio":
        return 100, formats.NBSP + "%"
    if metric.unit == "seconds":
        top = max([row.value for row in rows if row.value is not None] + [metric.target or 0])
        return (1000, formats.NBSP + "ms") if top < 2 else (1, formats.NBSP + "s")
    return 1, ""
