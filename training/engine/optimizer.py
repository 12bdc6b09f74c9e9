"""Optimiser, learning rate, moving average of the weights and half precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from core.device import autocast_dtype
from core.errors import ConfigError
from core.model import UNet
from training.config import Precision, TrainConfig
from training.engine.trainer_state import TrainerState

PLATEAU_FACTOR = 0.5
"""What the schedule "plateau" multiplies the learning rate by."""
_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1e-4 * _ONE_CYCLE_START


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Returns the optimiser of a network's weights; biases and normalisations are not decayed.

    Source: Loshchilov and Hutter 2019 ("adamw", decoupled decay), Kingma and Ba 2015 ("adam"),
    and "sgd" with momentum as in Ronneberger et al. 2015, section 3.
    """
    groups = _decay_groups(model, config.weight_decay)
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.learning_rate, fused=True)


def learning_rate(config: TrainConfig, step: int, total: float, cuts: int = 0) -> float:
    """Returns the learning rate of a step.

    Args:
        config: Highest rate, schedule and warm-up.
        step: From 0.
        total: Steps in the whole training; infinite while it is not known.
        cuts: Reductions by the schedule "plateau" so far.

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


def reduce_on_plateau(config: TrainConfig, state: TrainerState) -> bool:
    """Halves the rate of "plateau" after `plateau_patience` epochs without improvement.

    Epochs before the last reduction don't count.

    Returns:
        Whether it did; the reduction is counted in `state`.
    """
    if config.schedule != "plateau":
        return False
    if state.epoch - max(state.best_epoch, state.cut_epoch) < config.plateau_patience:
        return False
    state.cuts += 1
    state.cut_epoch = state.epoch
    return True


def averaged_copy(model: UNet, decay: float) -> AveragedModel:
    """Returns a copy that follows a network at each `update_parameters`; with decay 0 at once.

    Young averages follow more quickly. Statistics of batch normalisations are averaged, too.

    Source: the ramp min(decay, (1 + n) / (10 + n)) is TensorFlow's ExponentialMovingAverage.
    """
    return AveragedModel(model, multi_avg_fn=_ramped(decay), use_buffers=True)


def half_type(precision: Precision, device: torch.device) -> torch.dtype | None:
    """Returns the half-precision type of a training's convolutions; None: float32.

    Weights, losses, averages and validation on a CPU are float32 at any choice.

    Raises:
        ConfigError: The device can't do it.
    """
    if precision == "auto":
        return autocast_dtype(device)
    if precision == "fp32":
        return None
    if precision == "bf16":
        if device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise ConfigError("precision is 'bf16'; this graphics card can't do it. Use 'auto'.")
        return torch.bfloat16
    if device.type == "cpu":
        raise ConfigError(
            "precision is 'fp16', which needs a graphics card; on a CPU use 'bf16' or 'fp32'."
        )
    return torch.float16


def _decay_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _one_cycle(done: float) -> float:
    """Returns the share of the highest rate, for a share of the training in [0, 1]."""
    if done < _ONE_CYCLE_RISE:
        return _between(_ONE_CYCLE_START, 1.0, done / _ONE_CYCLE_RISE)
    return _between(1.0, _ONE_CYCLE_END, (done - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))


def _between(start: float, end: float, way: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * way))


def _ramped(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        n = int(count)
        keep = min(decay, (1 + n) / (10 + n))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    return update
