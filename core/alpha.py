"""From a mask to soft alpha: the share of each pixel along the edge that is car."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.masks import Mask, Probability, require_mask, require_probability

Floats = NDArray[np.float32]


def estimate_alpha(
    photo: NDArray[np.uint8], mask: Mask, probability: Probability | None = None
) -> Floats:
    """Returns alpha, float32 (H, W) in [0, 1]: the mask away from its edge, soft along it.

    Args:
        photo: RGB (H, W, 3).
        mask: The car, bool (H, W).
        probability: The network's, float32 (h, w) in [0, 1] on any grid.

    Raises:
        MaskError: Mask or probability have a wrong shape, dtype or range.
    """
    require_mask(mask)
    alpha = mask.astype(np.float32)
    grid = None
    if probability is not None:
        require_probability(probability)
        grid = probability.shape
    if mask.all() or not mask.any():
        return alpha
    radius = _radius(mask.shape, grid)
    part = _box(mask, 4 * radius)
    guide = cv2.cvtColor(photo[part], cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)
    soft = _guided(guide, alpha[part], radius)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    inside = alpha[part]
    band = cv2.dilate(inside, kernel) != cv2.erode(inside, kernel)
    alpha[part] = np.where(band, soft, inside)
    return alpha


def _radius(shape: tuple[int, int], grid: tuple[int, int] | None) -> int:
    """Returns how far from the mask's edge the true one may lie, in px."""
    cell = max(shape) / max(grid) if grid else max(shape) / 1000
    return max(2, round(2 * cell))


def _box(mask: Mask, margin: int) -> tuple[slice, slice]:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (
        slice(max(top - margin, 0), top + height + margin),
        slice(max(left - margin, 0), left + width + margin),
    )


def _guided(guide: Floats, alpha: Floats, radius: int) -> Floats:
    """Returns alpha as a local linear function of the guide, clipped to [0, 1].

    Source: He, Sun and Tang 2010, Guided Image Filtering.
    """
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(plane: Floats) -> Floats:
        return np.asarray(cv2.blur(plane, size, borderType=cv2.BORDER_REPLICATE), np.float32)

    centre, level = mean(guide), mean(alpha)
    slope = (mean(guide * alpha) - centre * level) / (mean(guide * guide) - centre**2 + 1e-4)
    offset = level - slope * centre
    return np.asarray(np.clip(mean(slope) * guide + mean(offset), 0, 1), np.float32)
