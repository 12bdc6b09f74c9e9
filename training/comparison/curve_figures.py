"""Figures of threshold curves, calibration and cost, the same on the page and in the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from training.comparison.figures import Side, plain
from training.evaluation.curves import Calibration, CurveMetric, ThresholdCurves

CURVE_TITLES: dict[CurveMetric, str] = {"dice": "Dice", "iou": "IoU"}
HEIGHT = 340
_GREY = "rgba(128,145,160,0.65)"
_INNER = slice(5, 96)
"""Thresholds that a figure is fitted to: at the ends everything is car, or nothing is."""


@dataclass(frozen=True, eq=False)
class Line:
    """One side's line in a figure."""

    side: Side
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
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"color": _GREY, "dash": "dot"},
        )
    for line in lines:
        shared = {"x": line.x, "y": line.y, "name": escape(line.side.title)}
        figure.add_scatter(
            **shared,
            mode="lines+markers" if points else "lines",
            line={"color": line.side.colour, "width": 2},
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
                showlegend=False,
                marker={"color": line.side.colour, "size": 11, "symbol": symbol, "line_width": 2},
            )
    return _finished(figure, x, y)


def points_figure(
    sides: Sequence[Side],
    at: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    x: str,
    y: str,
    bars: Sequence[tuple[float, float]],
    front: Sequence[int],
) -> go.Figure:
    """Returns a figure with a named point a side.

    Args:
        sides: What to draw.
        at: Where each stands.
        texts: What the pointer shows at each.
        x: Title of the axis below, which is logarithmic.
        y: Title of the axis at the left.
        bars: Lower and upper end of the bar through each point.
        front: Places of those that no other one beats on both axes; a line joins them.
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
    for side, (across, up), (low, high), text in zip(sides, at, bars, texts, strict=True):
        figure.add_scatter(
            x=[across],
            y=[up],
            error_y={
                "type": "data",
                "array": [high - up],
                "arrayminus": [up - low],
                "thickness": 1.5,
            },
            mode="markers+text" if len(sides) <= 12 else "markers",
            text=[f"  {escape(side.title)}  "],
            # Beside the bar, and towards the middle so that a long name has room.
            textposition="middle left" if np.log10(across) > (least + most) / 2 else "middle right",
            name=escape(side.title),
            marker={"color": side.colour, "size": 12},
            customdata=[text],
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure = _finished(figure, x, y)
    figure.update_xaxes(type="log", nticks=6, range=[least - room, most + room])
    return figure


def threshold_figure(
    sides: Sequence[Side],
    curves: Sequence[ThresholdCurves],
    own: Sequence[float],
    metric: CurveMetric,
) -> go.Figure:
    """Returns each side's mean over the threshold; the best is a dot, its own a ring.

    Args:
        sides: What to draw.
        curves: Each one's figures for all thresholds.
        own: Each one's own threshold, in [0, 1].
        metric: Which figure.
    """
    lines = []
    for side, each, mine in zip(sides, curves, own, strict=True):
        values = getattr(each, metric)
        texts = [f"{v:.4f} at {t:.2f}" for t, v in zip(each.thresholds, values, strict=True)]
        best = round(each.best_threshold(metric) * 100)
        hollow = [round(mine * 100)]
        lines.append(Line(side, each.thresholds, values, texts, marked=[best], hollow=hollow))
    figure = lines_figure(lines, x="Threshold", y=CURVE_TITLES[metric])
    figure.update_yaxes(range=_range([line.y[_INNER] for line in lines]))
    return figure


def precision_figure(
    sides: Sequence[Side], curves: Sequence[ThresholdCurves], own: Sequence[float]
) -> go.Figure:
    """Returns each side's precision over its recall; its own threshold is a ring."""
    lines = []
    for side, each, mine in zip(sides, curves, own, strict=True):
        texts = [
            f"precision {p:.4f}, recall {r:.4f} at {t:.2f}"
            for p, r, t in zip(each.precision, each.recall, each.thresholds, strict=True)
        ]
        hollow = [round(mine * 100)]
        lines.append(Line(side, each.recall, each.precision, texts, hollow=hollow))
    figure = lines_figure(lines, x="Recall", y="Precision")
    figure.update_xaxes(range=_range([line.x[_INNER] for line in lines]))
    figure.update_yaxes(range=_range([line.y[_INNER] for line in lines]))
    return figure


def calibration_figure(sides: Sequence[Side], found: Sequence[Calibration]) -> go.Figure:
    """Returns each side's share of car over its probability, with the line of equality."""
    lines = []
    for side, each in zip(sides, found, strict=True):
        known = each.pixels > 0
        x, y, pixels = each.probability[known], each.share[known], each.pixels[known]
        texts = [
            f"of {n:,} pixels given {p:.2f}, {s:.0%} are car"
            for n, p, s in zip(pixels, x, y, strict=True)
        ]
        lines.append(Line(side, x, y, texts))
    return lines_figure(
        lines,
        x="Probability that the network gives",
        y="Share that is car",
        diagonal=True,
        points=True,
    )


def _range(parts: Sequence[NDArray[np.float64]]) -> list[float]:
    """Returns lowest and highest value with a margin, of figures in [0, 1]."""
    low = min(float(part.min()) for part in parts)
    high = max(float(part.max()) for part in parts)
    margin = 0.06 * max(high - low, 1e-4)
    return [low - margin, high + margin]


def _finished(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(showlegend=False, hoverlabel={"namelength": 40}, dragmode="zoom")
    figure.update_xaxes(title=x, title_standoff=12, zeroline=False)
    figure.update_yaxes(title=y, title_standoff=16, nticks=6, zeroline=False)
    return plain(figure, height=HEIGHT)
