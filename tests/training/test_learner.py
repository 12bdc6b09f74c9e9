"""What a step is fed with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.model import UNet
from core.preprocess import Preprocessing
from training.config import TrainConfig
from training.engine.learner import Learner, normalised


def test_pictures_are_normalised_as_for_every_prediction() -> None:
    levels = np.arange(256, dtype=np.uint8)
    pictures = np.stack([np.tile(levels, (256, 1)), np.tile(levels[::-1], (256, 1))])
    pictures = np.stack([pictures, pictures // 2, 255 - pictures], axis=-1)
    own = Preprocessing(256, (0.485, 0.456, 0.406), (0.3, 0.2, 1))
    for preprocessing in (Preprocessing(), own):
        found = normalised(torch.from_numpy(pictures), preprocessing)
        assert found.is_contiguous(memory_format=torch.channels_last)
        expected = np.stack([preprocessing.normalise(picture) for picture in pictures])
        assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_what_is_kept_lies_between_the_start_and_what_was_learnt(
    tmp_path: Path, share: float
) -> None:
    model = UNetConfig(3, 1, width=4, depth=2, padding="same", norm="batch", stem="space_to_depth")
    torch.manual_seed(7)
    network, path = UNet(model), tmp_path / "start.safetensors"
    save_checkpoint(path, network, CheckpointInfo(model, Preprocessing(size=32)))
    config = TrainConfig(
        width=4,
        depth=2,
        size=32,
        start_from=str(path),
        start_share=share,
        ema=0.0,
        precision="fp32",
    )
    learner = Learner(config, torch.device("cpu"))
    pictures = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    learner.step([(pictures, torch.ones(2, 1, 32, 32, dtype=torch.uint8))], rate=1e-2)
    start, learnt, kept = (each.state_dict() for each in (network, learner.model, learner.averaged))
    moved = 0
    for name, value in kept.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, learnt[name].lerp(start[name], share))
            moved += not torch.equal(start[name], learnt[name])
    assert moved > 5
    again = learner.averaged.state_dict()  # looking twice blends once
    assert all(torch.equal(kept[name], again[name]) for name in kept)
