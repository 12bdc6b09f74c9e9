"""The pictures of a result at the size of a screen, ready for the browser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.cutout import Edge
from core.drawing import ERROR_COLOURS, OverlayStyle, error_picture, heatmap, overlay
from core.image import encode_jpeg, encode_png
from core.masks import MaskSettings, car_share
from core.preprocess import resize_mask
from core.session import Prepared
from core.truth import Truth

LONGEST_ALONE, LONGEST_OF_MANY = 1400, 960
"""Longest side in px of a picture that stands alone, and of one among many."""
_QUALITY = 88


@dataclass(frozen=True)
class Look:
    """Every setting that changes a result without the network."""

    settings: MaskSettings
    """Threshold and clean-up."""
    style: OverlayStyle
    """How the mask is drawn."""
    edge: Edge = "soft"
    """Edge of the cut-out."""


USUAL_LOOK = Look(MaskSettings(), OverlayStyle())
"""The settings that nobody has touched."""


def photo_jpeg(prepared: Prepared) -> bytes:
    """Returns the photo as JPEG."""
    return encode_jpeg(prepared.picture, _QUALITY)


def screen_mask(prepared: Prepared, look: Look) -> NDArray[np.bool_]:
    """Returns the mask at the picture's size, bool (h, w)."""
    return prepared.result.mask(look.settings, prepared.picture.shape[:2])


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    """Returns the mask (h, w), white on black, as PNG."""
    return encode_png(mask)


def overlay_jpeg(prepared: Prepared, mask: NDArray[np.bool_], look: Look) -> bytes:
    """Returns the photo with its mask drawn in, as JPEG."""
    return encode_jpeg(overlay(prepared.picture, mask, look.style), _QUALITY)


def usual_overlay_jpeg(prepared: Prepared) -> bytes:
    """Returns the photo with its mask drawn in by the usual settings, as JPEG."""
    return overlay_jpeg(prepared, screen_mask(prepared, USUAL_LOOK), USUAL_LOOK)


def heatmap_jpeg(prepared: Prepared) -> bytes:
    """Returns the probability in colours, as JPEG."""
    shape = prepared.picture.shape[:2]
    return encode_jpeg(heatmap(prepared.result.prediction.at_size(*shape)), _QUALITY)


def errors_jpeg(prepared: Prepared, mask: NDArray[np.bool_], truth: Truth) -> bytes:
    """Returns what is right, missed and wrong, as JPEG; the truth has the photo's own size."""
    shape = prepared.picture.shape[:2]
    judged = mask if truth.ignored is None else mask & ~resize_mask(truth.ignored, *shape)
    small = resize_mask(truth.car, *shape)
    return encode_jpeg(error_picture(prepared.picture, judged, small), _QUALITY)


def facts(prepared: Prepared, mask: NDArray[np.bool_]) -> str:
    """Returns a line on size, car share and time."""
    height, width = prepared.result.shape
    return (
        f"{width} \N{MULTIPLICATION SIGN} {height} px · car {car_share(mask):.1%} of the picture · "
        f"{prepared.result.seconds:.2f} s"
    )


def fallback_note(prepared: Prepared) -> str:
    """Returns which fallback predicted where the first checkpoint was uncertain; else ""."""
    prediction = prepared.result.prediction
    if prediction.first_uncertainty is None:
        return ""
    return (
        f"Used {prediction.by}: the chosen checkpoint was unsure "
        f"(uncertainty {prediction.first_uncertainty:.1%})."
    )


def show_heatmap_legend() -> None:
    """Draws the heat map's colours from 0 to 1."""
    colours = heatmap(np.linspace(0, 1, 11, dtype=np.float32)[None])[0]
    steps = ", ".join(f"rgb({r},{g},{b})" for r, g, b in colours.tolist())
    st.html(
        '<div style="display:flex;align-items:center;gap:.6rem;font-size:.85rem">'
        f'<span>0 background</span><span style="flex:0 1 14rem;height:.6rem;border-radius:.3rem;'
        f'background:linear-gradient(90deg,{steps})"></span><span>1 car</span></div>'
    )


def show_errors_legend() -> None:
    """Draws the colours of an error picture with their names."""
    kinds = (
        ("right", ERROR_COLOURS.right),
        ("missed: car that the mask lacks", ERROR_COLOURS.missed),
        ("wrong: background in the mask", ERROR_COLOURS.wrong),
    )
    entries = "".join(
        '<span style="display:inline-flex;align-items:center;gap:.4rem">'
        f'<span style="width:.8rem;height:.8rem;border-radius:.2rem;background:{colour}"></span>'
        f"{name}</span>"
        for name, colour in kinds
    )
    row = "display:flex;flex-wrap:wrap;gap:.4rem 1.1rem;font-size:.85rem"
    st.html(f'<div style="{row}">{entries}</div>')
