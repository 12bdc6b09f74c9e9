"""Photos and slices as plotly figures; the same ones stand on the page and in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from core.metric_table import Metric
from training.comparison.aligned import Pairs
from training.comparison.interval import Interval
from training.comparison.slices import Sliced

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


MOST = 20
"""Slices in a figure at most; of more, those in which the poorest is poorest."""
_TURN = 16
"""Views of one turn of the turntable."""
_GRID = "rgba(128,145,160,0.45)"  # seen on white and on black
_CIRCLE = 3  # views from which they stand on a circle


def slices_figure(found: Sequence[Sliced], sides: Sequence[Side]) -> go.Figure:
    """Returns the slices of those that are compared.

    Args:
        found: Of each, the same photos cut in the same way.
        sides: Their titles and colours.
    """
    first = found[0]
    views = [place for place, each in enumerate(first.slices) if each.key]
    circle = first.by == "view" and len(views) >= _CIRCLE
    places = views if circle else places_of(found)[:MOST]
    slices = {
        first.slices[at].key if circle else first.slices[at].name: [
            each.slices[at].interval for each in found
        ]
        for at in places
    }
    return (_circle if circle else _bars)(slices, sides, first.metric)


def places_of(found: Sequence[Sliced]) -> list[int]:
    """Returns the places of the slices in the order to read them: cars the poorest first."""
    places = list(range(len(found[0].slices)))
    if found[0].by != "car":
        return places
    sign = 1 if found[0].metric.higher_is_better else -1
    return sorted(
        places, key=lambda at: min(sign * each.slices[at].interval.estimate for each in found)
    )


def _circle(
    views: Mapping[str, Sequence[Interval]], sides: Sequence[Side], metric: Metric
) -> go.Figure:
    """Returns the views on a circle, a line for each of those that are compared.

    Args:
        views: By view, such as "01", one interval for each of `sides`; at least one view.
        sides: Those that are compared.
        metric: What is compared; better figures lie farther out.
    """
    figure, angles = go.Figure(), _angles(list(views))
    names = [*views, next(iter(views))]  # a closed line ends where it began
    for number, side in enumerate(sides):
        found = [views[name][number] for name in names]
        figure.add_scatterpolar(
            r=[each.estimate for each in found],
            theta=[angles[name] for name in names],
            customdata=[f"view {name}: {_text(views[name][number])}" for name in names],
            name=escape(side.title),
            mode="lines+markers",
            line={"color": side.colour, "width": 2},
            marker={"size": 6},
            hovertemplate="%{customdata}<extra></extra>",
        )
    every = [each.estimate for found in views.values() for each in found]
    low, high = padded(min(every), max(every), 0.35)
    figure.update_polars(
        radialaxis={
            "range": [low, high] if metric.higher_is_better else [high, low],
            "nticks": 4,
            "angle": 90,
            "tickangle": 90,
            "showline": False,
            "gridcolor": _GRID,
        },
        angularaxis={
            "rotation": 90,
            "direction": "clockwise",
            "tickvals": list(angles.values()),
            "ticktext": list(angles),
            "gridcolor": _GRID,
            "linecolor": _GRID,
        },
        bgcolor="rgba(0,0,0,0)",  # the page's own, also in the dark
    )
    figure = plain(figure, height=460)
    return figure.update_layout(margin={"l": 40, "r": 40, "t": 40, "b": 32})


def _angles(views: Sequence[str]) -> dict[str, float]:
    """Returns where each view stands, in degrees: view 5 of a turn of 16 is a quarter of a turn."""
    numbers = [int(view) for view in views if view.isdecimal()]
    if len(numbers) == len(views) and min(numbers) >= 1 and max(numbers) <= _TURN:
        return {view: 360 * (int(view) - 1) / _TURN for view in views}
    return {view: 360 * place / len(views) for place, view in enumerate(views)}


def _bars(
    slices: Mapping[str, Sequence[Interval]], sides: Sequence[Side], metric: Metric
) -> go.Figure:
    """Returns a group of points with their intervals for each slice, one below the other.

    Args:
        slices: By name, one interval for each of `sides`; the first stands uppermost.
        sides: Those that are compared.
        metric: What is compared.
    """
    figure, names = go.Figure(), list(slices)
    step = 0.6 / max(1, len(sides))
    for number, side in enumerate(sides):
        found = [each[number] for each in slices.values()]
        shift = (number - (len(sides) - 1) / 2) * step
        figure.add_scatter(
            x=[each.estimate for each in found],
            y=[place + shift for place in range(len(names))],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [each.high - each.estimate if each.known else 0 for each in found],
                "arrayminus": [each.estimate - each.low if each.known else 0 for each in found],
                "thickness": 1.5,
                "width": 0,
            },
            customdata=[
                f"{escape(name)}: {_text(each)}" for name, each in zip(names, found, strict=True)
            ],
            name=escape(side.title),
            mode="markers",
            marker={"color": side.colour, "size": 8},
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[escape(name) for name in names],
        range=[len(names) - 0.4, -0.6],
        zeroline=False,
        showgrid=False,
    )
    figure.update_xaxes(title=metric.label, zeroline=False, nticks=6, title_standoff=6)
    return plain(figure, height=90 + max(22 * len(sides), 30) * len(names))


def _text(found: Interval) -> str:
    photos = "photo" if found.images == 1 else "photos"
    return f"{found.text()}, {found.images:,} {photos}"
