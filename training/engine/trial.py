"""A trial step: what a training will cost, measured on this machine with its own data."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from itertools import islice

import torch

from core.device import resolve_device
from core.errors import RunError
from training.batches import epoch_batches, steps_per_epoch
from training.config import TrainConfig
from training.engine.learner import Learner
from training.engine.material import open_material
from training.engine.schedule import learning_rate

_STEPS, _SECONDS = 8, 5.0
"""Steps that are timed at most, and after how many seconds no other one is begun."""


@dataclass(frozen=True)
class StepCost:
    """What a training's steps cost."""

    seconds_per_image: float
    """Reading, augmenting and learning; the first step, which is slow, is left out."""
    peak_bytes: int
    """Most memory that was held: the graphics card's, else the trainer's own."""
    images_per_epoch: int


def measure_step(config: TrainConfig) -> StepCost:
    """Returns what a training costs, from a few of its first steps; nothing is written.

    Raises:
        DataError: The data can't be used.
        DeviceError: This machine has no such device.
        RunError: There is too little memory for a step.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    train = open_material(config, None).train
    try:
        return StepCost(
            _seconds_per_image(config, Learner(config, device), train),
            _peak_bytes(device),
            steps_per_epoch(len(train), config.step_images) * min(len(train), config.step_images),
        )
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise RunError(
            f"There is too little memory for a step of {config.batch} photos of {config.size} px; "
            "take a smaller batch, size or width."
        ) from error


def _seconds_per_image(config: TrainConfig, learner: Learner, train: tuple[object, ...]) -> float:
    batches = iter(epoch_batches(train, config, 1))  # type: ignore[arg-type]
    one_alone = steps_per_epoch(len(train), config.step_images) == 1
    images, started = 0, time.monotonic()
    for step in range(1 + _STEPS):
        group = list(islice(batches, config.accumulate))
        if not group:
            break
        learner.step(group, learning_rate(config, step, 1e6))
        images += sum(len(batch[0]) for batch in group)
        if step == 0 and not one_alone:
            images, started = 0, time.monotonic()
        elif time.monotonic() - started > _SECONDS:
            break
    return (time.monotonic() - started) / max(1, images)


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
