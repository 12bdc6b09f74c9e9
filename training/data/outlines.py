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
        return _draw_runs(outline, shape, title)
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
    return _draw_runs({"size": list(shape), "counts": runs["counts"].decode()}, shape, title)


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


def _draw_runs(runs: dict[str, Any], shape: tuple[int, int], title: str) -> Mask:
    size, counts = runs.get("size"), runs.get("counts")
    if size != list(shape):
        raise MaskError(
            f"{title}: an RLE is of size {size} (height, width), its photo of {list(shape)}; both "
            "must be the same. Export the annotations from the photos as they are."
        )
    lengths = _unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or not all(type(n) is int and n >= 0 for n in lengths):
        raise _damaged(title, "an RLE's counts are no run lengths")
    if sum(lengths) != shape[0] * shape[1]:
        raise _damaged(title, f"an RLE covers {sum(lengths)} px of {shape[0] * shape[1]}")
    car = np.arange(len(lengths)) % 2 == 1  # runs of background and car take turns
    return np.repeat(car, lengths).reshape(shape[1], shape[0]).T  # column by column


def _unpacked(counts: str) -> list[int]:
    """Returns the run lengths in an RLE's text; damaged text gives lengths that do not fit.

    Source: rleFrString in maskApi.c: groups of 5 bits, lowest first, 6 bits a character from "0"
    on, whose highest says that more follow; from the third length on, each is stored less the one
    before the last.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    return lengths


def _damaged(title: str, what: str) -> MaskError:
    return MaskError(f"{title}: {what}. Export the annotations again.")
