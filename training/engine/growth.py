"""A deeper network that begins where a shallower one ended."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.errors import ConfigError
from core.model import DoubleConv, UNet


def grown(start: UNet, config: UNetConfig) -> UNet:
    """Returns a network with more levels at the bottom that gives what a shallower one gave.

    The features that were the lowest ones are passed on as they are; what comes from below counts
    nothing until training gives it a weight. With batch normalisation that holds as far as those
    features' means and deviations are those of a rectified normal distribution.

    Args:
        start: A network that differs from `config` in its depth, its dropout and the width of
            deeper levels alone.
        config: The deeper architecture, padded, with batch normalisation or none.

    Raises:
        ConfigError: The architectures differ in more than that.
    """
    given = start.config
    wanted = replace(given, depth=config.depth, dropout=config.dropout, widest=config.widest)
    new = config.depth - given.depth
    same_widths = config.contracting_widths()[: given.depth + 1] == given.contracting_widths()
    grows = config.padding == "same" and config.norm in ("none", "batch")
    if wanted != config or new < 0 or not same_widths or (new and not grows):
        raise ConfigError(
            f"start_from has the architecture {given}, these settings ask for {config}; give the "
            "same width, padding, norm and stem, and the same depth (a padded network without "
            "normalisation or with batch normalisation may be deeper)."
        )
    model = UNet(config)
    weights = model.state_dict()
    for name, tensor in start.state_dict().items():
        part, place, *rest = name.split(".")
        if part in ("up_convs", "expansive"):  # counted from the bottom
            name = ".".join((part, str(int(place) + new), *rest))
        weights[name] = tensor
    model.load_state_dict(weights)
    if new:
        last, joint = start.contracting[-1], model.expansive[new - 1]
        assert isinstance(last, DoubleConv) and isinstance(joint, DoubleConv)
        _pass_on(joint, _moments(last))
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


def _pass_on(block: DoubleConv, moments: tuple[Tensor, Tensor] | None) -> None:
    """Makes a block return the first half of its input channels as they are."""
    for place in (0, len(block) // 2):
        convolution = block[place]
        assert isinstance(convolution, nn.Conv2d)
        nn.init.zeros_(convolution.weight)
        channels = torch.arange(convolution.out_channels)
        with torch.no_grad():
            convolution.weight[channels, channels, 1, 1] = 1.0
        norm = block[place + 1]
        if moments is None or not isinstance(norm, nn.BatchNorm2d):
            continue
        mean, deviation = moments
        with torch.no_grad():
            norm.running_mean, norm.running_var = mean.clone(), deviation**2
            norm.bias.copy_(mean)
            norm.weight.copy_(deviation)
