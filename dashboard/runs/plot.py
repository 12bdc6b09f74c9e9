"""Curves as a plotly figure, and the choices of how they are drawn, which are in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.split_verdict import SplitVerdict
from dashboard.ui.badges import html_mark
from training.runs.curve_shapes import TRAIN, VAL, Band, Line, band_of, reach_of, smooth, title_of

HEIGHT = 320
_MANY = 20_000
"""Points above which the graphics card draws."""
_SIDES = {TRAIN: "training", VAL: "validation"}


@dataclass(frozen=True, eq=False)
class Series:
    """One run's lines of one measure, or those of the seeds of one configuration."""

    name: str
    colour: str
    verdict: SplitVerdict
    sides: dict[str, list[Line]]
    """By side, a line a run."""
    runs: int = 1
    """Runs that it stands for; from two on they are drawn as a band."""


def figure_of(
    series: Sequence[Series],
    *,
    axis: str,
    smoothing: float = 0.0,
    log: bool = False,
    legend: bool = False,
) -> go.Figure:
    """Returns the curves of one measure.

    Args:
        series: What to draw.
        axis: Title of the x axis.
        smoothing: Weight of the moving mean that is drawn above the measured line.
        log: Whether y is logarithmic.
        legend: Whether the figure names its own curves, as a figure that stands alone must.
    """
    figure = go.Figure()
    every = [line for each in series for lines in each.sides.values() for line in lines]
    points, reach = sum(len(line.x) for line in every), reach_of(every)
    kind = go.Scattergl if points > _MANY else go.Scatter
    pairs = any(len(each.sides) > 1 for each in series)
    for each in series:
        for side, lines in each.sides.items():
            dash = "dot" if pairs and side == TRAIN else "solid"
            name = f"{each.name}, {_SIDES[side]}" if pairs else each.name
            draw = _Draw(figure, kind, each, name, dash, smoothing, reach)
            if each.runs > 1:
                draw.band(band_of(lines))
            else:
                draw.line(lines[0])
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        hovermode="x unified",
        hoverlabel={"namelength": 40},
        showlegend=legend,
        dragmode="zoom",
        uirevision=f"{axis} {log}",  # a zoom outlives the next look at a live run
    )
    figure.update_xaxes(title=axis, title_standoff=6, showgrid=False, zeroline=False)
    if axis != "Time of day":
        figure.update_xaxes(unifiedhovertitle_text=f"{axis} %{{x:,.4~f}}")
    figure.update_yaxes(type="log" if log else "linear", nticks=6, zeroline=False)
    return figure


@dataclass
class _Draw:
    """Adds traces of one series and side."""

    figure: go.Figure
    kind: Any
    series: Series
    name: str
    dash: str
    smoothing: float
    reach: float

    def line(self, line: Line) -> None:
        self._trace(line.x, line.y, "")

    def band(self, band: Band) -> None:
        if not len(band.x):
            return
        red, green, blue = bytes.fromhex(self.series.colour[1:])
        edge = {"width": 0}
        shared = {"mode": "lines", "line": edge, "hoverinfo": "skip", "showlegend": False}
        # Filling between two lines needs neighbours of one kind, and SVG draws it.
        self.figure.add_scatter(x=band.x, y=band.high, **shared)
        fill = f"rgba({red},{green},{blue},0.18)"
        self.figure.add_scatter(x=band.x, y=band.low, fill="tonexty", fillcolor=fill, **shared)
        texts = [
            f" ({low:.4g} to {high:.4g}, n = {count})"
            for low, high, count in zip(band.low, band.high, band.count, strict=True)
        ]
        self._trace(band.x, band.mean, texts)

    def _trace(self, x: Any, y: Any, texts: str | list[str]) -> None:
        smoothed = self.smoothing > 0 and len(y) > 2
        name = f"{escape(self.name)} {html_mark(self.series.verdict)}".rstrip()
        line = {"color": self.series.colour, "width": 2, "dash": self.dash}
        few = len(y) <= 25 and not smoothed
        self.figure.add_trace(
            self.kind(
                x=x,
                y=y,
                name=name,
                mode="lines+markers" if few else "lines",
                marker={"size": 5},
                line={**line, "width": 1} if smoothed else line,
                opacity=0.45 if smoothed else 1.0,
                customdata=texts or None,
                hovertemplate=f"%{{y:.5g}}{'%{customdata}' if texts else ''}"
                "<extra>%{fullData.name}</extra>",
                showlegend=not smoothed,
            )
        )
        if smoothed:
            mean = smooth(x, np.asarray(y, np.float64), self.smoothing, self.reach)
            self.figure.add_trace(
                self.kind(x=x, y=mean, name=name, mode="lines", line=line, hoverinfo="skip")
            )


AXES = {
    "Epoch": "epoch",
    "Step": "step",
    "Images seen": "images",
    "Hours": "hours",
    "Time of day": "time",
}
"""What curves can stand over, as a person reads it."""
USUAL = ("dice", "loss")
"""Measures that are drawn before anybody chose."""


@dataclass(frozen=True)
class PlotChoice:
    """Every choice of a plot."""

    measures: tuple[str, ...]
    axis: str = "Epoch"
    smoothing: float = 0.0
    """Weight of the moving mean, in [0, 1); see `training.runs.curve_shapes.smooth`."""
    log: bool = False
    seeds: bool = False
    """Whether runs that differ in their seed alone are one band."""
    zone: str = "UTC"
    """Time zone of the time of day."""

    @property
    def columns(self) -> str:
        """The axis as `training.runs.curve_shapes` calls it."""
        return AXES[self.axis]


def ask_plot(measures: Sequence[str], *, groups: bool) -> PlotChoice:
    """Draws the settings of the curves and returns them.

    Args:
        measures: What there is to draw.
        groups: Whether some of the runs differ in their seed alone.
    """
    with st.container(key="plot", horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = _ask_measures(measures)
        axis = st.selectbox("X axis", list(AXES), key="over", bind="query-params", width=150)
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.95,
            step=0.05,
            key="smooth",
            bind="query-params",
            width=170,
            help="A moving mean over a part of the axis is drawn on top; the measured line stays "
            "behind it, and what the pointer shows is always measured. Curves of few figures "
            "hardly change.",
        )
        log = st.toggle("Log scale", key="log", bind="query-params")
        seeds = False
        if groups:
            seeds = st.toggle(
                "Seeds as one",
                key="seeds",
                bind="query-params",
                help="Runs that differ in their seed alone become their mean, with a band from "
                "the lowest to the highest.",
            )
    return PlotChoice(tuple(chosen), axis, smoothing, log, seeds, st.context.timezone or "UTC")


def _ask_measures(measures: Sequence[str]) -> list[str]:
    usual = [each for each in USUAL if each in measures] or list(measures[:1])
    asked = dict.fromkeys(st.query_params.get_all("measure"))
    wanted = [each for each in asked if each in measures]
    # Not bound: other runs have other measures, and a link must wait for them.
    shown = wanted or usual
    if st.session_state.get("measures") != shown:
        st.session_state["measures"] = shown
    return st.multiselect(
        "Measures",
        measures,
        format_func=title_of,
        key="measures",
        placeholder="Choose what to draw",
        on_change=_choose,
        args=(shown,),
        width=430,
    )


def _choose(shown: list[str]) -> None:
    if st.session_state["measures"] == shown:  # the browser only repeats it
        return
    st.query_params["measure"] = st.session_state["measures"]
    if not st.session_state["measures"]:
        del st.query_params["measure"]
