"""A car cut out by its mask, and what makes it belong to another picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.cutout import Cutout
from core.preprocess import HALF_LEVEL

Floats = NDArray[np.float32]

_RIM = 2.0
"""Px inside the edge in which a car's pixels have taken some of the old background."""


def cut_by_levels(image: NDArray[np.uint8], levels: NDArray[np.uint8]) -> Cutout | None:
    """Returns the car of a photo, or None where there is none.

    Args:
        image: (H, W, 3) uint8.
        levels: (H, W) uint8, 255 where the car is, less along an edge that was resampled.
    """
    mask = levels >= HALF_LEVEL
    if not mask.any():
        return None
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    inner = depth > _RIM
    if not inner.any():
        inner = mask
    # Every pixel that is not well inside takes the colour of the nearest one that is.
    outside = (~inner).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(labels.max()) + 1, np.int64)
    of_label[labels[inner]] = np.flatnonzero(inner)
    colours = image.reshape(-1, 3)[of_label[labels]]
    return Cutout(colours, levels.astype(np.float32) / np.float32(255))


def match_colours(
    placed: Cutout,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    background: NDArray[np.uint8],
    strength: float,
) -> NDArray[np.uint8]:
    """Returns the car's colours (H, W, 3) with some of the new surroundings' light and tint.

    In Lab, the mean and the spread of the car move towards those of the background: lightness by
    half of the strength (a black car stays darker than its street), tint by the way from the old
    surroundings to the new.

    Source: Reinhard et al. 2001, Color Transfer between Images, section 3; here in CIE Lab.

    Args:
        placed: The car at its place.
        image: The photo that it comes from, (H, W, 3).
        mask: Where it was there, (H, W).
        background: The new picture, (H, W, 3).
        strength: 0 changes nothing, 1 the most.
    """
    if strength <= 0 or not (placed.alpha > 0.5).any():
        return placed.foreground
    part = placed.region(margin=8)
    lab = np.asarray(cv2.cvtColor(placed.foreground[part], cv2.COLOR_RGB2LAB), np.uint8)
    own = _sparse(lab)[_sparse(placed.alpha[part]) > 0.5].astype(np.float32)
    target = _lab(_sparse(background)).reshape(-1, 3)
    around = _lab(_sparse(image))[~_sparse(mask)]
    old = around if len(around) else own
    spread = np.clip(target.std(0) / np.maximum(own.std(0), 1.0), 0.7, 1.2)
    factor = 1 + strength * (spread - 1)
    factor[1:] = np.minimum(factor[1:], 1.0)  # no colour that the paint does not have
    mean = own.mean(0)
    moved = mean.copy()
    moved[0] += 0.5 * strength * np.clip(target[:, 0].mean() - mean[0], -60, 30)
    moved[1:] += strength * np.clip(target[:, 1:].mean(0) - old[:, 1:].mean(0), -9, 9)
    levels = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip((levels - mean) * factor + moved, 0, 255).astype(np.uint8)
    colours = placed.foreground.copy()
    colours[part] = cv2.cvtColor(cv2.LUT(lab, table[None]), cv2.COLOR_LAB2RGB)
    return colours


def ground_shadow(
    background: NDArray[np.uint8], alpha: Floats, strength: float
) -> NDArray[np.uint8]:
    """Returns the background with the car's shadow on the ground.

    Two parts: dark and tight between the wheels and below the body, and a wide soft one around.

    Args:
        background: (H, W, 3).
        alpha: Where the car is, (H, W).
        strength: Darkness, 0 to 1.
    """
    points = _lower_line(alpha)
    if strength <= 0 or len(points) < 3:
        return background
    height = float(np.ptp(np.flatnonzero((alpha > 0.5).any(axis=1)))) + 1
    contact = np.zeros(alpha.shape, np.float32)
    cv2.fillPoly(contact, [cv2.convexHull(points.astype(np.int32))], 1.0)
    tight = cv2.GaussianBlur(contact, (0, 0), max(0.6, 0.015 * height))
    # Light comes from above: the wide part lies lower, and reaches further to the sides than down.
    # It has no detail, so a quarter of each side is enough for it.
    small = cv2.resize(contact, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    down = np.array([[1, 0, 0], [0, 1, 0.01 * height]])
    small = cv2.warpAffine(small, down, small.shape[::-1])
    small = cv2.GaussianBlur(
        small, (0, 0), sigmaX=max(0.3, 0.0225 * height), sigmaY=max(0.3, 0.01 * height)
    )
    wide = cv2.resize(small, contact.shape[::-1], interpolation=cv2.INTER_LINEAR)
    dark = strength * np.maximum(np.minimum(1.2 * tight, 1.0), np.minimum(1.4 * wide, 0.85))
    return np.asarray(background * (1 - dark[..., None]), np.float32).astype(np.uint8)


def _lower_line(alpha: Floats) -> NDArray[np.int64]:
    """Returns the car's lowest pixel in each column, (n, 2) in x and y."""
    inside = alpha > 0.5
    columns = np.flatnonzero(inside.any(axis=0))
    lowest = inside.shape[0] - 1 - inside[::-1, columns].argmax(axis=0)
    return np.stack([columns, lowest], axis=1)


def blend(
    ground: NDArray[np.uint8], car: NDArray[np.uint8], alpha: Floats, soft_edge: float
) -> NDArray[np.uint8]:
    """Returns the car laid over the ground.

    Args:
        ground: (H, W, 3).
        car: Colours of the car, (H, W, 3).
        alpha: (H, W).
        soft_edge: Width of the blend in px.
    """
    soft = alpha
    if soft_edge > 0:
        soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), soft_edge / 2), np.float32)
    part = Cutout(car, soft).region(margin=0, above=0.0)
    over = soft[part][..., None]
    out = ground.copy()
    out[part] = (car[part] * over + ground[part] * (1 - over) + 0.5).astype(np.uint8)
    return out


def _lab(image: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.float32)


def _sparse(picture: NDArray[Any]) -> NDArray[Any]:
    """Returns about 128 x 128 of the pixels: enough for means and spreads."""
    rows, columns = (max(1, side // 128) for side in picture.shape[:2])
    return picture[::rows, ::columns]
