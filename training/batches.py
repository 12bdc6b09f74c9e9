"""Training batches: read and augmented, the same in any number of workers.

They stay bytes until the network's device has them: a quarter of what must be moved.
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
from training.engine.extra_weights import extra_weights
from training.engine.processes import ALONE, Processes
from training.kept import KeptPhotos

_MEANT_FOR_ALL = (signal.SIGINT, signal.SIGTERM)
"""Signals that a terminal or torchrun sends to the trainer's whole process group."""


class TrainingSquares(Dataset[tuple[Tensor, ...]]):
    """One epoch's samples as squares: images uint8 (S, S, 3), `Truth.labels` uint8 (1, S, S).

    Where pixels weigh something extra, their weights follow, float32 (1, S, S).
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        config: TrainConfig,
        epoch: int,
        kept: KeptPhotos | None = None,
    ) -> None:
        self._samples = samples
        self._config = config
        self._epoch = epoch
        self._kept = kept
        recipes = {sample.recipe or config.recipe for sample in samples}
        self._augmenters = {recipe: Augmenter(recipe, config.size) for recipe in sorted(recipes)}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        sample = self._samples[index]
        image, mask = self._kept.read(sample) if self._kept else sample.read_truth()
        image, truth = self._augmenters[sample.recipe or self._config.recipe].of_truth(
            image, mask, seed=self._config.seed, epoch=self._epoch, index=index
        )
        labels = torch.from_numpy(truth.labels[None])
        square = torch.from_numpy(np.ascontiguousarray(image)), labels
        extra = extra_weights(truth.car, self._config)
        return square if extra is None else (*square, torch.from_numpy(extra[None]))


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """Returns the order of an epoch's samples, a function of (seed, epoch) alone."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [int(i) for i in order]


def steps_per_epoch(count: int, step_images: int) -> int:
    """Returns the full steps in an epoch; a rest is left for another epoch's order."""
    return max(1, count // step_images)


def epoch_batches(
    samples: Sequence[Sample],
    config: TrainConfig,
    epoch: int,
    first_step: int = 0,
    processes: Processes = ALONE,
    kept: KeptPhotos | None = None,
) -> DataLoader[tuple[Tensor, ...]]:
    """Returns this process's share of each batch of an epoch.

    A batch is images uint8 (N, S, S, 3), `Truth.labels` uint8 (N, 1, S, S), and extra weights,
    float32 (N, 1, S, S), where the settings have some.

    Args:
        samples: All training photos.
        config: What to do with them.
        epoch: From 1.
        first_step: The optimiser step to begin with, 0 for all of them: a run that goes on inside
            an epoch so reads nothing that it has already seen.
        processes: Those that share the batches.
        kept: The photos, where they are in memory; else each is read from its file.

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
        TrainingSquares(samples, config, epoch, kept),
        batch_sampler=[batch[processes.share] for batch in batches],
        num_workers=config.workers,
        worker_init_fn=_start_worker,
        prefetch_factor=4 if config.workers else None,
        pin_memory=torch.cuda.is_available(),
        # Without its own the loader would draw from the generator of the network's dropout, once
        # a session, and a resumed run would differ.
        generator=torch.Generator(),
    )


class _Loader(DataLoader[tuple[Tensor, ...]]):
    """A loader whose workers hear no signal before they left the trainer's group."""

    def __iter__(self) -> Any:
        if not hasattr(signal, "pthread_sigmask"):
            return super().__iter__()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _MEANT_FOR_ALL)
        try:
            return super().__iter__()  # a worker inherits the mask
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(_worker: int) -> None:
    """Keeps a worker from taking the cores that the network needs.

    A terminal's Ctrl-C and torchrun's SIGTERM are meant for the trainer's whole process group;
    workers leave it, so they go on until the trainer, which finishes its step first, lets them go.
    """
    if hasattr(os, "setsid"):
        os.setsid()
    for each in _MEANT_FOR_ALL:
        signal.signal(each, signal.SIG_IGN)  # also forgets one that came meanwhile
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _MEANT_FOR_ALL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
