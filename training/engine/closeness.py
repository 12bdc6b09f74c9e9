"""How close each pixel lies to a mask's edge; what the edge-weighted loss multiplies by."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

SIGMA = 5.0
"""How far an edge reaches, in px of the training square; the U-Net's paper takes the same."""


_REACH = 6.0
"""Sigmas after which the closeness is 0."""


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


@cache
def _closeness_by_square(sigma: float) -> NDArray[np.float32]:
    """Returns the closeness for each squared distance to the next pixel of the other side."""
    distance = np.sqrt(np.arange(int((_REACH * sigma) ** 2) + 1)) - 0.5
    closeness = np.exp(-(distance**2) / (2 * sigma**2))
    closeness[-1] = 0.0  # and all beyond
    return closeness.astype(np.float32)
