"""The car of a photo, cut out and ready to be put into another picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.cutout import cut_out
from core.drawing import rgb
from core.listing.pictures import read_picture
from core.listing.steps import CutOut, Plate, Straighten
from core.masks import Mask, MaskSettings, Probability

if TYPE_CHECKING:
    from core.listing.recipe import ListingRecipe

_CELLS_WIDE, _CELLS_HIGH = 5, 2
"""Cells of a blurred plate: fewer than it has characters."""
_CUT_SHARE = 0.02
"""Share of the car's length on a side of the photo from which it counts as cut by it."""


@dataclass(frozen=True, eq=False)
class Car:
    """A car in the box that holds it; colours are multiplied with alpha, so edges stay clean."""

    colour: NDArray[np.uint16]
    """RGB times alpha, each from 0 to 255, uint16 (h, w, 3)."""
    alpha: NDArray[np.uint8]
    """How much of each pixel is car, uint8 (h, w)."""
    left: float
    """Of the box in the upright photo, in px."""
    top: float
    """Of the box in the upright photo, in px."""
    photo: tuple[int, int]
    """Width and height of the photo in px."""
    cut: frozenset[str] = frozenset()
    """Sides of the photo that cut the car: left, right, top, bottom."""

    @property
    def box(self) -> CarBox:
        """The box of what is mostly car, the same for every size of the photo."""
        x, y, width, height = cv2.boundingRect((self.alpha > 127).view(np.uint8))
        left, top, unit = x + self.left, y + self.top, self.photo[0]
        return CarBox(
            left / unit,
            top / unit,
            (left + width) / unit,
            (top + height) / unit,
            self.photo[1] / unit,
            self.cut,
        )


@dataclass(frozen=True)
class CarBox:
    """Where a car is in its photo, in widths of the photo, downwards too."""

    left: float
    top: float
    right: float
    bottom: float
    photo_height: float
    """Height of the photo in widths of the photo."""
    cut: frozenset[str] = frozenset()
    """Sides of the photo that cut the car."""

    @property
    def width(self) -> float:
        """Width of the car."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height of the car."""
        return self.bottom - self.top


def cut_car(
    image: NDArray[np.uint8], mask: Mask, probability: Probability | None, recipe: ListingRecipe
) -> Car | None:
    """Returns the car of a photo, its plate covered and turned as the recipe says.

    Args:
        image: The photo at any size, uint8 (H, W, 3).
        mask: The car, bool (H, W); see `mask_settings`.
        probability: The network's, on any grid; None for a mask without one.
        recipe: Steps cut_out, plate and straighten count.

    Returns:
        The car; None if there is none.

    Raises:
        ImageError: The picture for the plate can't be read.
    """
    plate, straighten = recipe.find(Plate), recipe.find(Straighten)
    if plate is not None and plate.box is not None:
        image = cover_plate(image, plate)
    cutout = cut_out(image, mask, probability, edge=recipe.get(CutOut).edge)
    alpha = np.asarray(cv2.convertScaleAbs(cutout.alpha, alpha=255), np.uint8)
    if not np.any(alpha > 127):  # too thin to have more than an edge
        return None
    cut = _cut_sides(alpha)
    left, top, width, height = cv2.boundingRect(alpha)
    box = np.s_[top : top + height, left : left + width]
    alpha = np.ascontiguousarray(alpha[box])
    wide = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    foreground = np.ascontiguousarray(cutout.foreground[box])
    colour = np.asarray(cv2.multiply(foreground, wide, dtype=cv2.CV_16U), np.uint16)
    car = Car(colour, alpha, left, top, (image.shape[1], image.shape[0]), cut)
    return car if straighten is None or not straighten.angle else _turned(car, straighten.angle)


def mask_settings(recipe: ListingRecipe, threshold: float) -> MaskSettings:
    """Returns how a recipe makes a mask of a probability.

    Args:
        recipe: Its step cut_out counts.
        threshold: The checkpoint's, where the recipe has none.
    """
    step = recipe.get(CutOut)
    limit = threshold if step.threshold is None else step.threshold
    return MaskSettings(limit, step.keep_largest, step.fill_holes)


def cover_plate(image: NDArray[np.uint8], step: Plate) -> NDArray[np.uint8]:
    """Returns the photo with its plate covered, uint8 (H, W, 3).

    Args:
        image: The photo, uint8 (H, W, 3).
        step: With a box.
    """
    assert step.box is not None
    height, width = image.shape[:2]
    left, right = (min(width - 1, int(share * width)) for share in step.box[::2])
    top, bottom = (min(height - 1, int(share * height)) for share in step.box[1::2])
    result = image.copy()
    plate = result[top : bottom + 1, left : right + 1]
    high, wide = plate.shape[:2]
    if step.cover == "blur":
        cells = (min(_CELLS_WIDE, wide), min(_CELLS_HIGH, high))
        small = cv2.resize(plate, cells, interpolation=cv2.INTER_AREA)
        plate[:] = cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR)
        return result
    plate[:] = rgb("colour", step.colour)
    if step.cover == "picture":
        logo = read_picture(step.picture)
        scale = min(wide / logo.shape[1], high / logo.shape[0])
        size = (max(1, int(logo.shape[1] * scale)), max(1, int(logo.shape[0] * scale)))
        x, y = (wide - size[0]) // 2, (high - size[1]) // 2
        plate[y : y + size[1], x : x + size[0]] = cv2.resize(
            logo, size, interpolation=cv2.INTER_AREA
        )
    return result


def _cut_sides(alpha: NDArray[np.uint8]) -> frozenset[str]:
    """Returns the sides of the photo that the car goes on beyond."""
    solid = alpha > 127
    _, _, width, height = cv2.boundingRect(solid.view(np.uint8))
    edges = {
        "left": (solid[:, 0], height),
        "right": (solid[:, -1], height),
        "top": (solid[0], width),
        "bottom": (solid[-1], width),
    }
    return frozenset(
        side
        for side, (line, length) in edges.items()
        if np.count_nonzero(line) > _CUT_SHARE * length
    )


def _turned(car: Car, angle: float) -> Car:
    """Returns the car turned clockwise around the middle of its photo."""
    radians = math.radians(angle)
    cos, sin = math.cos(radians), math.sin(radians)
    middle, start = np.array(car.photo) / 2, np.array([car.left, car.top])
    turn = np.array([[cos, -sin], [sin, cos]])
    height, width = car.alpha.shape
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)], float)
    corners = (corners + start - middle) @ turn.T + middle
    low, high = np.floor(corners.min(0)), np.ceil(corners.max(0))
    shift = turn @ (start - middle) + middle - low
    matrix = np.column_stack([turn, shift])
    # Pixels are squares: their middles lie half a pixel from the corner that positions count from.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    colour = cv2.warpAffine(car.colour, matrix, size, flags=cv2.INTER_LINEAR)
    alpha = np.asarray(cv2.warpAffine(car.alpha, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
    left, top, width, height = cv2.boundingRect(alpha)
    box = np.s_[top : top + height, left : left + width]
    return Car(
        np.ascontiguousarray(colour[box]),
        np.ascontiguousarray(alpha[box]),
        low[0] + left,
        low[1] + top,
        car.photo,
        car.cut,
    )
