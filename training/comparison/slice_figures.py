"""Slices as a plotly figure: views on a circle, everything else as points with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from core.metric_table import Metric
from training.comparison.figures import Side, padded, plain
from training.comparison.interval import Interval
from training.comparison.slices import Sliced

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
