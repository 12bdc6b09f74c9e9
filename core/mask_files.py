"""A photo's mask in and out, bit for bit at the photo's size: PNG, or COCO's RLE as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MaskError
from core.files import parse_json
from core.image import encode_png, read_truth
from core.rle import from_coco, to_coco

ENDINGS = (".png", ".json")
"""Of the files that can be read and written."""


def read_mask_file(data: bytes, name: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns the mask in a file, bool (H, W).

    Args:
        data: The file's bytes: a picture, or JSON with a COCO RLE, alone or in an annotation.
        name: The file's name; one that ends in .json holds an RLE.
        shape: (height, width) of the photo in px.

    Raises:
        MaskError: It is no mask, it leaves open what the car is, or it has another size.
    """
    if not name.casefold().endswith(".json"):
        return read_truth(data, name=name, shape=shape).car
    try:
        value: Any = parse_json(data)
    except ValueError as error:
        raise MaskError(f"{name} is no JSON ({error}); give a PNG or a COCO RLE.") from error
    if isinstance(value, dict) and "segmentation" in value:
        value = value["segmentation"]
    if not (isinstance(value, dict) and {"size", "counts"} <= value.keys()):
        raise MaskError(
            f'{name} holds no COCO RLE: {{"size": [height, width], "counts": ...}}. A polygon '
            "can't be taken, as it does not hold the mask's pixels."
        )
    return np.ascontiguousarray(from_coco(value, shape, name))


def mask_bytes(mask: NDArray[np.bool_], name: str) -> bytes:
    """Returns a mask (H, W) as the file that a name asks for: an RLE for .json, else a PNG."""
    return rle_file(mask) if name.casefold().endswith(".json") else encode_png(mask, is_result=True)


def rle_file(mask: NDArray[np.bool_]) -> bytes:
    """Returns a mask (H, W) as JSON with its COCO RLE."""
    return json.dumps(to_coco(mask)).encode() + b"\n"
