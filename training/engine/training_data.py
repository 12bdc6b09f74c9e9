"""What a training learns from: its photos, their split, and a cache of them in memory."""

from __future__ import annotations

import multiprocessing
import os
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import ShortMemoryError
from training.augment.compose import Levels, resized_truth
from training.config import TrainConfig
from training.data.folder import Dataset, Sample, open_datasets
from training.data.lineage import split_of
from training.data.portions import epoch_samples
from training.data.sides import Split
from training.machine import available_bytes

_USABLE = 0.8
"""Share of the free memory that photos may take; workers and network need the rest."""


@dataclass(frozen=True)
class TrainingData:
    """Data and split of a run, read once: the files may change while it goes on."""

    datasets: tuple[Dataset, ...]
    split: Split
    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    epoch: tuple[Sample, ...]
    """What an epoch sees: `train`, the photos of repeated data folders more than once."""
    facts: dict[str, dict[str, Any]]
    """Fingerprint, layout and counts of each data folder by its name."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprint of each data folder's files by its name."""
        return {name: str(facts["fingerprint"]) for name, facts in self.facts.items()}

    @property
    def split_facts(self) -> dict[str, Any]:
        """The split as checkpoints store it."""
        return {
            "fingerprint": self.split.fingerprint(),
            "verdict": self.split.verdict().to_json(),
            "train_images": len(self.train),
            "val_images": len(self.val),
        }


def open_training_data(config: TrainConfig, split: Split | None) -> TrainingData:
    """Returns the data of a run.

    Args:
        config: Folders and how they are read and split.
        split: The run's own, where it has one already.

    Raises:
        DataError: The data can't be used.
        ConfigError: They can't be split as the settings ask.
    """
    datasets = open_datasets([Path(folder) for folder in config.data], config.reading())
    split = split or split_of(config, datasets)
    train = split.select(datasets, "train")
    return TrainingData(
        datasets=tuple(datasets),
        split=split,
        train=tuple(train),
        val=tuple(split.select(datasets, "val")),
        epoch=epoch_samples(train, config.portions, config.data),
        facts={dataset.name: _facts(dataset) for dataset in datasets},
    )


class PhotoCache:
    """Photos and masks as the squares that augmentation begins with, one copy for all workers."""

    def __init__(self, samples: Sequence[Sample], size: int) -> None:
        """Reads each photo once, several at a time.

        Args:
            samples: What an epoch sees; a photo that it sees twice is stored once.
            size: Side of the training's squares in px.

        Raises:
            ShortMemoryError: They don't fit into the free memory.
            CarmaskError: A photo or mask can't be read.
        """
        photos = list({sample.key: sample for sample in samples}.values())
        needed, free = len(photos) * size * size * 4, available_bytes()
        if free is not None and needed > _USABLE * free:
            raise ShortMemoryError(
                f"{len(photos)} photos of {size} px need {needed / 1e9:.1f} GB of memory, "
                f"{free / 1e9:.1f} GB are free; take cache none, or a smaller size."
            )
        started = time.monotonic()
        self._images = torch.empty((len(photos), size, size, 3), dtype=torch.uint8)
        self._masks = torch.empty((len(photos), size, size), dtype=torch.uint8)
        if multiprocessing.get_start_method() != "fork":  # a fork has them without a copy
            for tensor in (self._images, self._masks):
                tensor.share_memory_()  # type: ignore[no-untyped-call]
        self._foregrounds: dict[int, bytes] = {}  # packed: else a quarter more
        self._indices = {each.key: index for index, each in enumerate(photos)}

        def load(index: int) -> None:
            image, levels = resized_truth(*photos[index].read_truth(), size)
            self._images[index] = torch.from_numpy(image)
            self._masks[index] = torch.from_numpy(levels.car)
            if levels.foreground is not None:
                self._foregrounds[index] = zlib.compress(levels.foreground.tobytes(), 1)

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(load, range(len(photos))))
        self.summary = (
            f"{len(photos)} photos are kept in memory, {needed / 1e9:.2f} GB, read in "
            f"{time.monotonic() - started:.1f} s"
        )

    def read(self, sample: Sample) -> tuple[NDArray[np.uint8], Levels]:
        """Returns a copy of what `resized_truth` makes of a photo (S, S, 3) and of its mask."""
        index = self._indices[sample.key]
        image, car = self._images[index].clone().numpy(), self._masks[index].clone().numpy()
        if index not in self._foregrounds:
            return image, Levels(car)
        plane = bytearray(zlib.decompress(self._foregrounds[index]))
        return image, Levels(car, np.frombuffer(plane, np.uint8).reshape(car.shape))


def _facts(dataset: Dataset) -> dict[str, Any]:
    return {
        "fingerprint": dataset.fingerprint(),
        "layout": dataset.layout,
        "images": len(dataset.samples),
        "cars": len(dataset.cars),
    }
