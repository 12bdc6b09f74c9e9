"""A small car is predicted again in a crop, a large photo on a finer grid; only where certain."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from core.image_model import ImageModel, Prediction
from core.preprocess import enlarge
from core.refine import LONGEST, MARGIN, Crop, Detailed, Refined, crop_around, merge

PHOTO = np.zeros((300, 400, 3), np.uint8)
PHOTO[100:160, 100:200] = 255  # the car, 60 x 100 px


class Bright(ImageModel):
    """Finds what is bright, on a grid of a hundred columns; a crop's grid is finer."""

    def __init__(
        self, uncertainty: Callable[[NDArray[np.uint8]], float | None], columns: int = 100
    ) -> None:
        self.seen: list[tuple[int, ...]] = []
        self._columns = columns
        self._uncertainty = uncertainty

    @property
    def name(self) -> str:
        return "bright"

    @property
    def threshold(self) -> float:
        return 0.5

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        self.seen.append(image.shape[:2])
        step = max(1, image.shape[1] // self._columns)
        bright = (image[::step, ::step, 0] > 127).astype(np.float32)
        return Prediction(bright, self._uncertainty(image), "bright", limit=0.05)


def test_a_small_car_is_seen_closer_and_its_edge_is_exact() -> None:
    model = Bright(lambda _: 0.05)
    refined = Refined(model)
    prediction = refined.predict(PHOTO)
    assert model.seen == [(300, 400), (84, 140)], "the car with a fifth of its box on each side"
    assert prediction.by == refined.name == "bright" and prediction.uncertainty == 0.05
    assert prediction.probability.shape == (300, 400) and refined.threshold == 0.5
    assert np.array_equal(prediction.at_size(300, 400) >= 0.5, PHOTO[..., 0] > 127)
    assert not np.array_equal(Bright(lambda _: 0.0)(PHOTO) >= 0.5, PHOTO[..., 0] > 127)


@pytest.mark.parametrize(
    ("coarse", "fine", "looks"), [(0.06, 0.0, 1), (None, 0.0, 1), (0.0, 0.06, 2), (0.0, None, 2)]
)
def test_what_is_uncertain_stays_as_it_was(
    coarse: float | None, fine: float | None, looks: int
) -> None:
    model = Bright(lambda image: coarse if image.shape == PHOTO.shape else fine)
    prediction = Refined(model).predict(PHOTO)
    assert len(model.seen) == looks
    assert np.array_equal(prediction.probability, PHOTO[::4, ::4, 0] > 127)
    assert prediction.uncertainty == coarse


@pytest.mark.parametrize(("coarse", "fine"), [(0.05, 0.05), (0.06, 0.0), (0.0, 0.06)])
def test_a_large_photo_is_predicted_on_a_finer_grid_too(coarse: float, fine: float) -> None:
    photo = PHOTO.repeat(2, axis=0).repeat(2, axis=1)  # 600 x 800 px, on a grid of 75 x 100
    usual, finer = Bright(lambda _: coarse), Bright(lambda _: fine, columns=400)
    large = Detailed(usual, finer, 692).predict(photo)
    assert len(finer.seen) == (coarse <= 0.05) and large.uncertainty == coarse
    if max(coarse, fine) > 0.05:
        assert large.probability.shape == (75, 100)
    else:
        assert large.probability.shape == (300, 400)
        mean = (enlarge(usual.predict(photo).probability, 300, 400) + (PHOTO[..., 0] > 127)) / 2
        assert np.allclose(large.probability, mean)
    small = Detailed(usual, finer, 693).predict(photo)
    assert small.probability.shape == (75, 100), "693 x 693 px are more than it has"


def test_no_crop_without_a_car_nor_of_nearly_all() -> None:
    nothing = np.zeros((30, 40), np.float32)
    assert crop_around(nothing, 300, 400) is None
    for share, found in ((LONGEST - 0.01, True), (LONGEST + 0.02, False)):
        most = nothing.copy()
        most[10:12, : round(share * 40 / (1 + MARGIN))] = 1  # from the left border on
        assert (crop_around(most, 300, 400) is not None) == found


def test_the_box_holds_all_cars_and_ends_at_the_border() -> None:
    cars = np.zeros((100, 200), np.float32)
    cars[0:10, 20:40] = cars[30:40, 60:80] = 1
    cars[90:92, 190:192] = 1  # a speck
    cars[50, 70] = 0.29
    # Boxes together: rows 0 to 40, columns 20 to 80, so 8 and 12 more on each side, times 10.
    assert crop_around(cars, 1000, 2000) == Crop(0, 80, 480, 920)


def test_merging_blends_inside_and_changes_nothing_outside() -> None:
    coarse, fine = np.full((30, 40), 0.2, np.float32), np.ones((100, 100), np.float32)
    merged = merge(coarse, fine, Crop(0, 100, 100, 200), 300, 400)
    assert merged.shape == (300, 400) and merged.dtype == np.float32
    outside = np.ones(merged.shape, bool)
    outside[:100, 100:200] = False
    assert np.allclose(merged[outside], 0.2)
    assert merged[0, 150] == merged[50, 150] == pytest.approx(0.6), "no seam at the photo's border"
    line = merged[50, 100:150]
    assert (np.diff(line) >= 0).all() and line[0] < 0.3 and line[8] == pytest.approx(0.6)
    assert merged[99, 150] < 0.3


def test_a_large_photo_gets_no_larger_grid_than_its_crop_has() -> None:
    coarse, fine = np.zeros((30, 40), np.float32), np.ones((50, 50), np.float32)
    merged = merge(coarse, fine, Crop(1000, 1000, 2000, 2000), 3000, 4000)
    assert merged.shape == (150, 200)
    assert merged[75, 75] == 0.5 and merged.sum() < 1250
