"""Starts a deeper network from the weights of a shallower one.

The network in training: weights, their average, optimiser and loss.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.checkpoint import find_checkpoint, load_checkpoint
from core.errors import ConfigError, DivergedError
from core.model import DoubleConv, UNet
from core.preprocess import Preprocessing
from core.truth import IGNORED
from training.config import TrainConfig
from training.engine.distributed import SINGLE, DistributedContext
from training.engine.loss import make_loss, without_ignored
from training.engine.optimizer import averaged_copy, half_type, make_optimizer


def deepened(start: UNet, config: UNetConfig) -> UNet:
    """Returns a network with more levels at the bottom and the output of a shallower one.

    The formerly lowest features pass unchanged; the new levels' have weight 0 until training
    changes that. With batch normalisation the output is the same as far as those features are
    distributed like a rectified normal variable.

    Args:
        start: A network that differs from `config` in its depth, its dropout and the width of
            deeper levels alone.
        config: The deeper architecture, padded, with batch normalisation or none.

    Raises:
        ConfigError: The architectures differ in more than that.
    """
    old = start.config
    fitting = replace(old, depth=config.depth, dropout=config.dropout, widest=config.widest)
    new = config.depth - old.depth
    same_widths = config.contracting_widths()[: old.depth + 1] == old.contracting_widths()
    can_deepen = config.padding == "same" and config.norm in ("none", "batch")
    if fitting != config or new < 0 or not same_widths or (new and not can_deepen):
        raise ConfigError(
            f"start_from has the architecture {old}, these settings ask for {config}; give the "
            "same width, padding, norm and stem, and the same depth (a padded network without "
            "normalisation or with batch normalisation may be deeper)."
        )
    model = UNet(config)
    weights = model.state_dict()
    for name, tensor in start.state_dict().items():
        part, index, *rest = name.split(".")
        if part in ("up_convs", "expansive"):  # counted from the bottom
            name = ".".join((part, str(int(index) + new), *rest))
        weights[name] = tensor
    model.load_state_dict(weights)
    if new:
        last, joint = start.contracting[-1], model.expansive[new - 1]
        assert isinstance(last, DoubleConv) and isinstance(joint, DoubleConv)
        _make_identity(joint, _moments(last))
    return model


def _moments(block: DoubleConv) -> tuple[Tensor, Tensor] | None:
    """Returns mean and deviation of a block's features, each (C,); None without normalisation."""
    norms = [layer for layer in block if isinstance(layer, nn.BatchNorm2d)]
    if not norms:
        return None
    norm = norms[-1]
    mean, deviation = norm.bias.detach(), norm.weight.detach().abs().clamp_min(1e-6)
    # Of max(0, x) for a normal x.
    ratio = mean / deviation
    below = 0.5 * (1 + torch.erf(ratio / math.sqrt(2)))
    density = torch.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    first = mean * below + deviation * density
    second = (mean**2 + deviation**2) * below + mean * deviation * density
    return first, (second - first**2).clamp_min(1e-4).sqrt()


def _make_identity(block: DoubleConv, moments: tuple[Tensor, Tensor] | None) -> None:
    """Makes a block return the first half of its input channels unchanged."""
    for index in (0, len(block) // 2):
        convolution = block[index]
        assert isinstance(convolution, nn.Conv2d)
        nn.init.zeros_(convolution.weight)
        channels = torch.arange(convolution.out_channels)
        with torch.no_grad():
            convolution.weight[channels, channels, 1, 1] = 1.0
        norm = block[index + 1]
        if moments is None or not isinstance(norm, nn.BatchNorm2d):
            continue
        mean, deviation = moments
        with torch.no_grad():
            norm.running_mean, norm.running_var = mean.clone(), deviation**2
            norm.bias.copy_(mean)
            norm.weight.copy_(deviation)


Batch = Sequence[Tensor]
"""images uint8 (N, S, S, 3), `Truth.labels` uint8 (N, 1, S, S), and where the settings have them
extra weights, float32 (N, 1, S, S)."""


class Learner:
    """A network and what changes its weights."""

    def __init__(
        self, config: TrainConfig, device: torch.device, processes: DistributedContext = SINGLE
    ) -> None:
        """Builds the network with the weights that a new run begins with.

        Args:
            config: What to train, and how.
            device: This process's.
            processes: Those that train together; after each step, all have the same weights.

        Raises:
            CheckpointError: `start_from` can't be read.
            ConfigError: `start_from` has another architecture, or the device can't do the
                precision.
        """
        self.device = device
        self._config = config
        self._processes = processes
        self._half = half_type(config.precision, device)
        if device.type == "cuda":  # all batches have one shape
            torch.backends.cudnn.benchmark = True
        torch.manual_seed(config.seed)
        first = _first_weights(config)
        first.load_state_dict(processes.from_first(first.state_dict))  # CPUs may round differently
        self.model: UNet = first.to(  # type: ignore[call-overload]
            device=device, memory_format=torch.channels_last
        )
        self._averaged = averaged_copy(self.model, config.ema)
        blends = config.start_from and config.start_share
        self._start = copy.deepcopy(self.model).state_dict() if blends else None
        self._network = processes.parallel(self.model)
        self._optimizer = make_optimizer(self.model, config)
        self._scaler = torch.amp.GradScaler(enabled=self._half is torch.float16)
        self._loss = make_loss(config)

    @property
    def precision(self) -> str:
        """Name of the data type of the network's convolutions."""
        return str(self._half or torch.float32).removeprefix("torch.")

    @property
    def averaged(self) -> UNet:
        """The network with averaged weights, which is validated and saved.

        Where the settings have a `start_share`, each weight lies so far on the way back to the
        start's. Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
        """
        model = self._averaged.module
        assert isinstance(model, UNet)
        if self._start is None:
            return model
        blended = copy.deepcopy(model)
        with torch.no_grad():
            for name, value in blended.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(self._start[name], self._config.start_share)
        return blended

    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Takes one optimiser step and returns its loss, the mean over the photos.

        Args:
            batches: This process's shards, whose gradients are accumulated.
            rate: Learning rate.

        Raises:
            DivergedError: The loss is infinite or NaN.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        count = self._processes.total(sum(batch[0].shape[0] for batch in batches))
        total = 0.0
        for number, batch in enumerate(batches, start=1):
            # Gradients are averaged over the processes, so each loss weighs `processes` times.
            weight = batch[0].shape[0] * self._processes.count / count
            with self._processes.accumulating(self._network, last=number == len(batches)):
                loss = self._loss_of(batch) * weight
                self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        total = self._processes.total(total) / self._processes.count
        if not math.isfinite(total):  # in all processes alike
            raise DivergedError(
                f"The loss is {total}: the training diverged. Start again with a smaller "
                f"learning rate than {self._config.learning_rate:g}."
            )
        if self._config.clip_norm:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._config.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._averaged.update_parameters(self.model)
        return total

    def rehearse(self, batch: Batch) -> None:
        """Does a batch's forward and backward pass without changing anything.

        Raises torch's error where memory does not suffice.
        """
        statistics = [buffer.clone() for buffer in self.model.buffers()]
        devices = [self.device] if self.device.type == "cuda" else []
        self.model.train()
        try:
            with (
                torch.random.fork_rng(devices),
                self._processes.accumulating(self._network, last=True),
            ):
                self._loss_of(batch).backward()  # type: ignore[no-untyped-call]
        finally:
            self._optimizer.zero_grad(set_to_none=True)
            for buffer, before in zip(self.model.buffers(), statistics, strict=True):
                buffer.copy_(before)

    def _loss_of(self, batch: Batch) -> Tensor:
        ignored = bool((batch[1] == IGNORED).any())  # before it is moved, which is not waited for
        pictures, masks, *extra = (each.to(self.device, non_blocking=True) for each in batch)
        images = normalised(pictures, self._config.preprocessing)
        with torch.autocast(self.device.type, self._half, enabled=self._half is not None):
            logits = self._network(images)
        if ignored:
            logits, masks = without_ignored(logits, masks)
        return self._loss(logits, masks.float(), extra[0] if extra else None)

    def state(self) -> dict[str, Any]:
        """Returns everything that later steps depend on."""
        return {
            "model": self.model.state_dict(),
            "averaged": self._averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "random": torch.get_rng_state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restores a state; raises torch's error where it does not fit."""
        self.model.load_state_dict(state["model"])
        self._averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())


def normalised(pictures: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Returns what `Preprocessing.normalise` makes of pictures, bit for bit on a CPU.

    Args:
        pictures: uint8 (N, S, S, 3).
        preprocessing: The network's.

    Returns:
        Float32 (N, 3, S, S), channels last.
    """
    images = pictures.float()
    # Tensors all: by a plain number torch multiplies with its inverse.
    level, mean, std = (
        torch.tensor(each, dtype=images.dtype, device=images.device)
        for each in (255, preprocessing.mean, preprocessing.std)
    )
    return images.div_(level).sub_(mean).div_(std).permute(0, 3, 1, 2)


def _first_weights(config: TrainConfig) -> UNet:
    if not config.start_from:
        return UNet(config.model)
    start, _ = load_checkpoint(find_checkpoint(Path(config.start_from)))
    return deepened(start, config.model)
