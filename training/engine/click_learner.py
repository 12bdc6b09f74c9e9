"""The click network in training: its start, its steps, its moving average."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.clicks import CHANNELS
from core.errors import ConfigError
from core.model import UNet
from core.truth import IGNORED
from training.config import TrainConfig
from training.engine.loss import bce_dice_loss, weighted_loss, without_ignored
from training.engine.optimizer import averaged_copy, half_type, learning_rate, make_optimizer
from training.engine.trainer_state import TrainerState

_WRONG_WEIGHT = 2.0
"""Extra weight of pixels where the mask is wrong: most pixels are right and only to be copied."""
_CLICKED_WEIGHT = 1.0
"""Weight of the part that was clicked on, however small it is: a click must do something."""
_LONGEST_GRADIENT = 5.0
_MASK = 3
"""Place of the present mask among the inputs."""


def widened(model: UNet) -> UNet:
    """Returns a network that segments RGB photos as one with the inputs of a click network.

    It gives the same answer: weights of the new inputs are 0. A click network is returned as it is.

    Raises:
        ConfigError: It is neither, or has several outputs.
    """
    config = model.config
    if (config.in_channels, config.out_channels) == (CHANNELS, 1):
        return model
    if (config.in_channels, config.out_channels) != (3, 1):
        raise ConfigError(
            f"The start has {config.in_channels} inputs and {config.out_channels} outputs; a "
            "network that segments RGB photos has 3 and 1. Choose such a run."
        )
    wide = UNet(replace(config, in_channels=CHANNELS))
    weights = model.state_dict()
    first = "contracting.0.0.weight"
    grown = torch.zeros_like(wide.state_dict()[first])
    grown[:, : weights[first].shape[1]] = weights[first]
    wide.load_state_dict(weights | {first: grown})
    return wide


class ClickLearner:
    """A click network that learns, on the CPU."""

    def __init__(self, start: UNet, config: TrainConfig) -> None:
        """Takes a network that segments, and the settings of optimiser, schedule and average."""
        self._config = config
        self._model: UNet = widened(start).to(memory_format=torch.channels_last)
        self._average = averaged_copy(self._model, config.ema)
        self._optimizer = make_optimizer(self._model, config)
        self._half = half_type(config.precision, torch.device("cpu"))

    @property
    def network(self) -> UNet:
        """The network with the moving average of the weights."""
        network: UNet = self._average.module  # type: ignore[assignment]
        return network

    def step(
        self, inputs: Tensor, labels: Tensor, clicked: Tensor, state: TrainerState, total: float
    ) -> float:
        """Learns from a batch, and returns its loss.

        Args:
            inputs: float32 (N, 6, h, w); see `core.clicks.network_input`.
            labels: uint8 (N, 1, h, w) as `core.truth.Truth.labels`.
            clicked: The part of each mask that is wrong and was clicked on, bool (N, 1, h, w).
            state: Where the training stands; its counts go on.
            total: Steps of the whole training.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._config, state.step, total)
        self._model.train()
        logits, masks = without_ignored(self._logits(self._model, inputs), labels)
        wrong = ((inputs[:, _MASK : _MASK + 1] - masks).abs() > 0.5) & (labels != IGNORED)
        share = clicked.float().mean((1, 2, 3), keepdim=True).clamp(min=1e-6)
        weights = _WRONG_WEIGHT * wrong + _CLICKED_WEIGHT * clicked / share
        loss = bce_dice_loss(logits, masks) + weighted_loss(logits, masks, weights)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), _LONGEST_GRADIENT)
        self._optimizer.step()
        self._average.update_parameters(self._model)
        state.step += 1
        state.images += len(inputs)
        return float(loss.detach())

    @torch.inference_mode()
    def answer(self, inputs: Tensor, *, averaged: bool = True) -> NDArray[np.float32]:
        """Returns the probability (N, h, w) of inputs, by the averaged weights or the last ones."""
        model = self.network if averaged else self._model
        model.eval()
        return np.asarray(self._logits(model, inputs)[:, 0].float().sigmoid().numpy())

    def _logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        with torch.autocast("cpu", self._half, enabled=self._half is not None):
            logits: Tensor = model(inputs.to(memory_format=torch.channels_last))
        return logits

    def state_dict(self) -> dict[str, Any]:
        """Returns all that a resumed training needs."""
        return {
            "model": self._model.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        """Goes on where `state_dict` was taken."""
        self._model.load_state_dict(kept["model"])
        self._average.load_state_dict(kept["average"])
        self._optimizer.load_state_dict(kept["optimizer"])
