"""The look at a whole data folder: its check and its mean mask, also in a process of its own.

Of a hundred thousand photos a check computes for many seconds. In a thread of the app every page
would wait for it again and again; beside it, no page does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import CarmaskError
from training.data.folder import Dataset, Reading, open_dataset
from training.data.sides import Split
from training.health.check import Report, check_dataset
from training.health.index import FactsIndex
from training.health.mean_mask import MeanMask, mean_mask
from training.jobs.workers import WorkerDiedError, WorkerPool


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
