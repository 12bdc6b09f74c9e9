"""What a click is, and what the click network sees: a crop of the photo, the present mask, clicks.

Source: Sofiiuk, Petrov and Konushin 2022, "Reviving Iterative Training with Mask Guidance for
Interactive Segmentation" (RITM), section 3: clicks as disks of one radius, the present mask as an
input; Chen et al. 2022, "FocalClick", section 3: a crop round the target, one round the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.preprocess import Preprocessing, mask_levels, resize
from core.refine import Crop
from core.truth import Mask

NETWORK_FILE = "click.safetensors"
"""Of a run of these networks; lists of runs and of checkpoints that segment leave them out."""
CHANNELS = 6
"""Of the network's input: red, green, blue, the present mask, clicks on the car, clicks beside."""
MARGIN = 0.3
"""Added on each side of the present part and the click, in sides of their box."""
FOCUS_MARGIN = 0.4
"""The same for the crop round the change."""
_RADIUS = 5
"""Of a click's disk, px of the network's grid."""
_SMALLEST = 0.12
"""Least side of a crop, as a share of the photo's longer side: a network needs surroundings."""
_LONGEST = 1.7
"""A crop's longer side is at most so many times its shorter one, where the photo allows it."""
_OVERVIEW = 384
"""Longer side in px of the small mask in which the part near a click is looked for."""


@dataclass(frozen=True)
class Click:
    """A click on a photo: this pixel belongs to the car, or it doesn't."""

    x: int
    """Column of the pixel, from 0."""
    y: int
    """Row of the pixel, from 0."""
    positive: bool
    """True: it belongs to the car."""


def network_input(
    photo: NDArray[np.uint8],
    mask: Mask,
    clicks: Sequence[Click],
    crop: Crop,
    shape: tuple[int, int],
    preprocessing: Preprocessing,
) -> NDArray[np.float32]:
    """Returns the network's input (6, h, w) float32 for a crop of a photo.

    Args:
        photo: RGB uint8 (H, W, 3).
        mask: The present mask, bool (H, W).
        clicks: In px of the photo; those outside the crop are left out.
        crop: The part of the photo.
        shape: Height and width of the network's grid in px.
        preprocessing: How colours are normalised.
    """
    rows, columns = slice(crop.top, crop.bottom), slice(crop.left, crop.right)
    colours = preprocessing.normalise(resize(photo[rows, columns], *shape))
    return np.concatenate(
        [colours, resized_levels(mask[rows, columns], shape)[None], click_maps(clicks, crop, shape)]
    )


def resized_levels(mask: Mask, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Returns the share of car in each cell of a grid, float32 in [0, 1]."""
    levels = mask_levels(np.ascontiguousarray(mask))
    how = cv2.INTER_AREA if shape[0] * shape[1] < mask.size else cv2.INTER_LINEAR
    resized = cv2.resize(levels, shape[::-1], interpolation=how)
    return np.asarray(resized, np.float32) / np.float32(255)


def click_maps(clicks: Sequence[Click], crop: Crop, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Returns the disks of clicks, float32 (2, h, w): 1 within one; first positive, then negative.

    Args:
        clicks: In px of the photo; disks of those outside the crop are left out.
        crop: The part of the photo that the grid covers.
        shape: Height and width of the grid in px.
    """
    maps = np.zeros((2, *shape), np.float32)
    scales = shape[0] / (crop.bottom - crop.top), shape[1] / (crop.right - crop.left)
    for click in clicks:
        if crop.left <= click.x < crop.right and crop.top <= click.y < crop.bottom:
            row = (click.y - crop.top + 0.5) * scales[0] - 0.5
            column = (click.x - crop.left + 0.5) * scales[1] - 0.5
            plane = maps[0 if click.positive else 1]
            cv2.circle(plane, (round(column), round(row)), _RADIUS, 1.0, thickness=-1)
    return maps


def target_crop(mask: Mask, click: Click, margin: float = MARGIN) -> Crop:
    """Returns the part of a photo round a click and the part of the present mask that it is near.

    The whole photo where the click is near none.

    Args:
        mask: The present mask, bool (H, W).
        click: The click.
        margin: On each side, in sides of the box.
    """
    height, width = mask.shape
    scale = min(1.0, _OVERVIEW / max(height, width))
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    small = (resized_levels(mask, shape) > 0).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    place = (click.y + 0.5) * shape[0] / height, (click.x + 0.5) * shape[1] / width
    best, nearest = None, np.inf
    for left, top, wide, high, area in stats[1:].tolist():
        if area < 0.001 * small.size:
            continue
        reach = margin * max(wide, high)
        away = max(
            top - place[0], place[0] - top - high, left - place[1], place[1] - left - wide, 0.0
        )
        if away <= reach and away < nearest:
            best, nearest = (top, left, top + high, left + wide), away
    if best is None:
        return Crop(0, 0, height, width)
    ratios = height / shape[0], width / shape[1]
    box = Crop(
        round(best[0] * ratios[0]),
        round(best[1] * ratios[1]),
        round(best[2] * ratios[0]),
        round(best[3] * ratios[1]),
    )
    return crop_round(box, click, mask.shape, margin)


def crop_round(
    box: Crop, click: Click, shape: tuple[int, int], margin: float = FOCUS_MARGIN
) -> Crop:
    """Returns a crop round a box and a click, with a margin, not too small and not too long.

    Args:
        box: In px of the photo.
        click: In px of the photo.
        shape: Height and width of the photo in px.
        margin: On each side, in sides of the box.
    """
    top, bottom = min(box.top, click.y), max(box.bottom, click.y + 1)
    left, right = min(box.left, click.x), max(box.right, click.x + 1)
    around = margin * max(bottom - top, right - left)
    least = _SMALLEST * max(shape)
    high = max(bottom - top + 2 * around, least)
    wide = max(right - left + 2 * around, least)
    high, wide = max(high, wide / _LONGEST), max(wide, high / _LONGEST)
    rows = _span((top + bottom) / 2, high, shape[0])
    columns = _span((left + right) / 2, wide, shape[1])
    return Crop(rows[0], columns[0], rows[1], columns[1])


def _span(middle: float, length: float, side: int) -> tuple[int, int]:
    """Returns first and last + 1 of a span within a side, moved inside where it would stick out."""
    length = min(length, side)
    start = min(max(middle - length / 2, 0.0), side - length)
    return int(start), min(side, int(np.ceil(start + length)))


def changed_part(mask: Mask, wanted: Mask, click: Click, reach: int = 2) -> Mask | None:
    """Returns the connected change that a click asks for, bool (H, W); None where there is none.

    A positive click only adds and a negative one only removes; parts are connected over edges and
    corners (8 neighbours).

    Args:
        mask: The present mask, bool (H, W).
        wanted: The network's mask, bool (H, W).
        click: In px of both; the change holds it, or begins at most `reach` px from it.
        reach: See there.
    """
    change = (wanted & ~mask) if click.positive else (mask & ~wanted)
    return connected_part(change, click.x, click.y, reach)


def connected_part(where: Mask, x: int, y: int, reach: int) -> Mask | None:
    """Returns the connected part (8 neighbours) of a mask that is at most `reach` px from a place.

    None where there is none. Of several the nearest one is taken, and nothing else.
    """
    top, left = max(0, y - reach), max(0, x - reach)
    near = np.argwhere(where[top : y + reach + 1, left : x + reach + 1])
    if not len(near):
        return None
    near += top, left
    row, column = near[int(np.abs(near - (y, x)).sum(axis=1).argmin())].tolist()
    levels = where.view(np.uint8).copy()
    cv2.floodFill(levels, None, (column, row), 2, flags=8)
    return np.asarray(levels == 2)


def on_grid(click: Click, crop: Crop, shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns row and column of a click on the grid (h, w) of a crop."""
    row = (click.y - crop.top) * shape[0] // (crop.bottom - crop.top)
    column = (click.x - crop.left) * shape[1] // (crop.right - crop.left)
    return min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)
