"""How curves are drawn: which measures, over what, how smooth; all of it in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from training.runs.curve_shapes import title_of

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
