"""Two small untrained networks as runs; their answers are far from right, and far apart."""

from pathlib import Path

import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.model import UNet
from core.preprocess import Preprocessing

TINY = UNetConfig(3, 1, width=2, depth=2, padding="same", norm="batch", stem="space_to_depth")


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    found = []
    for name, seed, threshold in (("a", 3, 0.5), ("b", 4, 0.4)):
        folder = tmp_path / "runs" / name / "checkpoints"
        folder.mkdir(parents=True)
        torch.manual_seed(seed)
        info = CheckpointInfo(TINY, Preprocessing(size=48), run=name, threshold=threshold)
        save_checkpoint(folder / "best.safetensors", UNet(TINY).eval(), info)
        found.append(folder / "best.safetensors")
    return found[0], found[1]
