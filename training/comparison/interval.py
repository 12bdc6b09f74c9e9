"""A mean over photos with its interval, and how both are written."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from core.metric_table import Metric
from training.comparison.resampling import CarMeans, CarSums, car_means

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


def paired_interval(
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[Hashable],
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Returns the mean difference, b - a, of figures of the same photos, with its interval.

    Args:
        a: (N,) finite, a figure a photo.
        b: (N,) finite, of the same photos in the same order.
        groups: (N,) the car of each photo.
        level: Share of such intervals that hold the true difference, in (0, 1).
        seed: Of the draws.

    Raises:
        ValueError: There is no photo, or a figure is not finite.
    """
    difference = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    return mean_interval(difference, groups, level, seed)


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
