"""Confidence intervals of means over photos: a studentised bootstrap clustered by car."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special  # scipy.stats takes a second to import, and pages wait for it

from core.metric_table import Metric

RESAMPLES = 5000
"""Times that the cars are drawn."""

_BLOCK = 1000  # resamples at once, so that thousands of cars fit into the memory
_NO_SPREAD = 1e-6  # of the standard error; below it a resample's own one is rounding

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CarSums:
    """Figures of photos, added up car by car; the photos of a car are never divided."""

    sums: Floats
    """(cars, columns) float64: a column is a metric of a checkpoint, or a difference of two."""
    counts: Floats
    """(cars,) float64, photos of each car, at least 1."""

    @classmethod
    def of(cls, values: Floats, cars: Sequence[Hashable]) -> CarSums:
        """Returns the sums of figures (photos,) or (photos, columns) by the car of each photo."""
        table = np.asarray(values, np.float64)
        table = table[:, None] if table.ndim == 1 else table
        places: dict[Hashable, int] = {}
        place = np.array([places.setdefault(car, len(places)) for car in cars], np.intp)
        sums = np.zeros((len(places), table.shape[1]))
        np.add.at(sums, place, table)
        return cls(sums, np.bincount(place, minlength=len(places)).astype(np.float64))


@dataclass(frozen=True, eq=False)
class CarMeans:
    """Means over photos, one a column, each with its interval; arrays are (columns,) float64."""

    estimate: Floats
    """The means."""
    error: Floats
    """Their standard errors; NaN with a single car."""
    below: Floats
    """How many standard errors the interval reaches below the mean."""
    above: Floats
    """How many standard errors it reaches above."""
    groups: int
    """Cars."""
    images: int
    level: float
    """Share of such intervals that hold the true mean, in (0, 1)."""

    @property
    def low(self) -> Floats:
        """Lower ends of the intervals; NaN with a single car."""
        return self.estimate - self.below * self.error

    @property
    def high(self) -> Floats:
        """Upper ends of the intervals; NaN with a single car."""
        return self.estimate + self.above * self.error

    def p_values(self) -> Floats:
        """Returns the chance of a mean so far from 0 if the true one is 0; 1 with a single car.

        It is below 1 - level where the interval leaves out 0, and nowhere else: Student's
        distribution, stretched so that it agrees with the interval's end. So it can be far smaller
        than one in RESAMPLES, which many comparisons at once ask for.
        """
        if self.groups < 2:
            return np.ones_like(self.estimate)
        reach = np.where(self.estimate > 0, self.below, self.above)
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.where(self.estimate == 0, 0, np.abs(self.estimate) / self.error)
        stretched = errors * _student(self.level, self.groups) / reach
        return np.asarray(2 * special.stdtr(self.groups - 1, -stretched), np.float64)


def car_means(cars: CarSums, level: float = 0.95, seed: int = 0) -> CarMeans:
    """Returns the mean of every column with its interval.

    The ends are those of the studentised bootstrap, but on neither side nearer to the mean than
    Student's interval.

    Args:
        cars: Finite figures of at least one car.
        level: Share of such intervals that hold the true mean, in (0, 1).
        seed: Of the draws; equal input gives equal output.

    Raises:
        ValueError: There is no car, or a figure is not finite.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 12.5; the
    standard error of a ratio: Cochran, "Sampling Techniques", 1977, chapter 6.
    """
    sums, counts = cars.sums, cars.counts
    if not len(counts) or not np.isfinite(sums).all():
        raise ValueError("means need at least one car, and finite figures")
    groups, images = len(counts), int(counts.sum())
    estimate = sums.sum(axis=0) / counts.sum()
    if groups == 1:
        unknown = np.full_like(estimate, np.nan)
        return CarMeans(estimate, unknown, unknown, unknown, 1, images, level)
    apart = (sums - estimate * counts[:, None]) / counts.mean()
    error = np.sqrt((apart**2).sum(axis=0) / ((groups - 1) * groups))
    # Figures that are all alike differ from their mean by rounding, which is no spread.
    error[error <= 1e-13 * np.abs(estimate)] = 0
    scaled = np.divide(apart, error, out=np.zeros_like(apart), where=error > 0)
    tail = (1 - level) / 2
    drawn = studentised(scaled, counts / counts.mean(), seed)
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=1)
    least = _student(level, groups)
    below, above = np.maximum(high, least), np.maximum(-low, least)
    return CarMeans(estimate, error, below, above, groups, images, level)


def studentised(scaled: Floats, weight: Floats, seed: int) -> Floats:
    """Returns how far each resample's mean is from the true one, in its own standard errors.

    Args:
        scaled: (cars, columns), each car's part in the distance from the mean, so that the standard
            error of the column is 1; all 0 in a column without spread.
        weight: (cars,) photos of each car, their mean being 1.
        seed: Of the draws.

    Returns:
        (columns, RESAMPLES) float64.
    """
    cars = len(weight)
    drawn = np.empty((scaled.shape[1], RESAMPLES))
    times = times_drawn(cars, seed)
    for start in range(0, RESAMPLES, _BLOCK):
        here = times[start : start + _BLOCK].astype(np.float64)
        total = (here @ weight)[:, None]
        distance = here @ scaled / total
        squares = here @ scaled**2
        squares -= 2 * distance * (here @ (scaled * weight[:, None]))
        squares += distance**2 * (here @ weight**2)[:, None]
        error = np.sqrt(np.maximum(squares, 0) * (cars / (cars - 1))) / total
        # A resample whose cars are all alike says nothing of the spread; it counts as no distance.
        known = error > _NO_SPREAD
        drawn[:, start : start + _BLOCK] = np.divide(
            distance, error, out=np.zeros_like(distance), where=known
        ).T
    return drawn


@lru_cache(maxsize=4)
def times_drawn(cars: int, seed: int) -> NDArray[np.uint8]:
    """Returns how often each resample has each car, (RESAMPLES, cars)."""
    random = np.random.default_rng(seed)
    times = np.empty((RESAMPLES, cars), np.uint8)
    for start in range(0, RESAMPLES, _BLOCK):
        here = times[start : start + _BLOCK]
        chosen = random.integers(0, cars, here.shape)
        chosen += np.arange(len(here))[:, None] * cars
        here[:] = np.bincount(chosen.ravel(), minlength=here.size).reshape(here.shape)
    times.flags.writeable = False
    return times


def _student(level: float, cars: int) -> float:
    """Returns how many standard errors Student's interval reaches to each side."""
    return float(special.stdtrit(cars - 1, (1 + level) / 2))


_MOST_DECIMALS = 9


@dataclass(frozen=True)
class Interval:
    """A mean over photos, and where the true one lies."""

    estimate: float
    """The mean over the photos at hand."""
    low: float
    """Lower end; NaN if there is no interval, as a single car shows no spread."""
    high: float
    """Upper end; NaN if there is none."""
    groups: int
    """Cars; the photos of one are one observation."""
    images: int
    """Photos."""
    level: float = 0.95
    """Share of such intervals that hold the true mean."""

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low)

    @property
    def width(self) -> float:
        """From the lower to the upper end; NaN if there is none."""
        return self.high - self.low

    @property
    def turned(self) -> Interval:
        """The interval of the mean with the other sign."""
        return Interval(-self.estimate, -self.high, -self.low, self.groups, self.images, self.level)

    def of(self, metric: Metric) -> Interval:
        """Returns the part that a mean of this metric can lie in: shares in [0, 1], no px below 0.

        So few cars that an interval reaches further know no more than that.
        """
        most = math.inf if metric.unit else 1.0
        return replace(self, low=max(self.low, 0.0), high=min(self.high, most))

    def text(self) -> str:
        """Returns "0.9929 (0.9921 to 0.9936)", with as many digits as the interval bears out."""
        return self.text_with("")

    def text_with(self, unit: str) -> str:
        """Returns the same with a unit after the mean: "0.31 px (0.12 to 0.50)"."""
        digits = self.decimals()
        mean = f"{_plain(self.estimate, digits)}{unit and ' ' + unit}"
        if not self.known:
            return mean
        return f"{mean} ({_plain(self.low, digits)} to {_plain(self.high, digits)})"

    def decimals(self) -> int:
        """Returns how many decimals to write: two digits of the interval's width.

        More, where an end would read as 0 that is not 0; four if there is no width.
        """
        if not self.known or self.width <= 0:
            return 4
        digits = min(max(1 - math.floor(math.log10(self.width)), 0), _MOST_DECIMALS)
        ends = [abs(end) for end in (self.low, self.high) if end]
        while digits < _MOST_DECIMALS and any(float(f"{end:.{digits}f}") == 0 for end in ends):
            digits += 1
        return digits


def mean_interval(
    values: ArrayLike, groups: Sequence[Hashable], level: float = 0.95, seed: int = 0
) -> Interval:
    """Returns the mean of figures with its interval.

    Args:
        values: (N,) finite, a figure a photo.
        groups: (N,) the car of each photo: its source and its name.
        level: Share of such intervals that hold the true mean, in (0, 1).
        seed: Of the draws.

    Raises:
        ValueError: There is no photo, or a figure is not finite.
    """
    sums = CarSums.of(np.asarray(values, np.float64), groups)
    return interval_of(car_means(sums, level, seed))


def interval_of(means: CarMeans, column: int = 0) -> Interval:
    """Returns one column of means."""
    return Interval(
        float(means.estimate[column]),
        float(means.low[column]),
        float(means.high[column]),
        means.groups,
        means.images,
        means.level,
    )


def _plain(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text  # never "-0.00"
