"""The pictures of a result at the size of a screen, ready for the browser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.cutout import Edge, cut_out
from core.drawing import ERROR_COLOURS, OverlayStyle, error_picture, heatmap, overlay, rgb
from core.image import encode_jpeg, encode_png
from core.masks import MaskSettings, car_share
from core.preprocess import resize_mask
from core.session import Prepared
from core.truth import Truth

LONGEST, LONGEST_TILE = 1400, 360
"""Longest side in px of a picture that stands alone, and of a tile among many."""
OUTPUTS = ("Cut-outs", "Masks", "Overlays")
"""Kinds of files that a ZIP can hold."""
_QUALITY = 88
_SQUARE, _LIGHT, _DARK = 12, 255, 218  # px and grey of the squares that stand for "transparent"


@dataclass(frozen=True)
class Look:
    """Every setting that changes a result without the network."""

    settings: MaskSettings
    """Threshold and clean-up."""
    style: OverlayStyle
    """How the mask is drawn."""
    edge: Edge = "soft"
    """Edge of the cut-out."""
    background: str = ""
    """Colour #RRGGBB behind the cut-out; "" leaves it transparent."""
    outputs: tuple[str, ...] = OUTPUTS
    """Files of each photo in a ZIP."""
    edits: str = ""
    """State of the edited masks; see `core.edits.EditStore.state`."""


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


def cutout_jpeg(prepared: Prepared, mask: NDArray[np.bool_], look: Look) -> bytes:
    """Returns the car on its background, on squares where that is transparent, as JPEG."""
    probability = prepared.result.edge_probability
    car = cut_out(prepared.picture, mask, probability, edge=look.edge)
    if look.background:
        ground = np.array(rgb("background", look.background), np.uint8)
    else:
        ground = _squares(*mask.shape)
    return encode_jpeg(car.over(ground), _QUALITY)


def _squares(height: int, width: int) -> NDArray[np.uint8]:
    """Returns the pattern that stands for nothing, uint8 (height, width, 1)."""
    rows, columns = np.arange(height) // _SQUARE, np.arange(width) // _SQUARE
    odd = (rows[:, None] + columns) % 2
    return np.where(odd, _DARK, _LIGHT).astype(np.uint8)[..., None]


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
    """Returns a line on the photo's size, the car's share, the model and its time."""
    height, width = prepared.result.shape
    share, prediction = car_share(mask), prepared.result.prediction
    parts = [
        f"{width:,} \N{MULTIPLICATION SIGN} {height:,} px",
        f"car covers {share:.1%} of the photo" if share else "no car",
        f"model {prediction.by}" if prediction.by else "",
        f"{prepared.result.seconds:.1f} s",
    ]
    return " · ".join(part for part in parts if part)


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
