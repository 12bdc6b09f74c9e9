"""The moving average of the weights: what is validated and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from core.model import UNet


def averaged_copy(model: UNet, decay: float) -> AveragedModel:
    """Returns a copy of a network that follows it at each `update_parameters`; 0 follows at once.

    Young averages follow more quickly. Statistics of batch normalisations are averaged, too.

    Source: the ramp min(decay, (1 + n) / (10 + n)) is TensorFlow's ExponentialMovingAverage.
    """
    return AveragedModel(model, multi_avg_fn=_ramped(decay), use_buffers=True)


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
