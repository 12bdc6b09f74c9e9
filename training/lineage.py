"""The split of a new run: no car is kept that the weights it starts from were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.checkpoint import find_checkpoint
from training.config import TrainConfig
from training.data import Dataset
from training.sides import Sides, Split, load_split
from training.splits import split_at_random, split_by_car


def trained_before(start: Path) -> Sides:
    """Returns the cars, by family, that a checkpoint and those before it were trained on.

    Args:
        start: A checkpoint file or a run's folder. A file outside a run says nothing of its cars,
            so there are none.

    Raises:
        CheckpointError: There is no checkpoint.
        DataError: The run's split file can't be read.
    """
    split = find_checkpoint(start).parent.parent / "split.json"
    return load_split(split).trained() if split.is_file() else {}


def split_of(config: TrainConfig, datasets: Sequence[Dataset], base: Path = Path()) -> Split:
    """Returns the split of a new run: its file's, else one that is made here.

    Args:
        config: What the run is told.
        datasets: Its data folders, opened.
        base: Folder from which the run's relative paths are counted.

    Raises:
        ConfigError: The data can't be split as the settings ask.
        CheckpointError: There is no checkpoint to start from.
        DataError: A split file can't be read.
    """
    before = trained_before(base / config.start_from) if config.start_from else {}
    if config.split:
        return replace(load_split(base / config.split), before=before)
    if config.split_by == "random":
        return replace(split_at_random(datasets, config.val_share, config.seed), before=before)
    return split_by_car(datasets, config.val_share, config.seed, before=before)
