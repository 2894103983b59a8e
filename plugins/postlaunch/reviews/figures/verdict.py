"""Chart of a verdict: proportions with their intervals against their targets."""

from __future__ import annotations

from collections.abc import Sequence

from postlaunch.reviews import formats
from postlaunch.reviews.figures import style
from postlaunch.reviews.gates import Gate
from postlaunch.reviews.sentences import Caption


def intervals(gates: Sequence[Gate]) -> style.Chart | None:
    """Every gate that has an interval; None without any."""
    import plotly.graph_objects as go

    shown = [gate for gate in gates if gate.low is not None and gate.high is not None and gate.actual is not None]
    if not shown:
        return None
    height = 70 + 84 * len(shown)
    chart = style.figure(height)
    for y, gate in enumerate(shown):
        colour = style.BLUE if gate.outcome == "met" else style.VERMILION if gate.outcome == "missed" else style.MUTED
        chart.add_trace(go.Scatter(x=[gate.low, gate.high], y=[y, y], mode="lines", line={"color": colour, "width": 7}))
        symbol = {"met": "circle", "missed": "x"}.get(gate.outcome, "circle-open")
        chart.add_trace(go.Scatter(x=[gate.actual], y=[y], mode="markers", marker={"color": colour, "size": 15, "symbol": symbol}))
        target = {"color": style.GREEN, "size": 22, "symbol": "line-ns", "line": {"width": 4, "color": style.GREEN}}
        chart.add_trace(go.Scatter(x=[gate.target], y=[y], mode="markers", marker=target))
        promise = f"<span style='color:{style.GREEN}'>| {formats.value(gate.target, gate.unit)}</span>"
        text = f"<b>{style.literal(gate.name, 26)}</b>  {formats.beside(gate.actual, gate.target, gate.unit)} {promise}"
        chart.add_annotation(x=0, y=y, text=text, showarrow=False, xanchor="left", yanchor="bottom", yshift=18)
    chart.update_layout(margin={"t": 4, "l": 6, "r": 34, "b": 4})
    chart.update_xaxes(
        range=[-0.02, 1.04],
        ticklabeloverflow="allow",
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        ticktext=[f"{share}{formats.NBSP}%" for share in (0, 25, 50, 75, 100)],
    )
    chart.update_yaxes(visible=False, range=[len(shown) - 0.5, -0.85])
    return style.Chart("gates", finding(shown), "Proportions with 95 % intervals and their targets", chart, height)


def finding(gates: Sequence[Gate]) -> Caption:
    """How many proportions are on which side of their target beyond chance."""
    judged = [gate for gate in gates if gate.outcome in ("met", "missed")]
    clear = [gate for gate in judged if gate.is_clear]
    are = "is" if len(clear) == 1 else "are"
    title = f"{len(clear)} of {formats.plural(len(judged), 'proportion')} {are} clear of the target beyond chance"
    unclear = [formats.name_in_sentence(gate.name) for gate in judged if not gate.is_clear]
    sentence = "Thick lines are 95 % Wilson intervals, green strokes the targets."
    if unclear:
        sentence += f" Chance alone could have decided {formats.listed(unclear)}."
    return Caption(title, sentence)
