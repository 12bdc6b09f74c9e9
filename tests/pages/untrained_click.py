"""A click network that gives the same answer everywhere, so that a test knows what a click does."""

from pathlib import Path

import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.clicks import CHANNELS, NETWORK_FILE
from core.model import UNet
from core.preprocess import Preprocessing


def write_click_network(runs: Path, *, is_car: bool, slow: bool = False) -> Path:
    """Writes a network for which every pixel belongs to the car, or none does.

    A slow one takes seconds for an answer.
    """
    width, depth, size = (32, 3, 1024) if slow else (2, 2, 64)
    config = UNetConfig(
        in_channels=CHANNELS, out_channels=1, width=width, depth=depth, padding="same", norm="batch"
    )
    model = UNet(config)
    torch.nn.init.zeros_(model.final.weight)
    torch.nn.init.constant_(model.final.bias, 5.0 if is_car else -5.0)
    path = runs / "carmask-click" / NETWORK_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    info = CheckpointInfo(model=config, preprocessing=Preprocessing(size=size))
    save_checkpoint(path, model, info)
    return path
