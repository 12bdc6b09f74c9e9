"""What a step is fed with."""

from __future__ import annotations

import numpy as np
import torch

from core.preprocess import Preprocessing
from training.engine.learner import normalised


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
