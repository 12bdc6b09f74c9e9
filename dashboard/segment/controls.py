"""The settings that change a result at once, each of them in the URL."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.cutout import Edge
from core.drawing import OverlayStyle
from core.masks import MaskSettings
from dashboard.segment.pictures import Look

CUT_OUT, MASK, OVERLAY = "Cut-out", "Mask", "Overlay"
SIDE_BY_SIDE, SLIDER, HEAT_MAP = "Side by side", "Before / after", "Heat map"
VIEWS = (CUT_OUT, MASK, OVERLAY, SIDE_BY_SIDE, SLIDER, HEAT_MAP)

TRANSPARENT, WHITE, BLACK, COLOUR = "Transparent", "White", "Black", "Colour"
_GROUNDS = {TRANSPARENT: "", WHITE: "#FFFFFF", BLACK: "#000000"}
_OWN_GROUND = "#DCE3EA"


def pick_view(first: str) -> str:
    """Draws the choice of what is shown of a result, one of `VIEWS`, and returns it.

    Args:
        first: What is shown before anybody chose.
    """
    view = st.segmented_control(
        "View",
        VIEWS,
        default=first,
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    return str(view)


def pick_background() -> str:
    """Draws what lies behind a cut-out; returns a colour #RRGGBB, or "" for nothing."""
    chosen = st.segmented_control(
        "Background",
        (*_GROUNDS, COLOUR),
        default=TRANSPARENT,
        required=True,
        key="background",
        bind="query-params",
        help="Transparent saves PNG files, a colour saves JPEG files.",
    )
    if chosen != COLOUR:
        return _GROUNDS.get(str(chosen), "")
    return str(st.color_picker("Background colour", _OWN_GROUND, key="ground", bind="query-params"))


def pick_look(threshold: float, background: str, outputs: tuple[str, ...]) -> Look:
    """Draws the finer settings, each folded into a button, and returns all of them.

    Args:
        threshold: The checkpoint's own, where the slider starts.
        background: See `pick_background`.
        outputs: Files of a ZIP, of `pictures.OUTPUTS`.
    """
    with st.popover("Adjust mask", icon=":material/tune:"):
        chosen = st.slider(
            "Threshold",
            0.01,
            0.99,
            threshold,
            0.01,
            key="threshold",
            bind="query-params",
            help="Least probability that counts as car: higher makes the mask smaller.",
        )
        settings = _pick_clean_up(chosen)
        edge = _pick_edge()
    with st.popover("Overlay style", icon=":material/palette:"):
        style = _pick_style()
    return Look(settings, style, edge, background, outputs)


def _pick_clean_up(threshold: float) -> MaskSettings:
    keep_largest = st.toggle(
        "Keep only the largest car",
        key="keep_largest",
        bind="query-params",
        help="Removes every part of the mask but the largest.",
    )
    fill_holes = st.toggle(
        "Fill holes",
        key="fill_holes",
        bind="query-params",
        help="Fills background that the mask encloses.",
    )
    min_area = st.slider(
        "Remove specks smaller than",
        0.0,
        0.05,
        0.0,
        0.001,
        format="percent",
        key="min_area",
        bind="query-params",
        help="As a share of the photo.",
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
