"""Run lengths of masks: COCO's RLE in and out, bit for bit.

Source: the format as github.com/cocodataset/cocoapi keeps it (common/maskApi.c). Runs of background
and car take turns, background first, so the first run may have the length 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MaskError

_MOST_BITS = 40
"""Of one length: a damaged text must not become an endless number."""


def run_lengths(values: NDArray[np.bool_]) -> list[int]:
    """Returns the lengths of the runs of a bool array (N,), that of False first."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    ends = np.concatenate(([0], changes, [values.size]))
    lengths: list[int] = np.diff(ends).tolist()
    return [0, *lengths] if values.size and values[0] else lengths


def from_run_lengths(lengths: Sequence[int], size: int) -> NDArray[np.bool_]:
    """Returns the bool array (size,) of run lengths, that of False first.

    Raises:
        ValueError: They are not lengths, or cover another number of values.
    """
    if not all(type(length) is int and 0 <= length <= size for length in lengths):
        raise ValueError("they are no run lengths")
    if sum(lengths) != size:
        raise ValueError(f"they cover {sum(lengths)} px of {size}")
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def pack(lengths: Sequence[int]) -> str:
    """Returns run lengths as COCO's text.

    Source: rleToString in maskApi.c: groups of 5 bits, lowest first, 6 bits a character from "0"
    on, whose highest says that more follow; from the fourth length on, each is stored less the one
    before the last.
    """
    text: list[str] = []
    for number, length in enumerate(lengths):
        value = length - lengths[number - 2] if number > 2 else length
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append(chr(48 + bits + (0x20 if more else 0)))
    return "".join(text)


def unpack(text: str) -> list[int]:
    """Returns the run lengths in COCO's text; see `pack`.

    Raises:
        ValueError: The text is damaged.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > _MOST_BITS:
            raise ValueError("they are damaged")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("they are cut off")
    return lengths


def to_coco(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns a mask (H, W) as COCO's RLE: {"size": [H, W], "counts": text}, column by column."""
    return {"size": list(mask.shape), "counts": pack(run_lengths(mask.T.ravel()))}


def from_coco(rle: dict[str, Any], shape: tuple[int, int], title: str) -> NDArray[np.bool_]:
    """Returns the mask of COCO's RLE, bool (H, W).

    Args:
        rle: {"size": [H, W], "counts": text or list of lengths}.
        shape: (height, width) of the photo in px.
        title: How messages call it.

    Raises:
        MaskError: It is damaged, or of another size than the photo.
    """
    size, counts = rle.get("size"), rle.get("counts")
    if size != list(shape):
        raise MaskError(
            f"{title}: an RLE is of size {size} (height, width), its photo of {list(shape)}; both "
            "must be the same. Export the annotations from the photos as they are."
        )
    try:
        lengths = unpack(counts) if isinstance(counts, str) else counts
        if not isinstance(lengths, list):
            raise ValueError("they are no run lengths")
        columns = from_run_lengths(lengths, shape[0] * shape[1])
    except ValueError as error:
        raise MaskError(
            f"{title}: an RLE's counts can't be read: {error}. Export the annotations again."
        ) from error
    return columns.reshape(shape[1], shape[0]).T
