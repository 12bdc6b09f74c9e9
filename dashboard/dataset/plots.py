"""The figures of the Overview: small, without tools, in the theme's colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

TRAIN, VAL = "#1C86C7", "#E69F00"
"""Colours of both sides: blue and orange, which any kind of colour blindness can tell apart."""
HEIGHT = 210


@dataclass(frozen=True)
class Bars:
    """Bars of one side, or of all photos."""

    name: str
    heights: NDArray[np.float64]
    colour: str = TRAIN


def histogram(
    values: Sequence[NDArray[np.float64]], names: Sequence[str], edges: NDArray[np.float64]
) -> list[Bars]:
    """Returns how many % of each group's values lie between each two edges.

    In % so that a small side can be compared with a large one.
    """
    bars = []
    for each, name, colour in zip(values, names, (TRAIN, VAL), strict=False):
        known = each[np.isfinite(each)]
        counts, _ = np.histogram(known.clip(edges[0], edges[-1]), edges)
        bars.append(Bars(name, 100 * counts / max(1, len(known)), colour))
    return bars


def show_bars(
    bars: Sequence[Bars],
    labels: Sequence[str],
    centres: Sequence[float] | Sequence[str],
    *,
    title: str,
    unit: str,
    key: str,
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Draws bars side by side over each other.

    Args:
        bars: One or two groups.
        labels: What each bar stands for, when it is pointed at.
        centres: Where each bar stands.
        title: What the axis below says.
        unit: What a height is, when a bar is pointed at.
        key: Unique on the page.
        on_pick: Called with the number of a bar that was clicked.
    """
    figure = go.Figure()
    for each in bars:
        figure.add_bar(
            x=list(centres),
            y=each.heights,
            name=each.name,
            customdata=list(labels),
            hovertemplate=f"%{{customdata}}: %{{y:.3g}} {unit}<extra>{each.name}</extra>",
            marker={"color": each.colour, "line": {"width": 0}},
            opacity=1.0 if len(bars) == 1 else 0.62,
        )
    figure.update_layout(
        barmode="overlay",
        bargap=0.06,
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 22 if len(bars) > 1 else 6, "b": 0},
        showlegend=len(bars) > 1,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        dragmode=False,
        clickmode="event+select" if on_pick else "event",
    )
    figure.update_xaxes(title=title, fixedrange=True, showgrid=False, title_standoff=6)
    if isinstance(centres[0], str):
        figure.update_xaxes(type="category")
    figure.update_yaxes(fixedrange=True, nticks=4, rangemode="tozero", ticksuffix="% ")

    def picked() -> None:
        points = st.session_state[key].selection.points
        if points and on_pick is not None:
            on_pick(int(points[0]["point_index"]))

    st.plotly_chart(
        figure,
        key=key,
        config={"displayModeBar": False, "responsive": True},
        on_select=picked if on_pick else "ignore",
        selection_mode="points",
        alt=title,
    )
