"""Photos that stay in memory are those of the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ShortMemoryError
from training.augment.compose import resized
from training.data.folder import open_dataset
from training.engine import training_data
from training.engine.training_data import PhotoCache


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_photo_is_what_augmentation_begins_with(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(training_data.multiprocessing, "get_start_method", lambda: method)
    samples = open_dataset(tiny_data).samples
    photos = PhotoCache((*samples, *samples), 48)
    assert photos.summary.startswith(f"{len(samples)} photos")
    for sample in samples:
        image, levels = photos.read(sample)
        mask = levels.car
        expected = resized(*sample.read(), 48)
        assert np.array_equal(image, expected[0]) and np.array_equal(mask, expected[1])
        assert mask.dtype == np.uint8 and mask.any() and not mask.all()
        image[:], mask[:] = 0, 0  # a copy: the next one to read it finds it whole
        assert np.array_equal(photos.read(sample)[0], expected[0])
        assert np.array_equal(photos.read(sample)[1].car, expected[1])


def test_too_many_for_the_memory_are_refused(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = open_dataset(tiny_data).samples
    needed = len(samples) * 48 * 48 * 4
    monkeypatch.setattr(training_data, "available_bytes", lambda: needed)
    with pytest.raises(ShortMemoryError, match="cache none"):
        PhotoCache(samples, 48)
    monkeypatch.setattr(training_data, "available_bytes", lambda: 2 * needed)
    assert PhotoCache(samples, 48).summary
    monkeypatch.setattr(training_data, "available_bytes", lambda: None)
    assert PhotoCache(samples, 48).summary
