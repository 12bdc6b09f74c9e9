"""Which values a mask's picture holds, and whether they are two plain levels.

Compression, resizing and soft brushes leave many values, but only along the edges: a level covers
areas in which all neighbours are equal, a value in between does not. Class numbers do.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[Any]
"""Grey values (H, W) of any dtype."""

CLASS_NUMBERS = 64
"""Values below this, other than 0 and 1, are rather class numbers than shades of grey."""
FEW_VALUES = 32
"""A mask with more values has soft or noisy edges, or is no mask."""
_LEAST_LEVEL = 1e-4  # share of the picture that lies in a level's areas, where values are few
_LEAST_NOISY_LEVEL = 5e-3  # the same where compression leaves small areas of its own
NOISE = 6
"""Greys of 255 that compression shifts an area by."""
_NOISE_SHARE = 0.1  # of a level's areas; a larger area beside it is a level of its own
_MOST_BETWEEN = 1 / 3  # share of pixels between the quarters of the range


@dataclass(frozen=True)
class Values:
    """The distinct values of a plane."""

    values: Plane
    """Sorted, (N,)."""
    counts: npt.NDArray[np.intp]
    """Pixels of each, (N,)."""

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """Each value in words, with its share of the pixels."""
        total = int(self.counts.sum())
        pairs = zip(self.values.tolist(), self.counts.tolist(), strict=True)
        return tuple((f"{value:g}", count / total) for value, count in pairs)


def values_of(plane: Plane, where: npt.NDArray[np.bool_] | None = None) -> Values:
    """Return the values of a plane, or of the part of it that a bool (H, W) tells.

    Beyond 16 million pixels of a value their count is rounded.
    """
    if plane.dtype in (np.uint8, np.uint16):
        import cv2  # which a page's list of files need not wait for

        top = 1 << 8 * plane.dtype.itemsize
        part = None if where is None else where.view(np.uint8)
        histogram = cv2.calcHist([np.ascontiguousarray(plane)], [0], part, [top], [0, top])
        counts = histogram.ravel().astype(np.intp)
        values = np.flatnonzero(counts)
        return Values(values, counts[values])
    values, found = np.unique(plane if where is None else plane[where], return_counts=True)
    return Values(values, found)


def two_levels(
    plane: Plane, found: Values, white: float, lossy: bool
) -> tuple[float, float] | None:
    """Return the dark and the bright level of a soft or noisy mask; None where it has no such two.

    Args:
        plane: The grey values.
        found: Its values, three or more.
        white: The value that means white.
        lossy: Whether the file's format changes values.
    """
    values = found.values.astype(np.float64)
    low, high = float(values[0]), float(values[-1])
    noise = NOISE * max(white, 1.0) / 255
    lossy = lossy or len(values) > FEW_VALUES or _is_noisy(values, noise)
    if not lossy and white > 1 and (values[:-1] < CLASS_NUMBERS).all():
        return None  # class numbers, the largest perhaps their void
    between = (values > low + (high - low) / 4) & (values < high - (high - low) / 4)
    if high - low < white / 4 and not lossy:
        return None
    if found.counts[between].sum() > _MOST_BETWEEN * plane.size:
        return None
    least = least_area(plane.size, noisy=lossy)
    areas = areas_of(plane, noise if lossy else 0.0)
    levels = sorted(value for value, pixels in areas.items() if pixels >= least)
    if len(levels) > 2:
        return None
    if len(levels) == 2:
        first, second = levels
        reach = (second - first) / 2 + noise
        if not first - reach <= low <= high <= second + reach:
            return None
    else:  # an edge is everywhere
        first, second = low, high
    return (first, second) if second - first >= white / 4 else None


def _is_noisy(values: Plane, noise: float) -> bool:
    """Return whether there are values close to both ends, as lossy compression leaves them."""
    low, high = values[0], values[-1]
    return bool((values[1] - low <= noise) and (high - values[-2] <= noise))


def areas_of(plane: Plane, noise: float) -> dict[float, int]:
    """Return the values that cover areas, with the pixels inside; the largest first.

    Args:
        plane: The grey values.
        noise: How far a small area's value may lie from a level to be left out as part of it.
    """
    flat = values_of(plane, is_flat(plane))
    areas: dict[float, int] = {}
    for place in np.argsort(-flat.counts):
        value, count = float(flat.values[place]), int(flat.counts[place])
        near = (many for level, many in areas.items() if abs(level - value) <= noise)
        if count > _NOISE_SHARE * max(near, default=0):
            areas[value] = count
    return areas


def least_area(pixels: int, *, noisy: bool) -> float:
    """Return from how many pixels on areas of one value are a level of a picture."""
    return max(2.0, (_LEAST_NOISY_LEVEL if noisy else _LEAST_LEVEL) * pixels)


def is_flat(plane: Plane) -> npt.NDArray[np.bool_]:
    """Return where a pixel equals its eight neighbours, bool (H, W)."""
    import cv2

    if plane.dtype not in (np.uint8, np.uint16, np.float32):
        plane = plane.astype(np.float64)  # holds every integer of 32 bits
    square = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(plane, square) == cv2.erode(plane, square))
