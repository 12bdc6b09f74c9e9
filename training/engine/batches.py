"""Training batches, augmented; the same with any number of workers.

Images stay uint8 until they are on the network's device: a quarter of the bytes to move.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.errors import ConfigError
from training.augment.compose import Augmenter
from training.config import TrainConfig
from training.data.folder import Sample
from training.engine.distributed import SINGLE, DistributedContext
from training.engine.loss import weight_map
from training.engine.training_data import PhotoCache

_MEANT_FOR_ALL = (signal.SIGINT, signal.SIGTERM)
"""Signals that a terminal or torchrun sends to the trainer's whole process group."""


class TrainingSquares(Dataset[tuple[Tensor, ...]]):
    """One epoch's samples as squares: images uint8 (S, S, 3), `Truth.labels` uint8 (1, S, S).

    The weight map follows where the settings have one, float32 (1, S, S).
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        config: TrainConfig,
        epoch: int,
        cache: PhotoCache | None = None,
    ) -> None:
        self._samples = samples
        self._config = config
        self._epoch = epoch
        self._cache = cache
        recipes = {sample.recipe or config.recipe for sample in samples}
        self._augmenters = {recipe: Augmenter(recipe, config.size) for recipe in sorted(recipes)}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        sample = self._samples[index]
        image, mask = self._cache.read(sample) if self._cache else sample.read_truth()
        image, truth = self._augmenters[sample.recipe or self._config.recipe].of_truth(
            image, mask, seed=self._config.seed, epoch=self._epoch, index=index
        )
        labels = torch.from_numpy(truth.labels[None])
        square = torch.from_numpy(np.ascontiguousarray(image)), labels
        extra = weight_map(truth.car, self._config)
        return square if extra is None else (*square, torch.from_numpy(extra[None]))


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """Returns the order of an epoch's samples, a function of (seed, epoch) alone."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [int(i) for i in order]


def steps_per_epoch(count: int, step_images: int) -> int:
    """Returns the full steps in an epoch; samples left over are skipped, others in each epoch."""
    return max(1, count // step_images)


def epoch_batches(
    samples: Sequence[Sample],
    config: TrainConfig,
    epoch: int,
    first_step: int = 0,
    processes: DistributedContext = SINGLE,
    cache: PhotoCache | None = None,
) -> DataLoader[tuple[Tensor, ...]]:
    """Returns this process's shard of each batch of an epoch.

    A batch is images uint8 (N, S, S, 3), `Truth.labels` uint8 (N, 1, S, S), and extra weights,
    float32 (N, 1, S, S), where the settings have some.

    Args:
        samples: All training photos.
        config: Batch size, augmentation, workers and seed.
        epoch: From 1.
        first_step: Optimiser steps of the epoch to skip; a resumed run reads no photo of these.
        processes: Those that share the batches.
        cache: The photos in memory; without it each is read from its file.

    Raises:
        ConfigError: A batch has fewer photos than there are processes.
    """
    end = steps_per_epoch(len(samples), config.step_images) * config.step_images
    order = epoch_order(len(samples), config.seed, epoch)[:end]
    starts = range(first_step * config.step_images, len(order), config.batch)
    batches = [order[start : start + config.batch] for start in starts]
    least = min(map(len, batches), default=processes.count)
    if least < processes.count:
        raise ConfigError(
            f"A batch of {least} photos can't be shared by {processes.count} processes, each needs "
            f"one at least (batch {config.batch}, {len(samples)} training photos); take a larger "
            "batch or fewer processes."
        )
    return _Loader(
        TrainingSquares(samples, config, epoch, cache),
        batch_sampler=[batch[processes.shard] for batch in batches],
        num_workers=config.workers,
        worker_init_fn=_start_worker,
        prefetch_factor=4 if config.workers else None,
        pin_memory=torch.cuda.is_available(),
        # By default the loader would draw from the generator of the network's dropout, once a
        # session, and a resumed run would differ.
        generator=torch.Generator(),
    )


class _Loader(DataLoader[tuple[Tensor, ...]]):
    """A loader whose workers get no signal before they have left the trainer's process group."""

    def __iter__(self) -> Any:
        if not hasattr(signal, "pthread_sigmask"):
            return super().__iter__()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _MEANT_FOR_ALL)
        try:
            return super().__iter__()  # a worker inherits the mask
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(_worker: int) -> None:
    """Limits a worker to one thread and takes it out of the trainer's process group.

    A terminal's Ctrl-C and torchrun's SIGTERM go to the whole group; a worker outside it lasts
    until the trainer has finished its step and ends it.
    """
    if hasattr(os, "setsid"):
        os.setsid()
    for each in _MEANT_FOR_ALL:
        signal.signal(each, signal.SIG_IGN)  # also drops a pending one
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _MEANT_FOR_ALL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
