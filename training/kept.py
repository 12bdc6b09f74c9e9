"""Training photos that are read once and stay in memory, for cards faster than any disk."""

from __future__ import annotations

import multiprocessing
import os
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import ShortMemoryError
from training.augment.compose import resized_truth
from training.augment.levels import Levels
from training.data.folder import Sample
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
        self._foregrounds: dict[int, bytes] = {}  # packed: else a quarter more
        self._places = {each.key: place for place, each in enumerate(photos)}

        def keep(place: int) -> None:
            image, levels = resized_truth(*photos[place].read_truth(), size)
            self._images[place] = torch.from_numpy(image)
            self._masks[place] = torch.from_numpy(levels.car)
            if levels.foreground is not None:
                self._foregrounds[place] = zlib.compress(levels.foreground.tobytes(), 1)

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(keep, range(len(photos))))
        self.summary = (
            f"{len(photos)} photos are kept in memory, {needed / 1e9:.2f} GB, read in "
            f"{time.monotonic() - started:.1f} s"
        )

    def read(self, sample: Sample) -> tuple[NDArray[np.uint8], Levels]:
        """Returns a copy of what `resized_truth` makes of a photo (S, S, 3) and of its mask."""
        place = self._places[sample.key]
        image, car = self._images[place].clone().numpy(), self._masks[place].clone().numpy()
        if place not in self._foregrounds:
            return image, Levels(car)
        plane = bytearray(zlib.decompress(self._foregrounds[place]))
        return image, Levels(car, np.frombuffer(plane, np.uint8).reshape(car.shape))
