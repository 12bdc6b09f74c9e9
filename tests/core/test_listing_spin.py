"""A whole turn of a drawn car: it stands still in its frame, and its shadow touches the wheels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.listing.car import Car, cut_car
from core.listing.compose import compose
from core.listing.ground import draw_shadow
from core.listing.place import measure_series
from core.listing.steps import Output, Place, Shadow
from tests.core.listing_cars import recipe
from training.synthetic import VIEWS, render_view, sample_car

LARGEST_JITTER = 0.005
"""Share of the picture's width."""
FRAME = Output(width=600, height=450)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spin() -> list[Car]:
    cars = []
    for view in range(1, VIEWS + 1):
        drawn = render_view(sample_car(0, 1), view, height=300, width=450)
        car = cut_car(drawn.image, drawn.mask, None, recipe())
        assert car is not None
        cars.append(car)
    return cars


def boxes(cars: list[Car], step: Place) -> NDArray[np.float64]:
    """Returns left, top, right and bottom of the car in each finished picture, in widths."""
    series = measure_series(step, [car.box for car in cars], 0.75)
    found = []
    for car in cars:
        alpha = compose(car, recipe(step, FRAME), series=series).pixels[..., 3]
        x, y, wide, high = cv2.boundingRect((alpha > 127).view(np.uint8))
        found.append((x, y, x + wide, y + high))
    return np.array(found) / 600


def test_a_camera_that_stands_still_moves_all_photos_alike(spin: list[Car]) -> None:
    made = boxes(spin, Place(series="camera"))
    before = np.array([(box.left, box.top, box.right, box.bottom) for box in (c.box for c in spin)])
    scale = np.median((made[:, 2] - made[:, 0]) / (before[:, 2] - before[:, 0]))
    moved = made - scale * before
    assert np.abs(moved[:, ::2] - np.median(moved[:, ::2])).max() < LARGEST_JITTER
    assert np.abs(moved[:, 1::2] - np.median(moved[:, 1::2])).max() < LARGEST_JITTER


def test_photos_by_hand_get_one_height_one_middle_and_one_ground(spin: list[Car]) -> None:
    made = boxes(spin, Place(series="height", car_width=0.8))
    for values in ((made[:, 0] + made[:, 2]) / 2, made[:, 3], made[:, 3] - made[:, 1]):
        assert np.abs(values - np.median(values)).max() < LARGEST_JITTER


def test_the_shadow_begins_right_under_the_lowest_pixel(spin: list[Car]) -> None:
    for car in spin:
        height, width = car.alpha.shape
        dark = draw_shadow(car.alpha, 40, 40, (width + 80, height + 80), Shadow())
        lowest = int(np.flatnonzero((car.alpha > 127).any(1))[-1])
        column = int(np.median(np.flatnonzero(car.alpha[lowest] > 127)))
        assert dark[40 + lowest + 1, 40 + column] > 0.25 * Shadow().contact
