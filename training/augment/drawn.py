"""What a transform drew, as values that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_NOT_DRAWN = {
    *("shape", "interpolation", "fill", "fill_mask", "image_type"),
    # What follows from other values:
    *("bbox_matrix", "matrix_bbox", "output_shape", "max_height", "max_width"),
    "sharpening_matrix",
}
_LONG = 20
"""Numbers of an array or list that is still written out."""


def drawn_values(params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a transform's drawn parameters as JSON's kinds of values.

    Numbers have 6 digits. Of a map of shifts the largest is told, of other long arrays the shape,
    the extremes and the spread, of long lists the length. Names with a leading "_" and what was
    not drawn (as the photo's shape) are left out.
    """
    values: dict[str, Any] = {}
    for name, value in params.items():
        if name in _NOT_DRAWN or name.startswith("_") or value is None:
            continue
        if name in ("map_x", "map_y"):
            values[f"largest_shift_{name[-1]}"] = _largest_shift(value, axis="yx".index(name[-1]))
        else:
            values[name] = _plain(value)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}")
    if isinstance(value, np.ndarray):
        return _plain(value.tolist()) if value.size <= _LONG else _summary(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value] if _numbers(value) <= _LONG else {"count": len(value)}
    return str(value)


def _numbers(value: Any) -> int:
    """Returns how many single values are in a list of lists."""
    if isinstance(value, np.ndarray):
        return int(value.size)
    return sum(map(_numbers, value)) if isinstance(value, (list, tuple)) else 1


def _summary(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {
        "shape": list(array.shape),
        "lowest": _plain(array.min()),
        "highest": _plain(array.max()),
        "deviation": _plain(array.std(dtype=float)),
    }


def _largest_shift(places: np.ndarray[Any, Any], axis: int) -> float:
    """Returns how far, in px, a map takes a pixel along an axis at most."""
    own = np.arange(places.shape[axis], dtype=places.dtype)
    shifts = places - (own[:, None] if axis == 0 else own)
    return round(float(np.abs(shifts).max()), 2)
