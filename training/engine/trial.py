"""Trial steps: time and memory of a training, measured on this machine with its own data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch

from core.device import resolve_device
from training.config import TrainConfig
from training.data.folder import Sample
from training.engine.batches import epoch_batches, steps_per_epoch
from training.engine.failures import is_short_memory, short_memory
from training.engine.learner import Learner
from training.engine.optimizer import learning_rate
from training.engine.training_data import open_training_data
from training.machine import peak_bytes

_STEPS, _SECONDS = 8, 5.0
"""Most steps that are timed, and the seconds after which no other one begins."""


@dataclass(frozen=True)
class StepCost:
    """What a training's steps cost."""

    seconds_per_image: float
    """Reading, augmenting and learning; the first step, which is slow, is left out."""
    peak_bytes: int
    """Peak memory: the graphics card's, else the trainer's own."""
    images_per_epoch: int


def measure_step(config: TrainConfig) -> StepCost:
    """Returns what a training costs, from a few of its first steps; nothing is written.

    Raises:
        DataError: The data can't be used.
        DeviceError: This machine has no such device.
        ShortMemoryError: There is too little memory for a step.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    samples = open_training_data(config, None).epoch
    with _proposing_smaller_settings(config, device):
        return StepCost(
            _seconds_per_image(config, Learner(config, device), samples),
            peak_bytes(device),
            steps_per_epoch(len(samples), config.step_images)
            * min(len(samples), config.step_images),
        )


def try_step(config: TrainConfig, learner: Learner, photos: int) -> None:
    """Does a step's work on an empty batch, without changing anything.

    Args:
        config: The training's.
        learner: Its network.
        photos: Photos in this process's largest shard.

    Raises:
        ShortMemoryError: It does not fit into the memory.
    """
    sides = config.size, config.size
    pictures = torch.zeros(photos, *sides, 3, dtype=torch.uint8)
    masks = torch.zeros(photos, 1, *sides, dtype=torch.bool)
    weights = [masks.float()] if config.has_weight_map else []
    with _proposing_smaller_settings(config, learner.device):
        learner.rehearse((pictures, masks, *weights))


@contextmanager
def _proposing_smaller_settings(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Turns out-of-memory errors into one that proposes smaller settings."""
    try:
        yield
    except Exception as error:
        if not is_short_memory(error):
            raise
        raise short_memory(config, device) from error


def _seconds_per_image(config: TrainConfig, learner: Learner, samples: Sequence[Sample]) -> float:
    batches = iter(epoch_batches(samples, config, 1))
    single_step = steps_per_epoch(len(samples), config.step_images) == 1
    images, started = 0, time.monotonic()
    for step in range(1 + _STEPS):
        group = list(islice(batches, config.accumulate))
        if not group:
            break
        learner.step(group, learning_rate(config, step, 1e6))
        images += sum(len(batch[0]) for batch in group)
        if step == 0 and not single_step:
            images, started = 0, time.monotonic()
        elif time.monotonic() - started > _SECONDS:
            break
    return (time.monotonic() - started) / max(1, images)
