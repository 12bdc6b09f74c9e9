"""Drawn cars and what a network might say of them."""

from __future__ import annotations

import cv2
import numpy as np

from core.masks import Mask, Probability

SHAPE = (200, 320)


def car(seed: int = 0, *, antenna: bool = False) -> Mask:
    """A body, a roof and two wheels; some px larger or smaller, and elsewhere, by the seed."""
    rng = np.random.default_rng(seed)
    right, down, more = (int(value) for value in rng.integers(-4, 5, 3))
    mask = np.zeros(SHAPE, np.uint8)
    cv2.rectangle(mask, (60 + right, 90 + down), (260 + right + more, 140 + down), 1, -1)
    cv2.ellipse(mask, (160 + right, 92 + down), (70, 40), 0, 180, 360, 1, -1)
    for x in (100, 220):
        cv2.circle(mask, (x + right, 142 + down), 20, 1, -1)
    if antenna:
        cv2.line(mask, (200 + right, 60 + down), (212 + right, 20 + down), 1, 2)
    return mask.astype(bool)


def predicted(mask: Mask, seed: int = 0) -> Probability:
    """A probability that is right, with a soft edge and a little noise."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    noise = np.random.default_rng(seed).normal(0, 0.01, mask.shape)
    return np.clip(0.01 + 0.98 * soft + noise, 0, 1).astype(np.float32)


def moved(mask: Mask, right: int, down: int) -> Mask:
    """The mask, shifted; nothing of it may leave the picture."""
    return np.roll(mask, (down, right), (0, 1))


def grown(mask: Mask, px: int) -> Mask:
    """The mask, larger by so many px on all sides, or smaller."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(px) + 1,) * 2)
    change = cv2.dilate if px > 0 else cv2.erode
    return change(mask.astype(np.uint8), disc).astype(bool)


def without_wheel(mask: Mask) -> Mask:
    """The mask without what lies lowest on its left half."""
    cut = mask.copy()
    cut[128:, :160] = False
    return cut


def with_gap_filled(mask: Mask) -> Mask:
    """The mask with the gap between the wheels filled."""
    filled = mask.copy()
    filled[130:158, 110:210] = True
    return filled
