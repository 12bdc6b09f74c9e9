"""Weight map of the loss: extra weight of pixels along the edge and in narrow gaps."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from training.config import TrainConfig

SIGMA = 5.0
"""How far an edge reaches, in px of the training square; the U-Net's paper takes the same."""

_REACH = 6.0
"""Sigmas after which the closeness is 0."""
_WIDEST_GAP = 21
"""Widest gap that counts as narrow, in px of the training square; an odd number."""
_BESIDE_GAP = 2
"""How far into the car a gap's weight reaches, in px."""


def weight_map(mask: NDArray[np.bool_], config: TrainConfig) -> NDArray[np.float32] | None:
    """Returns the weight map, float32 (H, W) from 0 up; None where the settings ask for none."""
    if not config.has_weight_map:
        return None
    weights = np.zeros(mask.shape, np.float32)
    if config.edge_weight:
        weights += np.float32(config.edge_weight) * edge_closeness(mask)
    if config.gap_weight:
        weights += np.float32(config.gap_weight) * narrow_gaps(mask)
    return weights


def edge_closeness(mask: NDArray[np.bool_], sigma: float = SIGMA) -> NDArray[np.float32]:
    """Returns exp(-d^2 / (2 sigma^2)), float32 (H, W) in [0, 1], d the distance to the edge in px.

    The edge runs between the pixels, so those beside it have d = 0.5. The picture's own border is
    no edge; a mask that is empty or full has none, and its closeness is 0.

    Args:
        mask: bool (H, W).
        sigma: In px.

    Source: Ronneberger et al. 2015, "U-Net", equation 2, for a single object.
    """
    bits = mask.astype(np.uint8)
    if not bits.any() or bits.all():
        return np.zeros(mask.shape, np.float32)
    inside = cv2.distanceTransform(bits, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - bits, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's distances differ in their last bit from call to call, with where the array lies in
    # memory; their squares are whole numbers, so rounding these gives the same bits each time.
    squares = np.rint(np.maximum(inside, outside) ** 2).astype(np.int64)
    table = _closeness_by_square(sigma)
    return np.asarray(table[np.minimum(squares, len(table) - 1)], dtype=np.float32)


def narrow_gaps(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns bool (H, W), True in the car's narrow gaps and right beside them.

    A gap is background up to 21 px wide that has the car on both sides: between the spokes of a
    wheel, under a spoiler, behind a tyre. A morphological closing would fill it. For a single
    object this is what the paper's weight map is for, "the small separation borders"; its two
    distances d1 and d2 are to two cells, a car has but one outline.

    Args:
        mask: bool (H, W).

    Source: Ronneberger et al. 2015, "U-Net", section 3; Serra 1982, "Image Analysis and
    Mathematical Morphology", chapter II, for the closing.
    """
    beyond = [(_WIDEST_GAP, _WIDEST_GAP)] * 2  # background, so the picture's border makes no gap
    bits = np.pad(mask.astype(np.uint8), beyond)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_GAP, _WIDEST_GAP))
    gaps = cv2.bitwise_and(cv2.morphologyEx(bits, cv2.MORPH_CLOSE, disk), 1 - bits)
    pair = np.ones((2, 2), np.uint8)  # an opening by it takes away the steps of slanted edges
    gaps = cv2.dilate(cv2.erode(gaps, pair, anchor=(0, 0)), pair, anchor=(1, 1))
    side = 2 * _BESIDE_GAP + 1
    reached = cv2.dilate(gaps, np.ones((side, side), np.uint8)) > 0
    return reached[_WIDEST_GAP:-_WIDEST_GAP, _WIDEST_GAP:-_WIDEST_GAP]


@cache
def _closeness_by_square(sigma: float) -> NDArray[np.float32]:
    """Returns the closeness for each squared distance to the next pixel of the other side."""
    distance = np.sqrt(np.arange(int((_REACH * sigma) ** 2) + 1)) - 0.5
    closeness = np.exp(-(distance**2) / (2 * sigma**2))
    closeness[-1] = 0.0  # and all beyond
    return closeness.astype(np.float32)
