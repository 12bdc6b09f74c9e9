"""Where in the picture the cars are: the mean of many masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import CarmaskError
from training.data.folder import Sample
from training.health.facts import ImageFacts

COUNT = 500
"""Masks that are read at most, evenly over the data: more would not change the picture."""
LONGEST = 128
"""Longest side of the mean in px."""


@dataclass(frozen=True)
class MeanMask:
    """The mean of masks that were drawn over each other."""

    share: NDArray[np.float32]
    """Share of the masks that have a car at each place, (h, w) in [0, 1]."""
    count: int
    """Masks that it was made from."""


def mean_mask(
    samples: Sequence[Sample], facts: Sequence[ImageFacts | None], count: int = COUNT
) -> MeanMask | None:
    """Returns the mean of at most `count` masks, evenly chosen; None if none can be read.

    Each mask is stretched to one shape, the photos' middle one: where in the picture, not where in
    px, is the question.

    Args:
        samples: The photos.
        facts: What was measured of each, in the same order; None where nothing was.
        count: Masks to read.
    """
    readable = [
        (sample, (known.height, known.width))
        for sample, known in zip(samples, facts, strict=True)
        if known is not None and not known.error and known.width and known.height
    ]
    if not readable:
        return None
    places = np.unique(np.linspace(0, len(readable) - 1, min(count, len(readable))).astype(int))
    chosen = [readable[place] for place in places]
    height, width = _common_shape([shape for _, shape in chosen])
    total, read = np.zeros((height, width)), 0
    for sample, shape in chosen:
        try:
            mask = sample.mask.read(shape)
        except (CarmaskError, OSError):  # changed since it was measured
            continue
        total += cv2.resize(
            mask.view(np.uint8) * np.float32(1), (width, height), None, 0, 0, cv2.INTER_AREA
        )
        read += 1
    return MeanMask((total / read).clip(0, 1).astype(np.float32), read) if read else None


def _common_shape(shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Returns (height, width) of LONGEST px with the shapes' middle ratio."""
    ratio = float(np.median([width / height for height, width in shapes]))
    ratio = min(max(ratio, 1 / 8), 8)
    return (round(LONGEST / ratio), LONGEST) if ratio >= 1 else (LONGEST, round(LONGEST * ratio))
