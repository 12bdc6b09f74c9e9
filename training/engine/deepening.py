"""Starts a deeper network from the weights of a shallower one."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.errors import ConfigError
from core.model import DoubleConv, UNet


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
