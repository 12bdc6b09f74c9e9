"""What each change of the experiment does: a row a question, its interval, and every seed."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from core.metric_table import Metric
from dashboard.ui.badges import VERDICT_COLOURS
from training.comparison.experiment import Answer
from training.comparison.figures import NEUTRAL

_ROW = 46
"""Height of a row in px."""


def answers_figure(found: Sequence[Answer], metric: Metric) -> go.Figure:
    """Returns the gain by each change, the largest above, left of the line where it is a loss.

    Args:
        found: The answers by one metric.
        metric: That metric.
    """
    ordered = sorted(found, key=lambda answer: answer.verdict.interval.estimate)
    figure = go.Figure()
    for row, answer in enumerate(ordered):
        interval = answer.verdict.interval
        colour = VERDICT_COLOURS.get(answer.verdict.kind, NEUTRAL)
        figure.add_scatter(
            x=[interval.low, interval.high],
            y=[row, row],
            mode="lines",
            line={"color": colour, "width": 4},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[interval.estimate],
            y=[row],
            mode="markers",
            marker={"color": colour, "size": 11},
            hovertemplate=f"{answer.verdict.short}<extra></extra>",
        )
        figure.add_scatter(
            x=list(answer.each_seed),
            y=[row] * len(answer.each_seed),
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": "circle-open"},
            hovertemplate="one seed: %{x:+.4f}<extra></extra>",
        )
    figure.add_vline(0, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_yaxes(
        tickvals=list(range(len(ordered))),
        ticktext=[answer.what for answer in ordered],
        automargin=True,
        fixedrange=True,
        showgrid=False,
    )
    figure.update_xaxes(title=f"gain in {metric.title}", fixedrange=True, zeroline=False)
    figure.update_layout(
        height=_ROW * len(ordered) + 80,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        dragmode=False,
    )
    return figure
