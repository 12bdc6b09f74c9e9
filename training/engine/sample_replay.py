"""Any training sample of any epoch of a run, recomputed by the trainer's own code.

An augmented sample is a function of (seed, epoch, index) alone, so nothing has to be stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from training.augment.compose import Applied, Augmenter
from training.config import TrainConfig
from training.data.folder import Sample, open_datasets
from training.data.portions import epoch_samples
from training.engine.batches import TrainingSquares, epoch_order, steps_per_epoch
from training.runs.runlog import read_config, read_split

_NOWHERE: Mapping[str, Path] = {}


@dataclass(frozen=True)
class ReplayedSample:
    """A training sample as the network got it."""

    sample: Sample
    """The photo that it was made from."""
    recipe: str
    """The augmentation recipe: the run's, or that of this photo."""
    applied: tuple[Applied, ...]
    """The transforms that were applied, in order, with the parameters that were drawn."""
    image: NDArray[np.float32]
    """The network's input, (3, S, S), normalised."""
    mask: NDArray[np.float32]
    """The target, (1, S, S) in {0, 1}."""
    picture: NDArray[np.uint8]
    """The input drawn back to a picture, (S, S, 3)."""
    step: int | None
    """Its step in the epoch, from 1; None for the samples left over, which fill no step."""
    steps: int
    """Steps in the epoch."""


@dataclass(frozen=True)
class ReplayedRun:
    """A run with its data, whose samples can be recomputed."""

    config: TrainConfig
    samples: tuple[Sample, ...]
    """What an epoch sees, by index; photos of a repeated data folder are in it more than once."""

    def sample(self, epoch: int, index: int) -> ReplayedSample:
        """Returns what the network got of one photo in one epoch.

        Args:
            epoch: From 1; also one that the run has not reached.
            index: Of the sample in `samples`, from 0.

        Raises:
            ConfigError: There is no such epoch or index.
            CarmaskError: The photo or its mask can't be read.
        """
        if epoch < 1:
            raise ConfigError(f"epoch is {epoch}; it must be 1 or more.")
        if not 0 <= index < len(self.samples):
            raise ConfigError(
                f"index is {index}; the run trains on {len(self.samples)} photos, so it must be "
                f"from 0 to {len(self.samples) - 1}."
            )
        config, sample = self.config, self.samples[index]
        image, mask = TrainingSquares(self.samples, config, epoch)[index]
        recipe = sample.recipe or config.recipe
        augmenter = Augmenter(recipe, config.size)
        traced = augmenter.traced(*sample.read(), seed=config.seed, epoch=epoch, index=index)
        steps = steps_per_epoch(len(self.samples), config.step_images)
        position = epoch_order(len(self.samples), config.seed, epoch).index(index)
        step = position // config.step_images + 1
        return ReplayedSample(
            sample=sample,
            recipe=recipe,
            applied=traced.applied,
            image=config.preprocessing.normalise(image.numpy()),
            mask=(mask.numpy() == 1).astype(np.float32),
            picture=image.numpy(),
            step=step if step <= steps else None,
            steps=steps,
        )


def replay_run(
    run: Path, base: Path = Path(), elsewhere: Mapping[str, Path] = _NOWHERE
) -> ReplayedRun:
    """Returns a run with its training samples; no photo is read yet.

    Args:
        run: The run's folder.
        base: Folder from which the run's relative data folders are counted.
        elsewhere: Data folders by their names; one of them is taken where the run's own of that
            name is gone.

    Raises:
        RunError: The folder is no run.
        DataError: A data folder is not here, or is not the data that the run was split on.
    """
    config = read_config(run)
    split = read_split(run)
    folders = [base / folder for folder in config.data]
    folders = [each if each.is_dir() else elsewhere.get(each.name, each) for each in folders]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise DataError(
            f"The run {run.name} was trained on data that are not here: {', '.join(missing)}. "
            "Put the folder back, or choose another run."
        )
    datasets = open_datasets(folders, config.reading(base))
    train = split.select(datasets, "train")
    return ReplayedRun(config, epoch_samples(train, config.portions, config.data))
