"""A tiny network and its checkpoint."""

from pathlib import Path

import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.model import UNet
from core.preprocess import Preprocessing

TINY = UNetConfig(3, 1, width=2, depth=2, padding="same", norm="batch", stem="space_to_depth")


@pytest.fixture
def tiny_model() -> UNet:
    torch.manual_seed(3)
    return UNet(TINY).eval()


@pytest.fixture
def tiny_info() -> CheckpointInfo:
    return CheckpointInfo(
        model=TINY,
        preprocessing=Preprocessing(size=64),
        title="tiny",
        run="tiny",
        epoch=2,
        metrics={"dice": 0.5, "images": 4},
        split={"verdict": "by car: 2 validation cars, none of them in train"},
    )


@pytest.fixture
def tiny_run(tmp_path: Path, tiny_model: UNet, tiny_info: CheckpointInfo) -> Path:
    """A run's folder with one checkpoint."""
    folder = tmp_path / "runs" / "tiny"
    (folder / "checkpoints").mkdir(parents=True)
    save_checkpoint(folder / "checkpoints" / "best.safetensors", tiny_model, tiny_info)
    return folder
