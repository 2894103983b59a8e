"""Chart of capacity: what is used, the trigger, and where the trend goes, with its interval."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from postlaunch.dates import Dates
from postlaunch.reviews import formats, sentences
from postlaunch.reviews.figures import style
from postlaunch.reviews.rows import CapacityDay, Forecast

PANELS = 3  # resources that a chart shows
NEAR_DAYS = 180  # a trigger further off is a line in the table, not a panel
HORIZON_DAYS = (30, 90)  # how far the band is drawn: far enough to see it cross the trigger
PANEL_HEIGHT = 210  # pixels


def capacity(days: Sequence[CapacityDay], forecasts: Sequence[Forecast]) -> style.Chart:
    """A panel for each resource that reaches its trigger soon: daily p95 as dots, the forecast as a band, the trigger as a line."""
    from plotly.subplots import make_subplots

    ranked = rank(forecasts)
    shown = [row for row in ranked[:PANELS] if row.is_growing and (row.days_to_trigger or 0) <= NEAR_DAYS] or ranked[:1]
    height = 10 + PANEL_HEIGHT * max(1, len(shown))
    chart = style.figure(height)
    if shown:
        chart = make_subplots(rows=len(shown), cols=1, shared_xaxes=True, vertical_spacing=0.32 / len(shown), figure=chart)
        style.dress_axes(chart)
    horizon = _horizon(shown)
    for number, forecast in enumerate(shown, start=1):
        _panel(chart, number, [day for day in days if day.resource_id == forecast.resource_id], forecast, horizon)
    chart.update_layout(margin={"t": 40, "l": 4, "r": 14, "b": 4})
    return style.Chart("capacity", sentences.capacity(ranked), "Daily use of each resource with its forecast", chart, height)


def rank(forecasts: Sequence[Forecast]) -> list[Forecast]:
    """The soonest trigger first, then the fullest."""
    return sorted(forecasts, key=lambda row: (row.days_to_trigger if row.days_to_trigger is not None else 1e9, -_share(row)))


def _share(row: Forecast) -> float:
    return (row.level_value or 0) / row.trigger_value if row.trigger_value else 0.0


def _horizon(shown: Sequence[Forecast]) -> int:
    latest = max((row.days_to_trigger_high or row.days_to_trigger or 0 for row in shown), default=0)
    return int(min(max(latest * 1.1, HORIZON_DAYS[0]), HORIZON_DAYS[1]))


def _panel(chart: Any, number: int, days: Sequence[CapacityDay], forecast: Forecast, horizon: int) -> None:
    import plotly.graph_objects as go

    where: dict[str, Any] = {"row": number, "col": 1}
    known = [(day.metric_date, day.p95_value) for day in days if day.p95_value is not None]
    marker = {"color": style.BLUE, "size": 8}
    chart.add_trace(go.Scatter(x=[day for day, _ in known], y=[value for _, value in known], mode="markers", marker=marker), **where)
    top = max([value for _, value in known] + [forecast.trigger_value])
    if forecast.level_value is not None and forecast.slope_per_day is not None and forecast.is_growing:
        _band(chart, forecast, horizon, top * 1.28, where)
    first = known[0][0] if known else forecast.metric_date
    style.date_axis(chart, Dates(first, forecast.metric_date + dt.timedelta(days=horizon)), **where)
    chart.add_hline(y=forecast.trigger_value, line={"color": style.VERMILION, "width": 2.5, "dash": "dash"}, **where)
    style.label_point(chart, first, forecast.trigger_value, "trigger", style.VERMILION, align="left", gap=1, **where)
    axis = "" if number == 1 else str(number)
    title = f"<b>{style.literal(forecast.resource_name, 28)}</b>: {sentences.days_range(forecast)}"
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "xanchor": "left", "yanchor": "bottom"}
    chart.add_annotation(x=0, y=1, text=title, showarrow=False, **place)
    ticks = [0, forecast.trigger_value / 2, forecast.trigger_value]
    labels = [formats.value(tick, forecast.unit) for tick in ticks]
    chart.update_yaxes(range=[0, top * 1.3], tickvals=ticks, ticktext=labels, **where)


def _band(chart: Any, forecast: Forecast, horizon: int, ceiling: float, where: dict[str, int]) -> None:
    """The trend with its interval from the newest level to the horizon; it ends where it leaves the panel."""
    import plotly.graph_objects as go

    level, slope = forecast.level_value or 0.0, forecast.slope_per_day or 0.0
    low = forecast.slope_low_per_day if forecast.slope_low_per_day is not None else slope
    high = forecast.slope_high_per_day if forecast.slope_high_per_day is not None else slope
    dates = [forecast.metric_date + dt.timedelta(days=ahead) for ahead in range(horizon + 1)]
    lower, middle, upper = ([min(level + rate * ahead, ceiling) for ahead in range(horizon + 1)] for rate in (low, slope, high))
    chart.add_trace(go.Scatter(x=dates, y=lower, mode="lines", line={"width": 0}), **where)
    fill = {"fill": "tonexty", "fillcolor": "rgba(230,159,0,0.38)"}
    chart.add_trace(go.Scatter(x=dates, y=upper, mode="lines", line={"width": 0}, **fill), **where)
    chart.add_trace(go.Scatter(x=dates, y=middle, mode="lines", line={"color": style.INK, "width": 2.5, "dash": "dot"}), **where)
