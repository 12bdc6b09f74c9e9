"""COCO's outlines drawn as masks: polygons, and run lengths plain or packed into text.

Source: the format as github.com/cocodataset/cocoapi keeps it (common/maskApi.c). What a file says
is checked here before pycocotools sees it, since C code that trusts its input can take the whole
process down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MaskError
from core.rle import from_coco

Mask = NDArray[np.bool_]

_FAR = 10  # sides that a corner may lie outside: beyond, the file is damaged and drawing slow


def draw_outline(outline: Any, shape: tuple[int, int], title: str) -> Mask:
    """Returns what an annotation's "segmentation" covers, bool (H, W).

    Args:
        outline: A list of polygons, each [x0, y0, x1, y1, ...] or [[x0, y0], [x1, y1], ...] in
            px, or one such polygon; or an RLE {"size": [H, W], "counts": list or str}. Polygons of
            fewer than three corners have no area and are passed over.
        shape: (height, width) of the mask in px.
        title: How messages call it.

    Raises:
        MaskError: It is neither, damaged, or an RLE of another size.
    """
    if isinstance(outline, dict):
        return from_coco(outline, shape, title)
    if isinstance(outline, list):
        if _is_polygon(outline):
            outline = [outline]  # some programs leave out the outer list
        return _draw_polygons([_corners(each, shape, title) for each in outline], shape, title)
    raise _damaged(title, "an outline is neither a list of polygons nor an RLE")


def _is_polygon(outline: list[Any]) -> bool:
    """Returns whether a list is one polygon, of numbers or of three or more pairs of numbers."""
    if outline and isinstance(outline[0], (int, float)):
        return True
    return len(outline) > 2 and all(
        isinstance(each, list) and len(each) == 2 and isinstance(each[0], (int, float))
        for each in outline
    )


def _draw_polygons(
    polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int], title: str
) -> Mask:
    from pycocotools import mask as coco  # only where COCO is read

    drawn = [polygon.tolist() for polygon in polygons if len(polygon) >= 6]
    if not drawn:
        return np.zeros(shape, np.bool_)
    runs = coco.merge(coco.frPyObjects(drawn, shape[0], shape[1]))
    # Not its own `decode`, which warns with every numpy from 2 on.
    return from_coco({"size": list(shape), "counts": runs["counts"].decode()}, shape, title)


def _corners(polygon: Any, shape: tuple[int, int], title: str) -> NDArray[np.float64]:
    try:
        corners = np.array(polygon, np.float64)
    except (ValueError, TypeError, OverflowError):
        corners = np.array([[]])
    if corners.ndim == 2 and corners.shape[1] == 2:
        corners = corners.ravel()
    if corners.ndim != 1 or len(corners) % 2:
        raise _damaged(title, "a polygon is not a list of pairs of numbers")
    if len(corners) and not np.all(np.abs(corners) <= _FAR * max(shape)):  # also NaN
        raise _damaged(title, "a polygon has corners far outside the photo")
    return corners


def _damaged(title: str, what: str) -> MaskError:
    return MaskError(f"{title}: {what}. Export the annotations again.")
