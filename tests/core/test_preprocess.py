"""Preprocessing keeps a photo's shape, and enlarges probabilities before they are thresholded."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.metrics import dice
from core.preprocess import Preprocessing, enlarge, resize

SIDES = st.integers(16, 6000)


@given(SIDES, SIDES)
def test_the_grid_keeps_shape_and_area(height: int, width: int) -> None:
    h, w = Preprocessing(size=512).grid_shape(height, width)
    assert max(h, w) <= 4 * 512
    if max(height, width) / min(height, width) < 16:
        assert math.sqrt(h * w) == pytest.approx(512, abs=4)
        assert abs(w / h / (width / height) - 1) < 0.02


@pytest.mark.parametrize(
    ("photo", "grid"),
    [((512, 512), (512, 512)), ((1280, 1918), (418, 627)), ((16, 4000), (8, 2048))],
)
def test_grid_by_hand(photo: tuple[int, int], grid: tuple[int, int]) -> None:
    assert Preprocessing(size=512).grid_shape(*photo) == grid


@pytest.mark.parametrize("std", [(0.25, 0.25, 0.25), (0.229, 0.224, 0.225), (3.0, 0.01, 1.0)])
def test_denormalised_is_the_picture_that_was_normalised(std: tuple[float, float, float]) -> None:
    levels = np.arange(256, dtype=np.uint8)
    image = np.stack([levels, levels[::-1], np.roll(levels, 7)], axis=-1).reshape(16, 16, 3)
    preprocessing = Preprocessing(mean=(0.485, 0.456, 0.406), std=std)
    back = preprocessing.denormalise(preprocessing.normalise(image))
    assert back.dtype == np.uint8
    assert np.array_equal(back, image)


def test_denormalised_stays_a_picture_for_any_tensor() -> None:
    tensor = np.array([-9.0, 9.0, 0.0], np.float32).reshape(3, 1, 1)
    assert Preprocessing().denormalise(tensor).tolist() == [[[0, 255, 128]]]


def test_normalised_by_hand() -> None:
    image = np.array([[[0, 255, 51]]], np.uint8)
    out = Preprocessing(mean=(0.5, 0.5, 0.2), std=(0.25, 0.5, 1)).normalise(image)
    assert out.shape == (3, 1, 1)
    assert out.dtype == np.float32
    assert out.ravel().tolist() == pytest.approx([-2.0, 1.0, 0.0])


def test_a_shrunk_photo_is_averaged() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 254
    assert np.unique(resize(stripes, 32, 32)).tolist() == [127]


def test_an_enlarged_photo_keeps_fractions_of_levels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    preprocessing = Preprocessing(size=64)
    grid = preprocessing.to_grid(image)
    assert grid.dtype == np.float32
    assert 0 <= grid.min() < grid.max() <= 255
    rounded = resize(image, *grid.shape[:2])
    assert 0.2 < np.abs(grid - rounded).max() < 1.1
    assert preprocessing.to_grid(rounded).dtype == np.uint8, "one that fits stays as it is"


def test_enlarging_before_the_threshold_is_the_better_order() -> None:
    """The order's gain on a perfect mask that was sent through a grid a quarter as fine."""
    yy, xx = np.mgrid[0:512, 0:512]
    truth = ((xx - 250) / 180) ** 2 + ((yy - 260) / 110) ** 2 < 1
    small = cv2.resize(truth.astype(np.float32), (128, 128), interpolation=cv2.INTER_AREA)
    enlarged_first = enlarge(small, 512, 512) >= 0.5
    thresholded_first = enlarge((small >= 0.5).astype(np.float32), 512, 512) >= 0.5
    nearest = cv2.resize(
        (small >= 0.5).astype(np.uint8), (512, 512), interpolation=cv2.INTER_NEAREST
    )
    assert dice(enlarged_first, truth) > dice(thresholded_first, truth)
    assert dice(enlarged_first, truth) > dice(nearest.astype(bool), truth) + 0.003


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 80), st.integers(1, 80))
def test_enlarged_probabilities_stay_probabilities(h: int, w: int, height: int, width: int) -> None:
    probability = np.random.default_rng(h * w).random((h, w), dtype=np.float32)
    out = enlarge(probability, height, width)
    assert out.shape == (height, width)
    assert out.dtype == np.float32
    assert out.min() >= 0 and out.max() <= 1


def test_a_sure_network_stays_within_1_where_rounding_would_leave_it() -> None:
    sure = np.ones((704, 704), np.float32)
    assert cv2.resize(sure, (333, 500), interpolation=cv2.INTER_AREA).max() > 1
    assert enlarge(sure, 500, 333).max() == 1


@pytest.mark.parametrize("wrong", [{"size": 8}, {"std": (0, 1, 1)}, {"mean": (1, 1)}])
def test_wrong_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Preprocessing(**wrong)  # type: ignore[arg-type]
