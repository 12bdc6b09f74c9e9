"""Training photos that are read once and stay in memory, for cards faster than any disk."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import ShortMemoryError
from core.truth import Truth
from training.augment.compose import resized_truth
from training.data import Sample
from training.memory import available_bytes

_SPARED = 0.8
"""Share of the free memory that photos may take; workers and network need the rest."""


class KeptPhotos:
    """Photos and masks as the squares that augmentation begins with, one copy for all workers."""

    def __init__(self, samples: Sequence[Sample], size: int) -> None:
        """Reads each photo once, several at a time.

        Args:
            samples: What an epoch sees; a photo that it sees twice is kept once.
            size: Side of the training's squares in px.

        Raises:
            ShortMemoryError: They don't fit into the free memory.
            CarmaskError: A photo or mask can't be read.
        """
        photos = list({sample.key: sample for sample in samples}.values())
        needed, free = len(photos) * size * size * 4, available_bytes()
        if free is not None and needed > _SPARED * free:
            raise ShortMemoryError(
                f"{len(photos)} photos of {size} px need {needed / 1e9:.1f} GB of memory, "
                f"{free / 1e9:.1f} GB are free; take cache none, or a smaller size."
            )
        started = time.monotonic()
        self._images = torch.empty((len(photos), size, size, 3), dtype=torch.uint8)
        self._masks = torch.empty((len(photos), size, size), dtype=torch.uint8)
        if multiprocessing.get_start_method() != "fork":  # a fork has them without a copy
            for each in (self._images, self._masks):
                each.share_memory_()  # type: ignore[no-untyped-call]
        self._places = {each.key: place for place, each in enumerate(photos)}

        def keep(place: int) -> None:
            image, truth = resized_truth(*photos[place].read_truth(), size)
            self._images[place] = torch.from_numpy(image)
            self._masks[place] = torch.from_numpy(truth.labels)

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(keep, range(len(photos))))
        self.summary = (
            f"{len(photos)} photos are kept in memory, {needed / 1e9:.2f} GB, read in "
            f"{time.monotonic() - started:.1f} s"
        )

    def read(self, sample: Sample) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns a copy of a photo (S, S, 3) uint8 and of its mask (S, S) bool."""
        image, truth = self.read_truth(sample)
        return image, truth.car

    def read_truth(self, sample: Sample) -> tuple[NDArray[np.uint8], Truth]:
        """Returns a copy of a photo (S, S, 3) uint8 and of its mask with what is ignored."""
        place = self._places[sample.key]
        return self._images[place].clone().numpy(), Truth.of_labels(self._masks[place].numpy())
