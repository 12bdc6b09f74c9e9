"""Layers that look at a whole batch, for processes that each see a share of it.

With them a network learns what it would learn in one process, within rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.engine.processes import Processes

_OVER = (0, 2, 3)
"""All axes but the channels'."""


def share_layers(model: nn.Module, processes: Processes) -> None:
    """Makes batch normalisations and dropouts of a network span all processes, in place.

    Weights, statistics and their names stay as they are. A process alone keeps torch's layers.
    """
    if processes.count == 1:
        return
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, SharedBatchNorm(layer, processes))
            elif isinstance(layer, nn.Dropout2d):
                setattr(parent, name, SharedDropout(layer, processes))


class SharedBatchNorm(nn.BatchNorm2d):
    """A batch normalisation with the mean and variance of all shares together.

    torch's SyncBatchNorm does the same on graphics cards alone.
    """

    def __init__(self, layer: nn.BatchNorm2d, processes: Processes) -> None:
        super().__init__(layer.num_features, eps=layer.eps, momentum=layer.momentum)
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        self._processes = processes

    def forward(self, x: Tensor) -> Tensor:
        """Returns the features (N, C, H, W), normalised and scaled."""
        if not self.training:
            return super().forward(x)
        mean, variance, count = self._statistics(x.detach())
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        self.num_batches_tracked += 1
        normalised: Tensor = _Normalisation.apply(
            x, self.weight, self.bias, mean, variance, count, self.eps, self._processes
        )
        return normalised

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns mean (C,), biased variance (C,) and the values a channel () of all shares.

        Source: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance": parts
        are joined by their means and variances, as sums of squares would lose digits.
        """
        variance, mean = torch.var_mean(x.float(), _OVER, correction=0)
        count = mean.new_tensor([x.numel() / x.shape[1]])
        parts = self._processes.stacked(torch.cat([mean, variance, count]))
        means, variances, counts = torch.split(parts, [len(mean), len(mean), 1], dim=1)
        weights = counts / counts.sum()
        mean = (weights * means).sum(0)
        variance = (weights * (variances + (means - mean) ** 2)).sum(0)
        return mean, variance, counts.sum()


class _Normalisation(torch.autograd.Function):
    """Normalises with given statistics, whose own dependence on the features it knows."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
        processes: Processes,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt(), count)
        ctx.processes = processes
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Returns the gradients; those of weight and bias are of this share.

        Source: Ioffe and Szegedy 2015, "Batch Normalization", section 3.
        """
        x, weight, mean, scale, count = ctx.saved_tensors
        gradient = gradients[0].float()
        normal = (x.float() - _wide(mean)) * _wide(scale)
        own = torch.stack([gradient.sum(_OVER), (gradient * normal).sum(_OVER)])
        whole = own.clone()
        ctx.processes.add_up([whole])
        along_bias, along_weight = (_wide(each) for each in whole / count)
        of_x = _wide(weight * scale) * (gradient - along_bias - normal * along_weight)
        return of_x.to(x.dtype), own[1], own[0], None, None, None, None, None


class SharedDropout(nn.Dropout2d):
    """A dropout that draws for the whole batch, like one process, and takes its share of that.

    All processes draw the same, so one random state is that of all.
    """

    def __init__(self, layer: nn.Dropout2d, processes: Processes) -> None:
        super().__init__(layer.p)
        self._processes = processes

    def forward(self, x: Tensor) -> Tensor:
        """Returns the features (N, C, H, W) with some channels of each photo dropped."""
        if not self.training or not self.p:
            return x
        photos = int(self._processes.total(x.shape[0]))
        noise = x.new_empty((photos, x.shape[1], 1, 1)).bernoulli_(1 - self.p).div_(1 - self.p)
        return x * noise[self._processes.share]


def _wide(values: Tensor) -> Tensor:
    """Returns a value a channel (C,) as (C, 1, 1), to go with features."""
    return values[:, None, None]
