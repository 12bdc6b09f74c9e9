from __future__ import annotations

import numpy as np
import pytest

from core.errors import MaskError
from training.data.folder import Sample
from training.health.check import LONGEST, mean_mask
from training.health.facts import ImageFacts


class Drawn:
    """A mask source of a given mask; None for one that can't be read."""

    def __init__(self, mask: np.ndarray | None) -> None:
        self.mask = mask

    def read(self, shape: tuple[int, int]) -> np.ndarray:
        if self.mask is None:
            raise MaskError("gone")
        assert self.mask.shape == shape
        return self.mask


def pair(mask: np.ndarray | None, height: int = 64, width: int = 128) -> tuple[Sample, ImageFacts]:
    sample = Sample("set", "name", "car", None, Drawn(mask))  # type: ignore[arg-type]
    facts = ImageFacts(width, height, width, height, 1, 0.5, 1, 1.0, "", 2, 100.0, 50.0, "", 0)
    return sample, facts


def half(side: str, height: int = 64, width: int = 128) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[:, : width // 2] = side == "left"
    mask[:, width // 2 :] = side == "right"
    return mask


def mean(*pairs: tuple[Sample, ImageFacts | None], count: int = 500):
    samples, facts = zip(*pairs, strict=True)
    return mean_mask(samples, facts, count)


def test_it_is_the_share_of_masks_that_have_a_car_there() -> None:
    found = mean(pair(half("left")), pair(half("left")), pair(half("left")), pair(half("right")))
    assert found is not None
    assert found.count == 4
    assert found.share.shape == (64, LONGEST)
    assert found.share.dtype == np.float32
    assert found.share[:, :60] == pytest.approx(0.75)
    assert found.share[:, 68:] == pytest.approx(0.25)


def test_masks_of_all_sizes_are_stretched_to_one_shape() -> None:
    found = mean(pair(half("left")), pair(half("left", 30, 40), 30, 40), pair(half("left")))
    assert found is not None
    assert found.share.shape == (64, LONGEST)
    assert found.share[:, :60] == pytest.approx(1)


def test_what_can_not_be_read_or_is_not_measured_is_left_out() -> None:
    found = mean(pair(half("left")), pair(None), (pair(half("right"))[0], None))
    assert found is not None
    assert found.count == 1
    assert mean(pair(None)) is None
    assert mean_mask([], []) is None


def test_no_more_masks_than_wanted_are_read() -> None:
    found = mean(*[pair(half("left"))] * 50, count=7)
    assert found is not None
    assert found.count == 7


def test_a_very_wide_folder_keeps_a_height() -> None:
    found = mean(pair(np.ones((16, 4000), bool), 16, 4000))
    assert found is not None
    assert found.share.shape == (LONGEST // 8, LONGEST)
