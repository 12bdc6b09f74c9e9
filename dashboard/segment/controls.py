"""The settings that change a result at once, each of them in the URL."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.cutout import Edge
from core.drawing import OverlayStyle
from core.masks import MaskSettings
from dashboard.segment.pictures import Look

SIDE_BY_SIDE, SLIDER, HEAT_MAP = "Side by side", "Before / after", "Heat map"
VIEWS = (SIDE_BY_SIDE, SLIDER, HEAT_MAP)


def settings_row() -> DeltaGenerator:
    """Returns the row that stays in sight while results scroll."""
    return st.container(key="settings", horizontal=True, vertical_alignment="bottom", gap="small")


def pick_look(threshold: float) -> tuple[str, Look]:
    """Draws all settings side by side and returns the view and the settings.

    Args:
        threshold: The checkpoint's own, where the slider starts.
    """
    view = st.segmented_control(
        "View", VIEWS, default=SIDE_BY_SIDE, required=True, key="view", bind="query-params"
    )
    chosen = st.slider(
        "Threshold",
        0.01,
        0.99,
        threshold,
        0.01,
        key="threshold",
        bind="query-params",
        width=280,
        help="Least probability that counts as car: higher makes the mask smaller.",
    )
    with st.popover("Clean-up", icon=":material/cleaning_services:"):
        settings = _pick_clean_up(chosen)
        edge = _pick_edge()
    with st.popover("Colour", icon=":material/palette:"):
        style = _pick_style()
    return view, Look(settings, style, edge)


def _pick_clean_up(threshold: float) -> MaskSettings:
    keep_largest = st.toggle(
        "Keep the largest part",
        key="keep_largest",
        bind="query-params",
        help="Removes all parts of the mask but the largest.",
    )
    fill_holes = st.toggle(
        "Fill holes",
        key="fill_holes",
        bind="query-params",
        help="Fills background that the mask encloses.",
    )
    min_area = st.slider(
        "Smallest part",
        0.0,
        0.05,
        0.0,
        0.001,
        format="percent",
        key="min_area",
        bind="query-params",
        help="Parts that cover less of the picture than this are removed.",
    )
    return MaskSettings(threshold, keep_largest, fill_holes, min_area)


def _pick_edge() -> Edge:
    hard = st.toggle(
        "Hard edge",
        key="hard_edge",
        bind="query-params",
        help="Cut-outs get an alpha of 0 or 255 and the photo's own colours. Otherwise the edge "
        "is soft and free of the old background.",
    )
    return "hard" if hard else "soft"


def pick_opacity(
    usual: float,
    *,
    label_visibility: Literal["visible", "collapsed"] = "visible",
    width: int | Literal["stretch"] = "stretch",
) -> float:
    """Draws how strongly the mask covers the photo, 0 to 1, and returns it."""
    return st.slider(
        "Opacity",
        0.0,
        1.0,
        usual,
        0.05,
        format="percent",
        key="opacity",
        label_visibility=label_visibility,
        bind="query-params",
        width=width,
    )


def _pick_style() -> OverlayStyle:
    usual = OverlayStyle()
    colour = st.color_picker("Colour", usual.colour, key="colour", bind="query-params")
    opacity = pick_opacity(usual.opacity)
    outline = st.slider(
        "Outline",
        0.0,
        10.0,
        usual.outline,
        0.5,
        key="outline",
        bind="query-params",
        help="Width of the line in px of a photo that is 1000 px long; 0 draws none.",
    )
    return OverlayStyle(colour=colour, opacity=opacity, outline=outline)
