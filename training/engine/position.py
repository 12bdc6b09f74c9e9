"""Where a training stands, and what is left of its way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from training.config import TrainConfig


@dataclass
class Position:
    """Where a training stands; saved with the weights."""

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
    """The epoch that had it."""
    cuts: int = 0
    """Times that the schedule "plateau" has cut the learning rate."""
    cut_epoch: int = 0
    """The epoch after which it did so last."""
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
class Way:
    """How long a training goes on."""

    config: TrainConfig
    steps: int
    """Steps in an epoch."""
    step_images: int
    """Photos in a step."""

    def total_steps(self, at: Position) -> float:
        """Returns the steps of the whole training; infinite before the clock says anything.

        A limit in minutes is turned into steps at the pace so far.
        """
        totals = [math.inf]
        if self.config.epochs:
            totals.append(self.config.epochs * self.steps)
        if self.config.images:
            totals.append(math.ceil(self.config.images / self.step_images))
        if self.config.minutes and at.seconds > 0:
            totals.append(max(1.0, at.step * 60 * self.config.minutes / at.seconds))
        return min(totals)

    def share(self, at: Position) -> float:
        """Returns how much of the training is done, in [0, 1]."""
        total = self.total_steps(at)
        return min(1.0, at.step / total) if at.step else 0.0

    def end(self, at: Position, epochs_done: int) -> str:
        """Returns which limit is reached, in words; "" while there is more to do.

        Args:
            at: Steps, images and seconds so far, and the best epoch.
            epochs_done: Whole epochs; one that a limit cut short counts.
        """
        config = self.config
        if config.epochs and epochs_done >= config.epochs:
            return f"{config.epochs} epochs"
        if config.images and at.images >= config.images:
            return f"{at.images} images"
        if config.minutes and at.seconds >= 60 * config.minutes:
            return f"{config.minutes:g} minutes"
        if config.patience and at.best_epoch and epochs_done - at.best_epoch >= config.patience:
            return f"{config.patience} epochs without a better {config.best_by}"
        return ""
