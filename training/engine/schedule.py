"""Learning rates of each step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.config import TrainConfig

if TYPE_CHECKING:
    from training.engine.position import Position

PLATEAU_FACTOR = 0.5
"""What the schedule "plateau" multiplies the learning rate by."""
_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1e-4 * _ONE_CYCLE_START


def learning_rate(config: TrainConfig, step: int, total: float, cuts: int = 0) -> float:
    """Returns the learning rate of a step.

    Args:
        config: Highest rate, schedule and warm-up.
        step: From 0.
        total: Steps in the whole training; infinite where nobody knows yet.
        cuts: Times that the schedule "plateau" has cut the rate so far.

    Source: "cosine" is Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts;
    "one_cycle" is Smith and Topin 2018, "Super-Convergence", with torch's OneCycleLR's usual
    shape (30% rising from 1/25, cosines, down to 1/250000) and the momentum left as it is.
    """
    if config.schedule == "one_cycle":
        return config.learning_rate * _one_cycle(min(1.0, step / max(1.0, total - 1)))
    warmup = min(config.warmup_steps, total // 2)
    if step < warmup:
        rising = config.learning_rate * (step + 1) / warmup
        return rising * PLATEAU_FACTOR**cuts if config.schedule == "plateau" else rising
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "plateau":
        return config.learning_rate * PLATEAU_FACTOR**cuts
    done = (step - warmup) / max(1, total - warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def cut_where_it_stands_still(config: TrainConfig, at: Position) -> bool:
    """Counts the epochs without a better figure; tells whether the rate is cut after this one.

    A cut gives the rate `plateau_patience` epochs to show what it can do before the next.
    """
    if config.schedule != "plateau":
        return False
    if at.epoch - max(at.best_epoch, at.cut_epoch) < config.plateau_patience:
        return False
    at.cuts += 1
    at.cut_epoch = at.epoch
    return True


def _one_cycle(done: float) -> float:
    """Returns the share of the highest rate, for a share of the training in [0, 1]."""
    if done < _ONE_CYCLE_RISE:
        return _between(_ONE_CYCLE_START, 1.0, done / _ONE_CYCLE_RISE)
    return _between(1.0, _ONE_CYCLE_END, (done - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))


def _between(start: float, end: float, way: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * way))
