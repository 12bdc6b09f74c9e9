"""Optimisers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from training.config import TrainConfig


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


def _decay_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
