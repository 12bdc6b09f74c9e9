"""Figures of rows: lines or points in the rows' colours, all of one look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.shared.compare.choice import Row

HEIGHT = 340
_GREY = "rgba(128,145,160,0.65)"


@dataclass(frozen=True, eq=False)
class Line:
    """One row's line in a figure."""

    row: Row
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    texts: Sequence[str]
    """What the pointer shows at each point."""
    marked: Sequence[int] = ()
    """Places of points that are drawn large."""
    hollow: Sequence[int] = ()
    """Places of points that are drawn as rings."""


def lines_figure(
    lines: Sequence[Line], *, x: str, y: str, diagonal: bool = False, points: bool = False
) -> go.Figure:
    """Returns a figure of lines.

    Args:
        lines: What to draw.
        x: Title of the axis below.
        y: Title of the axis at the left.
        diagonal: Whether the line of equality is drawn, both axes being from 0 to 1.
        points: Whether each point of a line is drawn.
    """
    figure = go.Figure()
    if diagonal:
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", line={"color": _GREY, "dash": "dot"}
        )
    for line in lines:
        shared = {"x": line.x, "y": line.y, "name": escape(line.row.title)}
        figure.add_scatter(
            **shared,
            mode="lines+markers" if points else "lines",
            line={"color": line.row.colour, "width": 2},
            marker={"size": 5},
            customdata=list(line.texts),
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
        for places, symbol in ((line.hollow, "circle-open"), (line.marked, "circle")):
            figure.add_scatter(
                x=line.x[list(places)],
                y=line.y[list(places)],
                mode="markers",
                hoverinfo="skip",
                marker={"color": line.row.colour, "size": 11, "symbol": symbol, "line_width": 2},
            )
    return _finished(figure, x, y)


def points_figure(
    rows: Sequence[Row],
    at: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    x: str,
    y: str,
    bars: Sequence[tuple[float, float]],
    front: Sequence[int],
) -> go.Figure:
    """Returns a figure with a named point a row.

    Args:
        rows: What to draw.
        at: Where each stands.
        texts: What the pointer shows at each.
        x: Title of the axis below, which is logarithmic.
        y: Title of the axis at the left.
        bars: Lower and upper end of the bar through each point.
        front: Places of the rows that no other one beats on both axes; a line joins them.
    """
    figure = go.Figure()
    joined = sorted(at[place] for place in front)
    least, most = np.log10([min(at)[0], max(at)[0]])
    room = max(0.12 * (most - least), 0.02)
    figure.add_scatter(
        x=[each[0] for each in joined],
        y=[each[1] for each in joined],
        mode="lines",
        hoverinfo="skip",
        line={"color": _GREY, "dash": "dot", "width": 2},
    )
    for row, (across, up), (low, high), text in zip(rows, at, bars, texts, strict=True):
        figure.add_scatter(
            x=[across],
            y=[up],
            error_y={
                "type": "data",
                "array": [high - up],
                "arrayminus": [up - low],
                "thickness": 1.5,
            },
            mode="markers+text" if len(rows) <= 12 else "markers",
            text=[f"  {escape(row.title)}  "],
            # Beside the bar, and towards the middle so that a long name has room.
            textposition="middle left" if np.log10(across) > (least + most) / 2 else "middle right",
            name=escape(row.title),
            marker={"color": row.colour, "size": 12},
            customdata=[text],
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure = _finished(figure, x, y)
    figure.update_xaxes(type="log", nticks=6, range=[least - room, most + room])
    return figure


def show_figure(figure: go.Figure, title: str, key: str, note: str = "") -> None:
    """Draws a figure under its title."""
    st.markdown(f"**{title}**", help=note or None)
    config = {
        "displaylogo": False,
        "responsive": True,
        "modeBarButtonsToRemove": ["select2d", "lasso2d"],
    }
    st.plotly_chart(figure, key=key, config=config, alt=title)


def show_legend(rows: Sequence[Row]) -> None:
    """Draws the rows' names beside their colours."""
    names = "".join(
        f'<span style="white-space:nowrap"><span style="display:inline-block;width:1.1rem;'
        f"height:.25rem;border-radius:.2rem;background:{row.colour};margin-right:.45rem;"
        f'vertical-align:middle"></span>{escape(row.title)}</span>'
        for row in rows
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.35rem 1.2rem">{names}</div>')


def _finished(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        showlegend=False,
        hoverlabel={"namelength": 40},
        dragmode="zoom",
    )
    figure.update_xaxes(title=x, title_standoff=12, zeroline=False)
    figure.update_yaxes(title=y, title_standoff=16, nticks=6, zeroline=False)
    return figure
