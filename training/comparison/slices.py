"""Where a checkpoint fails: a metric by view, size, brightness, border, car or data folder.

Who looks at sixteen views finds a worst one, also where all are alike. So the intervals of a way of
slicing hold all at once (Bonferroni: each at the level 1 - 0.05 / slices), and whether the worst
slice is worse than the rest is told by an interval of its distance at that same level.

How a person calls what photos are cut by, and the parts of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from core.errors import ConfigError
from core.metric_table import Metric
from training.comparison.interval import (
    CarSums,
    Floats,
    Interval,
    car_means,
    interval_of,
    mean_interval,
)
from training.comparison.verdict import LEVEL
from training.evaluation.images import Part

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


By = Literal["view", "share", "brightness", "touches_border", "car", "source"]

WAYS: tuple[By, ...] = get_args(By)
"""All ways of slicing."""
QUANTILES = 4
"""Slices that a number is cut into, of about as many photos each."""


@dataclass(frozen=True)
class Slice:
    """Some of the photos."""

    name: str
    """What they have in common: "view 05", "the car takes 8% to 14%"."""
    key: str
    """The view, car or data folder itself; of a number, its place from "1"."""
    interval: Interval
    """The metric's mean over them. The intervals of all slices hold at once; that of a single car
    is unknown."""
    worse_by: Interval
    """How much worse they are than all other photos together: above 0 where worse."""

    @property
    def images(self) -> int:
        """How many photos are in it."""
        return self.interval.images

    @property
    def cars(self) -> int:
        """How many cars they show."""
        return self.interval.groups


@dataclass(frozen=True)
class Sliced:
    """All photos, cut in one way."""

    metric: Metric
    by: By
    slices: tuple[Slice, ...]
    """In the order of what they are cut by."""

    @property
    def worst(self) -> Slice:
        """The slice with the worst mean."""
        sign = 1 if self.metric.higher_is_better else -1
        return min(self.slices, key=lambda each: sign * each.interval.estimate)

    @property
    def sentence(self) -> str:
        """The worst slice in words, and whether it is more than chance among so many."""
        worst, unit = self.worst, self.metric.unit
        if len(self.slices) == 1:
            return f"{worst.name} is all there is"
        found = f"worst is {worst.name}: {self.metric.title} {worst.interval.text_with(unit)}"
        gap, looks = worst.worse_by, f"{len(self.slices):,} looked at"
        if gap.known and gap.low > 0:
            return f"{found}, worse than the others by {gap.text_with(unit)}; {looks}"
        if gap.known:
            return f"{found}; among {looks}, one as low as this is chance"
        return f"{found}; {looks}"


def cut(rows: pd.DataFrame, metric: Metric, by: By, seed: int = 0) -> Sliced:
    """Returns a metric slice by slice.

    Args:
        rows: Of photos that could be read, at least one; see `training.evaluation.measure`.
        metric: What to look at.
        by: How to cut. Photos without a view in their name are a slice of their own.
        seed: Of the draws behind the intervals.

    Raises:
        ConfigError: There is no such way of slicing.
    """
    if by not in WAYS:
        raise ConfigError(f"Photos can't be cut by {by!r}; choose one of: {', '.join(WAYS)}.")
    values = rows[metric.name].to_numpy(np.float64)
    cars = list(zip(rows["source"], rows["car"], strict=True))
    parts = _parts(rows, by)
    level = 1 - (1 - LEVEL) / len(parts)
    slices = []
    for key, name, inside in parts:
        here = [car for car, chosen in zip(cars, inside, strict=True) if chosen]
        interval = mean_interval(values[inside], here, level, seed).of(metric)
        sign = -1 if metric.higher_is_better else 1
        slices.append(Slice(name, key, interval, _gap(sign * values, inside, cars, level, seed)))
    return Sliced(metric, by, tuple(slices))


def _gap(
    values: Floats, inside: NDArray[np.bool_], cars: list[tuple[str, str]], level: float, seed: int
) -> Interval:
    """Returns the mean inside minus the mean outside, with its interval.

    A car is often on both sides, so the difference is taken car by car: each car's part in both
    means, of which the mean over cars is the difference (its linear part, Cochran 1977, 6.14).
    """
    if inside.all():
        return Interval(0.0, np.nan, np.nan, len(set(cars)), len(cars), level)
    sides = CarSums.of(np.stack([values * inside, inside, values * ~inside, ~inside], 1), cars)
    here, n_here, there, n_there = sides.sums.T
    mean_here, mean_there = here.sum() / n_here.sum(), there.sum() / n_there.sum()
    part = (here - mean_here * n_here) / n_here.mean()
    part -= (there - mean_there * n_there) / n_there.mean()
    gap = mean_here - mean_there
    # With one car on a side that car's part is 0 by construction: its spread can't be seen.
    if min(np.count_nonzero(n_here), np.count_nonzero(n_there)) < 2:
        return Interval(float(gap), np.nan, np.nan, len(part), len(cars), level)
    found = car_means(CarSums((gap + part)[:, None], np.ones(len(part))), level, seed)
    interval = interval_of(found)
    return Interval(
        interval.estimate, interval.low, interval.high, interval.groups, len(cars), level
    )


def _parts(rows: pd.DataFrame, by: By) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Returns key, name and photos of every slice."""
    if by in ("share", "brightness"):
        return _quantiles(rows[by].to_numpy(np.float64), by)
    if by == "touches_border":
        touching = rows[by].to_numpy(bool)
        named = (("False", "cars inside the picture"), ("True", "cars that touch its border"))
        both = [(key, name, touching == (key == "True")) for key, name in named]
        return [part for part in both if part[2].any()]
    values = rows[by].to_numpy(object)
    if by == "car":
        values = rows["source"].to_numpy(object) + "/" + values
    titles = {"view": "view ", "car": "car ", "source": ""}
    return [
        (key, f"{titles[by]}{key}" if key else "photos without a view", values == key)
        for key in sorted(set(values))
    ]


def _quantiles(values: Floats, by: By) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Returns a number's slices, cut where about as many photos lie on each side.

    Equal numbers stay together, so there are fewer slices if many are equal.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, QUANTILES + 1)[1:-1]))
    place = np.searchsorted(edges, values, side="left")
    parts = []
    for key, at in enumerate(np.unique(place), start=1):
        inside = place == at
        low, high = values[inside].min(), values[inside].max()
        if by == "share":
            name = f"cars that take {100 * low:.1f}% to {100 * high:.1f}% of the photo"
        else:
            name = f"brightness {low:.2f} to {high:.2f}"
        parts.append((str(key), name, inside))
    return parts


WAY_TITLES: dict[By, str] = {
    "view": "View",
    "share": "Size of the car",
    "brightness": "Brightness",
    "touches_border": "Border",
    "car": "Car",
    "source": "Data folder",
}
PART_TITLES: dict[Part, str] = {
    "all": "all photos",
    "val": "validation part",
    "train": "training part",
}
