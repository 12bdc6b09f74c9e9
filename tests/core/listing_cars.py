"""Drawn photos with known cars, for the tests of listing photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.listing.car import Car, cut_car
from core.listing.recipe import ListingRecipe
from core.listing.steps import CutOut, Step
from core.predict import ImageModel, Prediction

Photo = tuple[NDArray[np.uint8], NDArray[np.bool_]]


def recipe(*steps: Step) -> ListingRecipe:
    return ListingRecipe("test", steps=(CutOut(edge="hard"), *steps))


def boxy_car(
    width: int = 240, height: int = 160, left: int = 60, top: int = 60, wide: int = 120
) -> Photo:
    """A red body on two wheels before a grey ground; its wheels end at top + 50."""
    mask = np.zeros((height, width), np.bool_)
    mask[top : top + 40, max(left, 0) : left + wide] = True
    for wheel in (left + 15, left + wide - 35):
        mask[top + 40 : top + 50, max(wheel, 0) : wheel + 20] = True
    image = np.full((height, width, 3), 120, np.uint8)
    image[mask] = (200, 20, 30)
    return image, mask


def boxy(made_by: ListingRecipe, **where: int) -> Car:
    image, mask = boxy_car(**where)
    car = cut_car(image, mask, None, made_by)
    assert car is not None
    return car


class RedModel(ImageModel):
    """Takes what is red for a car; counts the photos that it was given."""

    def __init__(self, uncertainty: float = 0.0) -> None:
        self.calls = 0
        self._uncertainty = uncertainty

    @property
    def name(self) -> str:
        return "red"

    @property
    def threshold(self) -> float:
        return 0.5

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        self.calls += 1
        red = (image[..., 0] > 150) & (image[..., 1] < 80)
        return Prediction(red.astype(np.float32), self._uncertainty, "red")
