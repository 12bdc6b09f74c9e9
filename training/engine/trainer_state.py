"""How far a training has come, how long it goes on, and how fast it is."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from training.config import TrainConfig


@dataclass
class TrainerState:
    """How far a training has come; saved with the weights."""

    epoch: int = 1
    """The epoch being worked on, from 1."""
    step_in_epoch: int = 0
    """Steps of this epoch that are done; 0 between two epochs."""
    step: int = 0
    """Optimiser steps done."""
    images: int = 0
    """Training samples seen."""
    loss_sum: float = 0.0
    """Sum of the losses of this epoch's steps."""
    seconds: float = 0.0
    """Wall time of all sessions so far."""
    best_value: float = -1.0
    """Highest `best_by` so far."""
    best_epoch: int = 0
    """Its epoch."""
    cuts: int = 0
    """Reductions of the learning rate by the schedule "plateau"."""
    cut_epoch: int = 0
    """The epoch after which the last one was made."""
    last_metrics: dict[str, Any] = field(default_factory=dict)
    """Figures of the last validation."""

    @property
    def loss(self) -> float:
        """Mean loss of this epoch so far."""
        return self.loss_sum / max(1, self.step_in_epoch)

    def next_epoch(self) -> None:
        """Moves on to the start of the next epoch."""
        self.epoch += 1
        self.step_in_epoch, self.loss_sum = 0, 0.0


@dataclass(frozen=True)
class TrainingBudget:
    """How long a training goes on."""

    config: TrainConfig
    steps: int
    """Steps in an epoch."""
    step_images: int
    """Photos in a step."""

    def total_steps(self, state: TrainerState) -> float:
        """Returns the steps of the whole training; infinite while it is not known.

        A limit in minutes is converted to steps at the speed so far.
        """
        totals = [math.inf]
        if self.config.epochs:
            totals.append(self.config.epochs * self.steps)
        if self.config.images:
            totals.append(math.ceil(self.config.images / self.step_images))
        if self.config.minutes and state.seconds > 0:
            totals.append(max(1.0, state.step * 60 * self.config.minutes / state.seconds))
        return min(totals)

    def share(self, state: TrainerState) -> float:
        """Returns how much of the training is done, in [0, 1]."""
        total = self.total_steps(state)
        return min(1.0, state.step / total) if state.step else 0.0

    def end(self, state: TrainerState, epochs_done: int) -> str:
        """Returns the limit that is reached, in words; "" before that.

        Args:
            state: Steps, images and seconds so far, and the best epoch.
            epochs_done: Whole epochs; one that a limit cut short counts.
        """
        config = self.config
        if config.epochs and epochs_done >= config.epochs:
            return f"{config.epochs} epochs"
        if config.images and state.images >= config.images:
            return f"{state.images} images"
        if config.minutes and state.seconds >= 60 * config.minutes:
            return f"{config.minutes:g} minutes"
        if (
            config.patience
            and state.best_epoch
            and epochs_done - state.best_epoch >= config.patience
        ):
            return f"{config.patience} epochs without a better {config.best_by}"
        return ""


class Throughput:
    """Images a second and the share of time spent waiting for them, from its creation on."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._images = 0
        self._waited = 0.0

    def count(self, images: int, waited: float) -> None:
        """Counts a step of some images, for which the network waited some seconds."""
        self._images += images
        self._waited += waited

    def rates(self) -> dict[str, float]:
        """Returns images_per_second and waited, a share of the time in [0, 1]."""
        seconds = max(1e-9, time.monotonic() - self._started)
        return {
            "images_per_second": round(self._images / seconds, 2),
            "waited": round(min(1.0, self._waited / seconds), 3),
        }


@dataclass(frozen=True)
class Progress:
    """What a person watching sees; sent after each step and each validated photo."""

    phase: str
    """"train" or "validate"."""
    epoch: int
    epochs: int
    """Limit of epochs; 0 is none."""
    done: int
    """Images done in this phase of this epoch."""
    total: int
    loss: float
    """Mean loss of the epoch so far."""
    dice: float | None
    """Mean validation Dice of the last validated epoch."""
    share: float = 0.0
    """How much of the whole training is done, in [0, 1]."""
    seconds: float = 0.0
    """Wall time so far, over all sessions."""
    images_per_second: float = 0.0
    """Of this epoch's training."""
