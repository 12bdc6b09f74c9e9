"""A deeper network begins where a shallower one ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.architecture import Norm, UNetConfig
from core.errors import ConfigError
from core.model import UNet
from training.engine.learner import deepened

SMALL = UNetConfig(in_channels=3, out_channels=1, width=4, depth=2, padding="same", norm="batch")


def trained(config: UNetConfig) -> UNet:
    """A network whose statistics are those of its own features."""
    torch.manual_seed(0)
    model = UNet(config)
    for _ in range(30):
        model(torch.randn(4, 3, 64, 64))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(("depth", "widest"), [(2, 0), (3, 0), (4, 0), (4, 16), (4, 24)])
def test_it_gives_what_the_shallower_one_gave(norm: Norm, depth: int, widest: int) -> None:
    start = trained(replace(SMALL, norm=norm)).eval()
    deeper = deepened(start, replace(start.config, depth=depth, widest=widest)).eval()
    assert deeper.config.depth == depth
    images = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        expected = start(images)
        difference = (deeper(images) - expected).abs().max() / expected.abs().max()
    assert difference < 2e-3


def test_in_training_it_stays_close_and_learns_below() -> None:
    start = trained(SMALL)
    deeper = deepened(start, replace(SMALL, depth=3))
    images = torch.randn(8, 3, 64, 64)
    expected, found = start(images).detach(), deeper(images)
    assert torch.corrcoef(torch.stack([expected.flatten(), found.flatten()]))[0, 1] > 0.98
    for _ in range(2):  # the first step gives what comes from below a weight
        with torch.no_grad():
            for parameter in deeper.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
        deeper.zero_grad()
        deeper(images).square().mean().backward()
    gradient = deeper.contracting[-1][0].weight.grad
    assert gradient is not None and gradient.abs().max() > 0


@pytest.mark.parametrize(
    "other",
    [
        replace(SMALL, width=8, depth=3),
        replace(SMALL, depth=1),
        replace(SMALL, depth=3, widest=8),
        replace(SMALL, norm="none", depth=3),
        replace(SMALL, stem="space_to_depth"),
    ],
)
def test_another_architecture_is_refused(other: UNetConfig) -> None:
    with pytest.raises(ConfigError, match="start_from has the architecture"):
        deepened(UNet(SMALL), other)


def test_an_unpadded_network_can_not_grow() -> None:
    unpadded = replace(SMALL, padding="valid", norm="none")
    with pytest.raises(ConfigError, match="padded network"):
        deepened(UNet(unpadded), replace(unpadded, depth=3))
