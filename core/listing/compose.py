"""Carries a recipe out: from a car to the finished picture, at full size or at a screen's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.listing.backdrop import Frame, draw_backdrop
from core.listing.car import Car, CarBox
from core.listing.ground import draw_reflection, draw_shadow, ground_line
from core.listing.place import Placement, Series, measure_series, place_car
from core.listing.recipe import ListingRecipe
from core.listing.steps import Background, Output, Place, Plate, Reflection, Shadow

_ROWS_AT_ONCE = 256
_AROUND = (128, 128, 128)  # what a photo does not reach in its frame
_ENLARGED = 1.02
"""A car that is drawn larger than this many times its size in the photo gets a note."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A finished picture."""

    pixels: NDArray[np.uint8]
    """RGB uint8 (H, W, 3), or RGBA (H, W, 4) where the background is transparent."""
    notes: tuple[str, ...]
    """What a person should know, in whole sentences."""
    placement: Placement
    """Where the photo lies in it."""


def shared_series(recipe: ListingRecipe, boxes: Sequence[CarBox]) -> Series:
    """Returns what the photos of a series share, in the flattest of their frames.

    Args:
        recipe: The steps.
        boxes: Where the cars are in their photos.
    """
    output = recipe.get(Output)
    frames = [output.frame(10_000, round(10_000 * box.photo_height)) for box in boxes]
    ratio = min((height / width for width, height in frames), default=1.0)
    return measure_series(recipe.find(Place), boxes, ratio)


def compose(
    car: Car,
    recipe: ListingRecipe,
    *,
    photo: tuple[int, int] | None = None,
    series: Series | None = None,
    longest: int | None = None,
) -> Picture:
    """Returns the picture that a recipe makes of a car.

    Args:
        car: The car, from the photo or from a copy of it at a screen's size.
        recipe: The steps.
        photo: Width and height of the photo itself in px, where the car is of a smaller copy.
        series: What the photos of its series share.
        longest: Longest side in px, for a preview; None for the recipe's size.

    Raises:
        ImageError: The background's picture can't be read.
    """
    photo = photo or car.photo
    full = recipe.get(Output).frame(*photo)
    placement = place_car(recipe.find(Place), car.box, full[1] / full[0], series)
    enlarged = placement.scale * full[0] / photo[0]
    shrunk = 1.0 if longest is None else min(1.0, longest / max(full))
    width, height = (max(1, round(side * shrunk)) for side in full)
    frame, about_backdrop = draw_backdrop(recipe.get(Background), width, height)
    _put_car(frame, car, placement, recipe)
    notes = [*placement.notes, about_backdrop, _plate_note(recipe)]
    if enlarged > _ENLARGED:
        notes.append(
            f"The car was enlarged {enlarged:.1f} times: the photo has fewer pixels than the "
            "picture needs."
        )
    return Picture(_finished(frame), tuple(filter(None, notes)), placement)


def place_photo(
    image: NDArray[np.uint8], placement: Placement, width: int, height: int
) -> NDArray[np.uint8]:
    """Returns the photo where it lies in the frame, grey around it, uint8 (height, width, 3).

    Args:
        image: The photo at any size, uint8 (H, W, 3).
        placement: Where it lies.
        width: Of the frame, in px.
        height: Of the frame, in px.
    """
    scale = placement.scale * width / image.shape[1]
    matrix = np.array([[scale, 0, placement.x * width], [0, scale, placement.y * width]])
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=_AROUND),
        np.uint8,
    )


def _plate_note(recipe: ListingRecipe) -> str:
    plate = recipe.find(Plate)
    if plate is None or plate.box is not None:
        return ""
    return "The plate is NOT covered: no box was drawn for this photo."


def _put_car(frame: Frame, car: Car, placement: Placement, recipe: ListingRecipe) -> None:
    """Draws the car with its reflection and its shadow into a frame, in place."""
    height, width = frame.shape[:2]
    scale = placement.scale * width / car.photo[0]
    left, top = placement.x * width + scale * car.left, placement.y * width + scale * car.top
    high, wide = car.alpha.shape
    # Rounded corners, not a rounded size: through a series the same place stays the same place.
    right, bottom = round(left + scale * wide), round(top + scale * high)
    left, top = round(left), round(top)
    size = (max(1, right - left), max(1, bottom - top))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    alpha = np.asarray(cv2.resize(car.alpha, size, interpolation=how), np.uint8)
    colour = cv2.resize(car.colour, size, interpolation=how).astype(np.float32) / np.float32(255)
    layer = np.dstack([colour, alpha.astype(np.float32)])
    reflection, shadow = recipe.find(Reflection), recipe.find(Shadow)
    if reflection is not None and placement.grounded:
        mirrored = draw_reflection(layer, ground_line(alpha)[0], reflection)
        _lay_over(frame, mirrored, left, top)
    if shadow is not None and placement.grounded:
        dark = draw_shadow(alpha, left, top, (width, height), shadow)
        frame[..., :3] *= (1 - dark)[..., None]
        frame[..., 3] += (255 - frame[..., 3]) * dark
    _lay_over(frame, layer, left, top)


def _lay_over(frame: Frame, layer: NDArray[np.float32], left: int, top: int) -> None:
    """Lays a layer over a frame, in place, where the two share pixels."""
    height, width = frame.shape[:2]
    x0, x1 = max(left, 0), min(left + layer.shape[1], width)
    y0, y1 = max(top, 0), min(top + layer.shape[0], height)
    if x0 >= x1:
        return
    for y in range(y0, y1, _ROWS_AT_ONCE):
        end = min(y + _ROWS_AT_ONCE, y1)
        part = layer[y - top : end - top, x0 - left : x1 - left]
        frame[y:end, x0:x1] *= 1 - part[..., 3:] / 255
        frame[y:end, x0:x1] += part


def _finished(frame: Frame) -> NDArray[np.uint8]:
    """Returns a frame as RGB, or as RGBA with colours that are not multiplied by alpha."""
    height, width = frame.shape[:2]
    opaque = float(frame[..., 3].min()) > 254.5
    result = np.empty((height, width, 3 if opaque else 4), np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        rows = frame[top : top + _ROWS_AT_ONCE]
        colour = rows[..., :3]
        if not opaque:
            alpha = np.clip(np.rint(rows[..., 3:]), 0, 255)
            result[top : top + _ROWS_AT_ONCE, :, 3:] = alpha
            colour = colour * np.where(alpha > 0, 255 / np.maximum(rows[..., 3:], 0.5), 0)
        result[top : top + _ROWS_AT_ONCE, :, :3] = np.clip(np.rint(colour), 0, 255)
    return result
