"""The car's own colours along its edge, where the photo has mixed them with the background's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

OPAQUE = 254.5 / 255
"""Alpha from which a pixel shows the car alone: less than half a level of something else."""


def estimate_foreground(photo: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Returns the photo (H, W, 3) with the car's colours where alpha is between 0 and 1.

    Args:
        photo: RGB (H, W, 3).
        alpha: Share of each pixel that is car, (H, W) in [0, 1].
    """
    foreground = photo.copy()
    band = (alpha > 0) & (alpha < OPAQUE)
    known = alpha >= OPAQUE
    if not band.any() or not known.any():
        return foreground
    _, labels = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(labels.max()) + 1, np.int64)
    of_label[labels[known]] = np.flatnonzero(known)
    foreground[band] = photo.reshape(-1, 3)[of_label[labels[band]]]
    return foreground
