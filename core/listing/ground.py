"""The ground under a car, found from its outline alone: its line, the shadow, the reflection.

The wheels are the lowest points of the outline, so the line on which a car stands is the lower
side of the outline's convex hull. It follows the wheels at any angle; beyond the outermost wheels,
where the hull would climb to the bumpers, it goes on as it was.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from core.listing.steps import Reflection, Shadow

_STEEPEST = 0.6  # rise of a ground line; steeper is the way up to a bumper
_DEPTH = 0.10  # how far the ground under a car reaches up in a photo, in heights of the car
_FORESHORTENED = 0.4  # a length towards the viewer looks shorter than one across
_TOUCHING = 0.012  # a wheel stands where the outline is this near to the line, in heights
_COPIES = 8  # of the footprint, from the car to where the shadow ends
_LONGEST, _LONGEST_SOFT = 900, 400  # px; what is blurred is drawn small and enlarged

Alpha = NDArray[np.uint8]
Line = NDArray[np.floating]
"""The ground line: for each column the row under the wheels, in px of the alpha."""


def ground_line(alpha: Alpha) -> tuple[Line, Line]:
    """Returns the ground line of a car and the lower end of its outline.

    Args:
        alpha: How much of each pixel is car, uint8 (h, w), in the box that holds it.

    Returns:
        The row of the ground line under each column, and the row under the outline's lowest pixel,
        both float64 (w,), in px; the second is NaN where a column has no car.
    """
    solid = alpha > 127
    low = np.where(solid.any(0), alpha.shape[0] - solid[::-1].argmax(0), np.nan)
    columns = np.flatnonzero(~np.isnan(low))
    if not columns.size:
        return np.full(alpha.shape[1], float(alpha.shape[0])), low
    hull = _lower_hull(columns, low[columns])
    return _levelled(hull, alpha.shape[1]), low


def _lower_hull(x: NDArray[np.intp], y: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Returns the hull's corners on the lower side (largest y), from left to right.

    Source: Andrew, "Another efficient algorithm for convex hulls in two dimensions", 1979.
    """
    hull: list[tuple[float, float]] = []
    for point in zip(x.tolist(), y.tolist(), strict=True):
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2:]
            if (bx - ax) * (point[1] - ay) < (by - ay) * (point[0] - ax):
                break
            hull.pop()
        hull.append(point)
    return hull


def _levelled(hull: list[tuple[float, float]], width: int) -> Line:
    """Returns the rows of the hull's flat part under all columns, and of its continuation."""
    lowest = max(range(len(hull)), key=lambda place: hull[place][1])
    first = last = lowest
    while first > 0 and _rise(hull[first - 1], hull[first]) <= _STEEPEST:
        first -= 1
    while last < len(hull) - 1 and _rise(hull[last + 1], hull[last]) <= _STEEPEST:
        last += 1
    corners = np.array(hull[first : last + 1])
    columns = np.arange(width, dtype=float)
    line = np.interp(columns, corners[:, 0], corners[:, 1])
    for end, inner, beyond in (
        (hull[first], hull[min(first + 1, last)], columns < hull[first][0]),
        (hull[last], hull[max(last - 1, first)], columns > hull[last][0]),
    ):
        rise = _rise(end, inner) if end != inner else 0.0
        line[beyond] = end[1] - rise * np.abs(columns[beyond] - end[0])
    return np.asarray(line, np.float64)


def _rise(outer: tuple[float, float], inner: tuple[float, float]) -> float:
    """Returns how much higher the outer point lies than the inner one, for each column between."""
    return (inner[1] - outer[1]) / max(abs(inner[0] - outer[0]), 1e-9)


def draw_shadow(
    alpha: Alpha, left: int, top: int, size: tuple[int, int], step: Shadow
) -> NDArray[np.float32]:
    """Returns how dark the ground is around a car, float32 (H, W) in [0, 1].

    Args:
        alpha: The car in the box that holds it, uint8 (h, w).
        left: Column of the box in the frame, in px.
        top: Row of the box in the frame, in px.
        size: Width and height of the frame in px.
        step: How dark, how soft, and where it falls.
    """
    line, low = ground_line(alpha)
    x = np.arange(line.size, dtype=np.float64) + (0.5 + left)
    y, outline = line + top, low + top
    small = min(1.0, _LONGEST_SOFT / max(size))
    height, shape = alpha.shape[0] * small, (round(size[1] * small), round(size[0] * small))
    dark = _enlarged(_cast(x * small, y * small, height, shape, step), size)
    small = min(1.0, _LONGEST / max(size))
    height, shape = alpha.shape[0] * small, (round(size[1] * small), round(size[0] * small))
    touching = y - outline <= max(_TOUCHING * alpha.shape[0], 1.0)
    contact = _contact(x * small, y * small, touching, height, shape, step)
    return np.maximum(dark, _enlarged(contact, size), out=dark)


def _enlarged(layer: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _cast(
    x: Line, y: Line, height: float, shape: tuple[int, int], step: Shadow
) -> NDArray[np.float32]:
    """Returns the soft shadow: the ground under the car, drawn out to where the light falls."""
    angle = math.radians(step.direction)
    reach = step.length * height
    way = np.array([math.cos(angle), math.sin(angle) * _FORESHORTENED]) * reach
    depth = _DEPTH * height
    front, back = np.column_stack([x, y]), np.column_stack([x, y - depth])[::-1]
    footprint = np.concatenate([front, back])
    total = np.zeros(shape, np.float32)
    copies = _COPIES if reach >= 1 else 1
    for copy in range(copies):
        layer = np.zeros(shape, np.uint8)
        moved = footprint + way * (copy / max(copies - 1, 1))
        cv2.fillPoly(layer, [np.rint(moved * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        total += layer
    total *= step.opacity / (255 * copies)
    return _blurred(total, step.softness * height / 5)


def _contact(
    x: Line,
    y: Line,
    touching: NDArray[np.bool_],
    height: float,
    shape: tuple[int, int],
    step: Shadow,
) -> NDArray[np.float32]:
    """Returns the dark ground right under the wheels."""
    layer = np.zeros(shape, np.uint8)
    thick = max(1.0, 0.02 * height)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], touching.astype(np.int8), [0]])))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        columns = slice(start, end)
        under = np.column_stack([x[columns], y[columns] + thick / 3])
        above = np.column_stack([x[columns], y[columns] - thick])[::-1]
        shape_of_wheel = np.rint(np.concatenate([under, above]) * 16).astype(np.int32)
        cv2.fillPoly(layer, [shape_of_wheel], 255, cv2.LINE_AA, 4)
    return _blurred(layer.astype(np.float32) * (step.contact / 255), max(0.6, 0.012 * height))


def _blurred(layer: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    if sigma < 0.3:
        return layer
    return np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma), np.float32)


def draw_reflection(
    colour: NDArray[np.float32], line: Line, step: Reflection
) -> NDArray[np.float32]:
    """Returns the car mirrored at its ground line, to lie with its top at the box's top.

    Args:
        colour: RGB times alpha, and alpha, of the car in its box, float32 (h, w, 4).
        line: The ground line of the box's columns.
        step: How strong, how long and how soft.

    Returns:
        The reflection, float32 (h + reach, w, 4): the same columns, rows from the box's top on.
    """
    height, width = colour.shape[:2]
    reach = math.ceil(step.height * height)
    rows = np.arange(height + reach, dtype=np.float32)[:, None]
    ground = line[None].astype(np.float32)
    below = rows + 0.5 - ground
    source = ground - below - 0.5
    across = np.broadcast_to(np.arange(width, dtype=np.float32)[None], source.shape)
    mirrored = cv2.remap(
        colour,
        np.ascontiguousarray(across),
        np.ascontiguousarray(source),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0, 0),
    )
    fade = np.clip(1 - below / max(reach, 1), 0, 1) * (below > 0) * step.opacity
    mirrored *= fade[..., None].astype(np.float32)
    return _blurred(np.asarray(mirrored, np.float32), step.softness * height / 10)
