"""Figures of photos drawn at random, with known means: what intervals are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from training.comparison.interval import CarSums, Floats

VIEWS = 16
"""Photos of a car where all cars have equally many."""


@dataclass(frozen=True)
class Scenario:
    """A kind of differences between two checkpoints, car by car."""

    name: str
    mean: float
    """The true mean over photos."""
    draw: Callable[[Generator, int, int], CarSums]
    """Given random numbers, cars and columns, draws figures; every column is a repetition."""


def _per_car(effect: Callable[[Generator, tuple[int, int]], Floats]) -> Callable[..., CarSums]:
    """Returns a drawing of cars with sixteen views that differ a little inside a car."""

    def draw(random: Generator, cars: int, columns: int) -> CarSums:
        shape = cars, columns
        views = random.normal(0, 0.5 * np.sqrt(VIEWS), shape)  # the sum of sixteen
        return CarSums(VIEWS * effect(random, shape) + views, np.full(cars, float(VIEWS)))

    return draw


def _one_photo(effect: Callable[[Generator, tuple[int, int]], Floats]) -> Callable[..., CarSums]:
    return lambda random, cars, columns: CarSums(effect(random, (cars, columns)), np.ones(cars))


def _unequal(random: Generator, cars: int, columns: int) -> CarSums:
    """One to sixteen photos a car, and cars with many of them have larger differences."""
    counts = random.integers(1, VIEWS + 1, cars).astype(np.float64)
    effect = random.exponential(1, (cars, columns)) + counts[:, None] / VIEWS
    photos = random.normal(0, 0.5, (cars, columns)) * np.sqrt(counts)[:, None]
    return CarSums(counts[:, None] * effect + photos, counts)


def _mostly(random: Generator, shape: tuple[int, int]) -> Floats:
    return np.where(random.random(shape) < 0.3, random.normal(1, 1, shape), 0)


def _outliers(random: Generator, shape: tuple[int, int]) -> Floats:
    return np.where(random.random(shape) < 0.05, 10, 1) * random.normal(size=shape)


def _one_sided(random: Generator, shape: tuple[int, int]) -> Floats:
    return np.where(random.random(shape) < 0.1, 4, 0) + random.normal(size=shape)


def _rare(random: Generator, shape: tuple[int, int]) -> Floats:
    return np.where(random.random(shape) < 0.05, 10, 0) + random.normal(size=shape)


_COUNTS = np.arange(1, VIEWS + 1)

SCENARIOS = (
    Scenario("normal", 0, _one_photo(lambda random, shape: random.normal(size=shape))),
    Scenario("skewed", 1, _one_photo(lambda random, shape: random.exponential(size=shape))),
    Scenario(
        "16 correlated views, skewed",
        np.exp(0.7**2 / 2),
        _per_car(lambda random, shape: random.lognormal(0, 0.7, shape)),
    ),
    Scenario("1 to 16 photos a car", 1 + (_COUNTS**2).sum() / _COUNTS.sum() / VIEWS, _unequal),
    Scenario("5% outliers, either way", 0, _one_photo(_outliers)),
    Scenario("10% outliers, one way", 0.4, _one_photo(_one_sided)),
    Scenario("heavy tails", 0, _one_photo(lambda random, shape: random.standard_t(3, shape))),
    Scenario("7 of 10 cars equal", 0.3, _one_photo(_mostly)),
)
"""Differences in whose intervals the true mean lies as often as it should."""

HARD = (
    Scenario(
        "very skewed",
        np.exp(0.5),
        _one_photo(lambda random, shape: random.lognormal(0, 1, shape)),
    ),
    Scenario("5% outliers, one way", 0.5, _one_photo(_rare)),
)
"""Differences that no interval of so few cars does justice: what matters is rarely among them."""
