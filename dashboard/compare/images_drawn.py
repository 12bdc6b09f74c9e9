"""The pictures of one photo: the truth, what A and B say of it, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.drawing import OverlayStyle, error_picture, overlay
from core.errors import CarmaskError, reason
from core.image import encode_jpeg, thumbnail
from dashboard.compare.images_panes import Pane
from dashboard.compare.images_predictions import Prediction
from dashboard.dataset.previews import sample_key
from training.comparison.disagreement import (
    DisagreementColours,
    Spot,
    disagreement_of,
    disagreement_picture,
)
from training.comparison.figures import Side
from training.data.folder import Sample

LONGEST = 1920
"""Longest side of a picture in px: enough to zoom into."""
_QUALITY = 92
_OPACITY = 0.35
_TRUE = "#7BE04B"  # a green that no row has
_WAITS = "The network looks at this photo …"


@dataclass(frozen=True)
class Drawn:
    """One photo, ready for the browser."""

    panes: tuple[Pane, ...] = ()
    """The large picture first."""
    shape: tuple[int, int] = (2, 3)
    """Height and width of the photo in px."""
    spot: Spot | None = None
    """Where most differs, or where most is wrong."""
    counts: tuple[int, int, int] | None = None
    """Pixels in which A alone is right, B alone is right, both are wrong; None if not known yet."""
    errors: tuple[str, ...] = ()
    """What can't be read."""


def drawn(
    sample: Sample,
    sides: tuple[Side, Side],
    said: tuple[Prediction | None, Prediction | None],
    *,
    alone: bool,
) -> Drawn:
    """Returns the pictures of a photo; kept, for they are asked for at each redraw of the page.

    Args:
        sample: The photo and its true mask.
        sides: Titles and colours of A and B.
        said: What A and B say of it; None where that is not known yet.
        alone: Whether A and B are the same, so that there is nothing to disagree about.
    """
    keys = tuple(each.key if each else "" for each in said)
    return _drawn((sample_key(sample), keys, sides, alone), sample, sides, said, alone)


@st.cache_data(max_entries=48, show_spinner=False)
def _drawn(
    key: object,
    _sample: Sample,
    _sides: tuple[Side, Side],
    _said: tuple[Prediction | None, Prediction | None],
    _alone: bool,
) -> Drawn:
    try:
        image, truth = _sample.read_truth()
    except (CarmaskError, OSError) as error:
        return Drawn(errors=(reason(error),))
    errors = [each.error for each in _said if each and each.error]
    masks = [each.mask if each and not each.error else None for each in _said]
    lost = "There is no mask." if errors else _WAITS
    spot, counts, main = None, None, None
    if masks[0] is not None and masks[1] is not None:
        found = disagreement_of(truth.judged(masks[0]), truth.judged(masks[1]), truth.car)
        spot, counts = found.spot, found.counts
        if _alone:
            main = error_picture(image, truth.judged(masks[0]), truth.car)
        else:
            colours = DisagreementColours(_sides[0].colour, _sides[1].colour)
            main = disagreement_picture(image, found, colours)
    panes = [
        _pane("Errors" if _alone else "Where they disagree", main, lost),
        _pane("Photo", image),
        _pane("Truth", overlay(image, truth.car, OverlayStyle(_TRUE, _OPACITY))),
    ]
    for side, mask in list(zip(_sides, masks, strict=True))[: 1 if _alone else 2]:
        style = OverlayStyle(side.colour, _OPACITY)
        panes.append(_pane(side.title, None if mask is None else overlay(image, mask, style), lost))
    shape = image.shape[0], image.shape[1]
    return Drawn(tuple(panes), shape, spot, counts, tuple(dict.fromkeys(errors)))


def _pane(name: str, picture: NDArray[np.uint8] | None, lost: str = "") -> Pane:
    if picture is None:
        return Pane(name, lost=lost)
    return Pane(name, encode_jpeg(thumbnail(picture, LONGEST), _QUALITY))
