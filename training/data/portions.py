"""What an epoch sees: how often the photos of each data folder, and by which recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import ConfigError
from training.data.folder import Sample

_WRITTEN = re.compile(r"(?P<name>.+)=(?P<times>[0-9]{1,5})(:(?P<recipe>.+))?")
_MOST = 10_000


@dataclass(frozen=True)
class Portion:
    """A data folder's share of an epoch."""

    name: str
    """The data folder's name."""
    times: int
    """How often an epoch sees each of its training photos."""
    recipe: str = ""
    """By which recipe they are augmented; "": the run's own."""


def read_portion(text: str) -> Portion:
    """Returns the portion that a text asks for, NAME=TIMES or NAME=TIMES:RECIPE.

    Raises:
        ConfigError: It is no such text.
    """
    found = _WRITTEN.fullmatch(text)
    if not found or not 1 <= int(found["times"]) <= _MOST:
        raise ConfigError(
            f"repeat is {text!r}; it must be a data folder's name and a whole number from 1 to "
            f"{_MOST}, such as street=10, or these and a recipe, such as street=10:heavy."
        )
    return Portion(found["name"], int(found["times"]), found["recipe"] or "")


def epoch_samples(
    train: Sequence[Sample], portions: Sequence[Portion], folders: Iterable[str]
) -> tuple[Sample, ...]:
    """Returns what an epoch sees of the training photos, in the order that `index` counts.

    Args:
        train: The training photos.
        portions: Of some data folders; those of the others are seen once, by the run's recipe.
        folders: All data folders, as they were given.

    Raises:
        ConfigError: A portion's data folder has no training photo.
    """
    asked: dict[str, list[Portion]] = {}
    for portion in portions:
        asked.setdefault(portion.name, []).append(portion)
    missing = sorted(asked.keys() - {sample.source for sample in train})
    if missing:
        raise ConfigError(
            f"repeat names {', '.join(missing)}, of which there is no training photo; the data "
            f"folders are {', '.join(Path(folder).name for folder in folders)}."
        )
    return tuple(
        replace(sample, recipe=portion.recipe) if portion.recipe else sample
        for sample in train
        for portion in asked.get(sample.source, [Portion(sample.source, 1)])
        for _ in range(portion.times)
    )
