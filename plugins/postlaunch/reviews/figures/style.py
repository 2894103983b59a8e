"""The house style of every chart: made for a mail that is read on a phone.

Figures are laid out 600 px wide, drawn at twice that, and shown at 600 px on a desk or about 330 px on a phone. Text of
22 layout px is 12 px there: nothing may be smaller. Colours are Okabe and Ito's (told apart by colour-blind readers);
lines are labelled where they run, and titles stand in the mail as text, so pictures carry no title and no legend.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from postlaunch.dates import Dates
from postlaunch.reviews import formats
from postlaunch.reviews.sentences import Caption

WIDTH = 600  # pixels of the page: what mail programs show without scrolling
FONT_SIZE = 22  # pixels; a telephone shows the chart at six tenths
LABEL_HEIGHT = 38  # px that a line of text takes above the plot, whatever the font
FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"

INK = "#1f2933"
MUTED = "#52606d"
GRID = "#e1e6eb"
PAPER = "#ffffff"
BLUE = "#0072b2"
SKY = "#9ccbe8"
ORANGE = "#e69f00"
VERMILION = "#c4500a"
GREEN = "#00795a"
SEVERITY_COLOURS = {"P0": VERMILION, "P1": ORANGE, "P2": BLUE, "P3": MUTED}
SEVERITY_SYMBOLS = {"P0": "diamond", "P1": "square", "P2": "circle", "P3": "triangle-up"}


@dataclass(frozen=True)
class Chart:
    """A Plotly figure with the words that go with it. `name` becomes the Content-ID and the file name."""

    name: str
    finding: Caption
    kind: str  # how the alt text begins: "Line chart"
    figure: Any
    height: int = 380  # layout px

    @property
    def alt(self) -> str:
        """What somebody who does not see the picture is told."""
        return f"{self.kind}. {self.finding.title}."


def figure(height: int = 380) -> Any:
    """An empty figure in house style."""
    import plotly.graph_objects as go

    empty = go.Figure()
    empty.update_layout(
        template="none",
        width=WIDTH,
        height=height,
        font={"family": FONT, "size": FONT_SIZE, "color": INK},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        margin={"l": 4, "r": 14, "t": 30, "b": 4},
        showlegend=False,
        bargap=0.25,
    )
    dress_axes(empty)
    return empty


def dress_axes(chart: Any) -> None:
    """Few ticks, light horizontal grid, no box; for every panel that the figure has."""
    chart.update_xaxes(showgrid=False, zeroline=False, linecolor=MUTED, ticks="outside", tickcolor=MUTED, ticklen=6, automargin=True)
    chart.update_yaxes(gridcolor=GRID, gridwidth=1.5, zeroline=False, nticks=5, automargin=True, ticks="", ticklabelstandoff=6)


def date_axis(chart: Any, dates: Dates, **where: Any) -> None:
    """A date axis with few ticks: weeks of a month, or month names of a longer window."""
    days = [dates.first + dt.timedelta(days=number) for number in range((dates.last - dates.first).days + 1)]
    if len(days) <= 62:
        mondays = [day for day in days if day.weekday() == 0] or days[:1]
        shown = mondays[:: 1 + (len(mondays) - 1) // 5]
        labels = [formats.short_date(day) if number == 0 or day.day <= 7 else str(day.day) for number, day in enumerate(shown)]
    else:
        shown = [day for day in days if day.day == 1]
        shown = shown[:: 1 + len(shown) // 7]
        labels = [f"{day:%b}" for day in shown]
    margin = dt.timedelta(hours=14)
    edges = [dt.datetime.combine(dates.first, dt.time()) - margin, dt.datetime.combine(dates.last, dt.time()) + margin]
    chart.update_xaxes(type="date", tickvals=[day.isoformat() for day in shown], ticktext=labels, range=edges, **where)


def target_line(chart: Any, target: float, text: str, values: Sequence[float | None], **where: Any) -> None:
    """A dashed line, its label at the end where the values stay further from it: where they cross it, they run through the label."""
    third = max(1, len(values) // 3)
    first, last = (
        0.0 if min(part, default=0) < 0 < max(part, default=0) else min(map(abs, part), default=0.0)
        for part in ([value - target for value in some if value is not None] for some in (values[:third], values[-third:]))
    )
    position = "start" if first >= last * 0.8 else "end"
    label = {"text": text, "font": {"color": GREEN, "size": FONT_SIZE}, "textposition": position, "yanchor": "bottom"}
    chart.add_hline(y=target, line={"color": GREEN, "width": 2.5, "dash": "dash"}, label=label, **where)


def mark_incidents(chart: Any, days: Sequence[tuple[dt.date, str]], dates: Dates, **where: Any) -> None:
    """Days with a grave incident: a dotted line and the severity above it, inside the picture also at its edges.

    `first`, `last`: the dates of the axis. Labels closer than a fourteenth of it would overlap and are left out.
    """
    shown = [(day, severity) for day, severity in days if dates.first <= day <= dates.last]
    reach = max((dates.last - dates.first).days, 1)
    labelled: dt.date | None = None
    for day, severity in shown:
        chart.add_vline(x=day.isoformat(), line={"color": VERMILION, "width": 2, "dash": "dot"}, **where)
        if labelled is not None and (day - labelled).days < reach / 14:
            continue
        labelled = day
        place = (day - dates.first).days / reach
        side = "left" if place < 0.04 else "right" if place > 0.96 else "center"
        chart.add_annotation(
            x=day.isoformat(),
            y=1,
            yref="paper",
            xanchor=side,
            yanchor="bottom",
            text=severity,
            showarrow=False,
            font={"color": VERMILION, "size": FONT_SIZE},
            borderpad=0,
            **where,
        )
    if shown:
        chart.update_layout(margin={"t": max(LABEL_HEIGHT, chart.layout.margin.t or 0)})


def shade(chart: Any, start: dt.date, end: dt.date, days: Sequence[dt.date], **where: Any) -> None:
    """Mark the period of the review inside the longer window `days`."""
    if days[0] < start <= days[-1] and end > start:
        half, midnight = dt.timedelta(hours=12), dt.time()
        edges = [dt.datetime.combine(start, midnight) - half, dt.datetime.combine(min(end, days[-1]), midnight) + half]
        chart.add_vrect(x0=edges[0], x1=edges[1], fillcolor="#eff2f5", line_width=0, layer="below", **where)


def literal(text: str, limit: int = 60) -> str:
    """A name from outside inside a label: shortened to `limit` letters; Plotly reads labels as HTML, so its signs are escaped."""
    line = " ".join(text.split())
    return html.escape(line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…", quote=False)


def muted(text: str) -> str:
    """Words inside a label that stand back."""
    return f"<span style='color:{MUTED}'>{text}</span>"


def key(chart: Any, words: Sequence[tuple[str, str]], lift: int = 30) -> None:
    """What the marks mean, as words in their colours on a line of their own, `lift` px above the plot. `words`: (text, colour)."""
    text = "    ".join(f"<span style='color:{colour}'>{word}</span>" for word, colour in words)
    chart.add_annotation(
        x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=lift, xshift=-4, text=text, showarrow=False
    )
    chart.update_layout(margin={"t": lift + 36})


def label_point(
    chart: Any, x: Any, y: float, text: str, colour: str, *, above: bool = True, align: str = "right", gap: int = 6, **where: Any
) -> None:
    """A word beside a line, in the line's colour, on white so that it stays readable over grid lines."""
    chart.add_annotation(
        x=x,
        y=y,
        text=text,
        showarrow=False,
        font={"color": colour, "size": FONT_SIZE},
        xanchor=align,
        yanchor="bottom" if above else "top",
        yshift=gap if above else -gap,
        bgcolor="rgba(255,255,255,0.75)",
        borderpad=0,
        **where,
    )
