"""Photo by photo as a plotly figure; the same one stands on the page and in the report."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from core.metric_table import Metric
from training.comparison.aligned import Pairs

NEUTRAL = "#8A97A3"
"""Colour of what is neither's (grey, seen on white and on black)."""
_MANY = 5_000
"""Points above which the graphics card draws."""


@dataclass(frozen=True)
class Side:
    """One of those that are compared, as figures show it."""

    title: str
    colour: str
    """As #RRGGBB."""


def scatter_figure(pairs: Pairs, a: Side, b: Side, chosen: int | None = None) -> go.Figure:
    """Returns a point a photo, A across and B up, with the line on which both are equal.

    A point's customdata is its place in `pairs`; it lies above the line where B's figure is higher.

    Args:
        pairs: The figures of A and B.
        a: A.
        b: B.
        chosen: Place of the photo that is looked at; it gets a ring.
    """
    figure, metric = go.Figure(), pairs.metric
    low, high = _reach(pairs)
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": NEUTRAL, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
        name="equal",
    )
    kind = go.Scattergl if len(pairs) > _MANY else go.Scatter
    tie = f"within {metric.margin:g}{_unit(metric)}"
    groups = ((0, tie, NEUTRAL), (-1, f"{a.title} better", a.colour))
    for which, name, colour in (*groups, (1, f"{b.title} better", b.colour)):
        places = np.flatnonzero(pairs.kinds == which)
        figure.add_trace(
            kind(
                x=pairs.a[places],
                y=pairs.b[places],
                customdata=places,
                text=[escape(pairs.names[place][1]) for place in places],
                name=f"{escape(name)} ({len(places):,})",
                mode="markers",
                marker={"color": colour, "size": 7, "opacity": 0.7, "line": {"width": 0}},
                selected={"marker": {"opacity": 0.95}},
                unselected={"marker": {"opacity": 0.3}},
                hovertemplate="%{text}<br>%{x:.4f} → %{y:.4f}<extra></extra>",
            )
        )
    if chosen is not None:
        figure.add_scatter(
            x=[pairs.a[chosen]],
            y=[pairs.b[chosen]],
            mode="markers",
            marker={
                "size": 16,
                "color": "rgba(0,0,0,0)",
                "line": {"width": 2.5, "color": "#E5484D"},
            },
            hoverinfo="skip",
            showlegend=False,
            name="chosen",
        )
    figure.update_xaxes(title=f"{escape(a.title)}: {metric.label}", range=[low, high])
    figure.update_yaxes(title=f"{escape(b.title)}: {metric.label}", range=[low, high])
    figure.update_xaxes(zeroline=False, nticks=6, title_standoff=6, constrain="domain")
    figure.update_yaxes(zeroline=False, nticks=6, title_standoff=6, constrain="domain")
    figure.update_yaxes(scaleanchor="x", scaleratio=1)
    figure.update_layout(uirevision=f"{a} {b} {metric.name}")  # a zoom outlives the next click
    return plain(figure, height=500)


def _reach(pairs: Pairs) -> tuple[float, float]:
    """Returns the lowest and the highest figure of both, with some room beyond."""
    every = np.concatenate([pairs.a, pairs.b])
    return padded(float(every.min()), float(every.max()), 0.06) if len(every) else (0.0, 1.0)


def padded(low: float, high: float, share: float) -> tuple[float, float]:
    """Returns a range with room on both sides, a share of it; some also where it is a point."""
    room = (high - low) * share or max(abs(high) * 0.01, 0.001)
    return low - room, high + room


def _unit(metric: Metric) -> str:
    return f" {metric.unit}" if metric.unit else ""


def plain(figure: go.Figure, *, height: int) -> go.Figure:
    """Returns a figure with what all of them have in common."""
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    )
    return figure
