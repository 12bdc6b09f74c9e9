"""The pictures of one photo: label and prediction as outlines, and the contradicted part, closer.

They are kept for all sessions, so that the next photo can be drawn before it is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.drawing import OverlayStyle, overlay
from core.edit_facts import mask_digest
from core.errors import CarmaskError
from core.image import encode_jpeg, read_mask, thumbnail
from core.masks import Mask
from core.preprocess import resize_mask
from dashboard.dataset.pictures import LONGEST_LARGE
from dashboard.review.choice import Reviewed
from training.review.rows import ReviewRow, RowFile

LABEL, PREDICTION = "#E69F00", "#00C2FF"
"""Colours of the outlines, which people with any kind of colour blindness can tell apart."""
_LEAST_PART = 96
"""Px of the photo that the closer look shows at least."""


@dataclass(frozen=True)
class Pictures:
    """What is shown of a photo."""

    whole: bytes
    """JPEG; empty where the photo can't be read."""
    ratio: float = 1.5
    """Width over height."""
    part: bytes = b""
    """JPEG of the contradicted part; empty where there is none."""
    shape: tuple[int, int] = (0, 0)
    """The photo's (height, width) in px."""
    changed: bool = False
    """Whether the label is another one than what was scored."""
    error: str = ""
    """Why photo, label or prediction can't be shown."""


def pictures_of(reviewed: Reviewed, row: ReviewRow) -> Pictures:
    """Returns the pictures of a photo, made now or before."""
    return _made(str(reviewed.request.folder), row, _stamp(reviewed, row), reviewed)


@st.cache_resource(max_entries=32, show_spinner=False)
def _made(folder: str, row: ReviewRow, stamp: tuple[int, ...], _reviewed: Reviewed) -> Pictures:
    """Returns the pictures; `stamp` changes when the label's file does."""
    label: Mask | None = None
    try:
        if row.name in _reviewed.samples:
            image, label = _reviewed.samples[row.name].read()
        else:
            image = _reviewed.photos[row.name].read()
        predicted = _predicted(RowFile(Path(folder)).mask_path(row), row, image.shape[:2])
    except KeyError:
        return Pictures(b"", error=f"The photo {row.name} is not in the folder any more.")
    except CarmaskError as error:
        return Pictures(b"", error=str(error))
    outlines = [(label, LABEL), (predicted, PREDICTION)]
    part = b""
    if row.gross is not None:
        box = _around(row.gross.box, image.shape[:2])
        part = _drawn(image[box], [(m if m is None else m[box], c) for m, c in outlines])
    return Pictures(
        _drawn(image, outlines),
        image.shape[1] / image.shape[0],
        part,
        (image.shape[0], image.shape[1]),
        changed=label is not None and mask_digest(label) != row.mask,
    )


def prediction_of(reviewed: Reviewed, row: ReviewRow, shape: tuple[int, int]) -> Mask:
    """Returns the predicted mask of a photo, bool (H, W).

    Raises:
        CarmaskError: It is gone or damaged.
    """
    return read_mask(RowFile(reviewed.request.folder).mask_path(row), shape=shape)


def _predicted(path: Path, row: ReviewRow, shape: tuple[int, ...]) -> Mask | None:
    return read_mask(path, shape=(shape[0], shape[1])) if row.predicted else None


def _drawn(image: NDArray[np.uint8], outlines: list[tuple[Mask | None, str]]) -> bytes:
    """Returns a picture no larger than a screen, with the outlines of masks."""
    small = thumbnail(image, LONGEST_LARGE)
    if max(small.shape) < LONGEST_LARGE // 2:  # a part, or a small photo: lines stay thin
        scale = LONGEST_LARGE / 2 / max(small.shape)
        small = np.asarray(cv2.resize(small, None, fx=scale, fy=scale), np.uint8)
    for mask, colour in outlines:
        if mask is not None:
            here = mask
            if mask.shape != small.shape[:2]:
                here = resize_mask(np.ascontiguousarray(mask), *small.shape[:2])
            small = overlay(small, here, OverlayStyle(colour, opacity=0.0, outline=2.0))
    return encode_jpeg(small, 88)


def _around(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Returns rows and columns of a square that holds a box, and as much around it."""
    left, top, width, height = box
    side = max(2 * width, 2 * height, _LEAST_PART)
    slices = []
    for start, length, whole in ((top, height, shape[0]), (left, width, shape[1])):
        middle = start + length // 2
        first = max(0, min(middle - side // 2, whole - side))
        slices.append(slice(first, min(whole, first + side)))
    return slices[0], slices[1]


def _stamp(reviewed: Reviewed, row: ReviewRow) -> tuple[int, ...]:
    sample = reviewed.samples.get(row.name)
    if sample is None:
        return ()
    found = []
    for path in (sample.image_path, sample.mask_path):
        try:
            found.append(path.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return tuple(found)
