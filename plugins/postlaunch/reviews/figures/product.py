"""Charts of use: active users, funnel steps, weekly cohorts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from postlaunch.dates import Dates
from postlaunch.reviews import formats, sentences
from postlaunch.reviews.figures import style
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import ActiveUsers, CohortCell, FunnelStep

COHORTS_SHOWN = 12  # of the weekly ones, the newest


def active_users(rows: Sequence[ActiveUsers], period: Period, incident_days: Sequence[tuple[dt.date, str]] = ()) -> style.Chart:
    """People a day and in the 7 days that end with it, over the whole window of `rows`; the period itself is shaded."""
    import plotly.graph_objects as go

    chart = style.figure()
    days = [row.metric_date for row in rows]
    daily, weekly = [row.active_users_count for row in rows], [row.active_users_7d_count for row in rows]
    chart.add_trace(go.Scatter(x=days, y=weekly, mode="lines", line={"color": style.MUTED, "width": 3}))
    fill = {"fill": "tozeroy", "fillcolor": "rgba(0,114,178,0.12)"}
    chart.add_trace(go.Scatter(x=days, y=daily, mode="lines", line={"color": style.BLUE, "width": 4}, **fill))
    if rows:
        style.shade(chart, period.start, period.end, days)
        style.mark_incidents(chart, incident_days, Dates(days[0], days[-1]))
        style.date_axis(chart, Dates(days[0], days[-1]))
        style.label_point(chart, days[-1], max(weekly[-14:]), "in 7 days", style.MUTED, above=True)
        style.label_point(chart, days[-1], max(daily[-7:]), "a day", style.BLUE, above=True)
    chart.update_yaxes(rangemode="tozero", tickformat=",")
    return style.Chart("active-users", sentences.active_users(rows, period), "Line chart of active users by day", chart)


def funnel(steps: Sequence[FunnelStep], period: Period) -> style.Chart:
    """Steps from top to bottom: reached, still pending (hatched), and what was lost as empty space."""
    import plotly.graph_objects as go

    chart = style.figure(height=90 + 92 * max(1, len(steps)))
    entered = steps[0].entered_count if steps else 0
    positions = list(range(len(steps)))
    reached, pending = [step.reached_count for step in steps], [step.pending_count for step in steps]
    chart.add_trace(go.Bar(y=positions, x=[entered] * len(steps), orientation="h", marker={"color": "#eef2f5"}, width=0.5))
    chart.add_trace(go.Bar(y=positions, x=reached, orientation="h", marker={"color": style.BLUE}, width=0.5))
    hatch = {"color": style.SKY, "pattern": {"shape": "/", "fgcolor": style.BLUE, "size": 8}}
    chart.add_trace(go.Bar(y=positions, x=pending, base=reached, orientation="h", marker=hatch, width=0.5))
    for position, step in zip(positions, steps, strict=True):
        decided = entered - step.pending_count
        share = f", {formats.percent(step.reached_count / decided)}" if position and decided else ""
        waiting = f" ({formats.count(step.pending_count)} pending)" if step.pending_count else ""
        text = f"<b>{style.literal(step.step_name, 24)}</b>  {formats.count(step.reached_count)}{share}{waiting}"
        chart.add_annotation(x=0, y=position, text=text, showarrow=False, xanchor="left", xshift=-4, yanchor="bottom", yshift=27)
    chart.update_layout(barmode="overlay", margin={"t": 4, "l": 4, "r": 14, "b": 4})
    chart.update_xaxes(visible=False, range=[0, max(1, entered)])
    chart.update_yaxes(visible=False, range=[len(steps) - 0.6, -0.75])
    name = f"funnel-{steps[0].funnel_id}" if steps else "funnel"
    return style.Chart(name, sentences.funnel(steps, period), "Bar chart of funnel steps", chart, height=90 + 92 * max(1, len(steps)))


def cohorts(cells: Sequence[CohortCell], minimum_sample: int) -> style.Chart:
    """Weekly cohorts by weeks since they came: the share that was back; weeks that are not over stay empty."""
    import plotly.graph_objects as go

    complete = [cell for cell in cells if cell.is_complete and cell.period_number and cell.cohort_size_count]
    shown = sorted({cell.cohort_date for cell in complete})[-COHORTS_SHOWN:]
    weeks = list(range(1, min(COHORTS_SHOWN, max((cell.period_number for cell in complete), default=1)) + 1))
    ratios = {(cell.cohort_date, cell.period_number): cell.retained_count / cell.cohort_size_count for cell in complete}
    sizes = {cell.cohort_date: formats.count(cell.cohort_size_count) for cell in complete}
    grid = [[ratios.get((day, week)) for week in weeks] for day in shown]
    height = 110 + 36 * max(1, len(shown))
    chart = style.figure(height)
    labels = [f"{formats.short_date(day)} {style.muted(f'n{formats.NBSP}{sizes[day]}')}" for day in shown]
    top = max([ratio for row in grid for ratio in row if ratio is not None] or [1.0])
    low = min([ratio for row in grid for ratio in row if ratio is not None] or [0.0])
    floor = max(0.0, low - (top - low) * 0.5 - 0.02)  # the palest colour lies a little below the lowest value, not at 0
    scale = [[0, "#eef5fa"], [0.5, "#6aaed6"], [1, "#08457a"]]
    colours = {"colorscale": scale, "zmin": floor, "zmax": top, "showscale": False}
    chart.add_trace(go.Heatmap(z=grid, x=weeks, y=list(range(len(shown))), xgap=3, ygap=3, **colours))
    for y, row in enumerate(grid):
        for x, ratio in zip(weeks, row, strict=True):
            if ratio is not None:
                colour = style.PAPER if ratio > floor + 0.68 * (top - floor) else style.INK
                chart.add_annotation(x=x, y=y, text=f"{ratio * 100:.0f}", showarrow=False, font={"color": colour, "size": style.FONT_SIZE})
    chart.update_xaxes(side="top", tickvals=weeks, ticktext=[str(week) for week in weeks], ticks="", linecolor=style.PAPER, fixedrange=True)
    chart.update_xaxes(title={"text": "% back, by week after", "standoff": 4, "font": {"size": style.FONT_SIZE}})
    chart.update_yaxes(tickvals=list(range(len(shown))), ticktext=labels, autorange="reversed", showgrid=False, nticks=None)
    chart.update_layout(margin={"t": 66, "l": 4, "r": 4, "b": 4})
    return style.Chart(
        "retention-cohorts",
        sentences.cohorts([cell for cell in cells if cell.cohort_date in shown], minimum_sample),
        "Heat map of weekly retention",
        chart,
        height,
    )
