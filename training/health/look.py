"""The look at a whole data folder: its check and its mean mask, also in a process of its own.

Of a hundred thousand photos a check computes for many seconds. In a thread of the app every page
would wait for it again and again; beside it, no page does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import CarmaskError
from training.data.folder import Dataset, Reading, Sample, open_dataset
from training.data.sides import Split
from training.health.check import Report, check_dataset
from training.health.facts import ImageFacts
from training.health.index import FactsIndex
from training.jobs.workers import WorkerDiedError, WorkerPool

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


@dataclass(frozen=True)
class Look:
    """What a look at a data folder found."""

    report: Report
    mean_mask: MeanMask | None
    """None where it was not asked for, or no mask could be read."""


@dataclass(frozen=True)
class Asked:
    """What is to be looked at, such that another process can."""

    root: Path
    reading: Reading
    index: Path
    """File of the facts."""
    split: Split | None
    with_mean: bool
    """Whether the mean mask is wanted."""


def look(dataset: Dataset, index: FactsIndex, split: Split | None, *, with_mean: bool) -> Look:
    """Returns the check of a data folder and, if wanted, its mean mask."""
    report = check_dataset(dataset, index, split)
    mean = mean_mask(dataset.samples, index.known(dataset.samples)) if with_mean else None
    return Look(report, mean)


def look_apart(asked: Asked) -> Look:
    """Returns the same from a process of its own; the report then names no data folders.

    Raises:
        CarmaskError: The data folder can't be opened, or the process ended without an answer.
    """
    try:
        with WorkerPool(1) as pool:
            return pool.submit(_answer, asked).result()
    except WorkerDiedError as error:
        raise CarmaskError(
            f"The check of {asked.root} ended with status {error.status}. Try "
            f"python -m training check {asked.root}, which says more."
        ) from error


def _answer(asked: Asked) -> Look:
    """Returns what was asked for, small enough to send."""
    dataset = open_dataset(asked.root, asked.reading, allow_empty=True)
    index = FactsIndex(asked.index)
    try:
        found = look(dataset, index, asked.split, with_mean=asked.with_mean)
    finally:
        index.close()
    return replace(found, report=replace(found.report, datasets=()))
