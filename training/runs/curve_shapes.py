"""Curves on their way to a plot: what can be drawn, the x axis, smoothing, seeds as one band.

Nothing here changes a figure that is reported: a smoothed line is drawn beside the measured one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.metric_table import HEADLINE, METRICS
from training.runs.curves import SOURCE_MARK, Curves

AXES = ("epoch", "step", "images", "hours", "time")
"""What curves can stand over: epochs, optimiser steps, training samples seen, hours of training,
time of day."""

_FINEST = 200
"""Parts of a plot's width that smoothing counts in."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """One curve; x and y are of one length and hold finite figures only, x never falls."""

    x: NDArray[Any]
    """float64, or datetime64 for the axis "time"."""
    y: Floats


@dataclass(frozen=True, eq=False)
class Band:
    """Several curves as one."""

    x: NDArray[Any]
    mean: Floats
    low: Floats
    """Lowest of the curves."""
    high: Floats
    count: NDArray[np.intp]
    """How many curves reach over each x."""


def line_of(curves: Curves, column: str, axis: str, *, steps: bool) -> Line:
    """Returns a column as a curve; empty where it, or the axis, was not measured.

    Args:
        curves: A run's curves.
        column: A column of `curves.steps` or `curves.epochs`.
        axis: One of AXES.
        steps: Whether to take the table of steps instead of that of epochs.
    """
    table = curves.steps if steps else curves.epochs
    if column not in table or not len(table):
        return Line(np.empty(0), np.empty(0))
    x = _places(curves, axis, steps=steps)
    y = table[column].to_numpy(np.float64)
    known = np.isfinite(y) & ~pd.isna(x)
    x, y = x[known], y[known]
    order = np.argsort(x, kind="stable")
    return Line(x[order], y[order])


def in_zone(line: Line, zone: str) -> Line:
    """Returns a line over the time of day, UTC, over that of a time zone ("Europe/Berlin")."""
    times = pd.DatetimeIndex(line.x).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return Line(np.asarray(times, "datetime64[ms]"), line.y)


def epochs_of_steps(curves: Curves, table: pd.DataFrame | None = None) -> Floats:
    """Returns where each step line stands between epochs: 1.5 is the middle of the second one.

    The lines of epochs say at which step each ended; steps after the last one go on at its pace,
    but not beyond the epoch that they say they belong to.

    Args:
        curves: A run's curves.
        table: The lines; those of steps where none are given.
    """
    table = curves.steps if table is None else table
    steps = table["step"].to_numpy(np.float64)
    said = table["epoch"].to_numpy(np.float64)
    ends = curves.epochs.groupby("epoch", as_index=False)["step"].max()
    ends = ends[ends["step"] > 0].drop_duplicates("step", keep="last").sort_values("step")
    if ends.empty:
        return said
    at = np.concatenate([[0.0], ends["step"].to_numpy(np.float64)])
    epoch = np.concatenate([[0.0], ends["epoch"].to_numpy(np.float64)])
    found = np.interp(steps, at, epoch)
    pace = (epoch[-1] - epoch[-2]) / (at[-1] - at[-2])
    beyond = steps > at[-1]
    further = epoch[-1] + (steps - at[-1]) * pace
    limit = np.where(said > 0, said, np.inf)
    found[beyond] = np.minimum(further, limit)[beyond]
    return np.asarray(found, np.float64)


def smooth(x: NDArray[Any], y: Floats, weight: float, reach: float) -> Floats:
    """Returns the moving mean of a curve, in which a figure's weight fades with its distance.

    Distance is of x and not of places in the list, so curves that were written in a different
    rhythm are smoothed alike, and one with few figures, far from each other, hardly changes. There
    is no pull of a start at zero.

    Args:
        x: (N,), never falling: float64 or datetime64.
        y: (N,) finite float64.
        weight: What is left of a figure's weight after 1/200 of `reach`, in [0, 1); 0 changes
            nothing.
        reach: Width of the plot in units of x, ms for datetime64; 0 or less changes nothing.

    Raises:
        ValueError: The weight is outside [0, 1).
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight is {weight}; it must be in [0, 1).")
    if weight == 0 or reach <= 0 or not len(y):
        return y.copy()
    gaps = np.diff(_numbers(x), prepend=_numbers(x)[:1]) / reach * _FINEST
    smoothed = np.empty(len(y))
    total, weights = 0.0, 0.0
    for place, (value, left) in enumerate(zip(y.tolist(), (weight**gaps).tolist(), strict=True)):
        total = left * total + value
        weights = left * weights + 1
        smoothed[place] = total / weights
    return smoothed


def reach_of(lines: Sequence[Line]) -> float:
    """Returns from the least to the largest x of curves, in ms where x is a time; 0 if empty."""
    ends = [_numbers(line.x[[0, -1]]) for line in lines if len(line.x)]
    return float(np.max(ends) - np.min(ends)) if ends else 0.0


def band_of(lines: Sequence[Line]) -> Band:
    """Returns the mean of curves and how far they reach, at every x that any of them has.

    Between two of its figures a curve counts with the straight line between them, and where it has
    not begun or has ended it does not count.
    """
    lines = [line for line in lines if len(line.x)]
    if not lines:
        none = np.empty(0)
        return Band(none, none, none, none, np.empty(0, np.intp))
    x = np.unique(np.concatenate([line.x for line in lines]))
    values = np.full((len(lines), len(x)), np.nan)
    grid = _numbers(x)
    for row, line in zip(values, lines, strict=True):
        places = _numbers(line.x)
        row[:] = np.interp(grid, places, line.y)
        row[(grid < places[0]) | (grid > places[-1])] = np.nan
    there = np.isfinite(values)
    count = there.sum(axis=0)
    kept = count > 0
    values, there, count = values[:, kept], there[:, kept], count[kept]
    return Band(
        x[kept],
        np.where(there, values, 0).sum(axis=0) / count,
        np.where(there, values, np.inf).min(axis=0),
        np.where(there, values, -np.inf).max(axis=0),
        count,
    )


def seed_groups(settings: Sequence[Mapping[str, str]]) -> list[list[int]]:
    """Returns the places of runs that differ in their seed alone, group by group, in their order.

    Args:
        settings: Each run's settings; a run without any stands alone.
    """
    groups: dict[object, list[int]] = {}
    for place, each in enumerate(settings):
        rest = frozenset((name, value) for name, value in each.items() if name != "seed")
        groups.setdefault(rest or place, []).append(place)
    return list(groups.values())


def _places(curves: Curves, axis: str, *, steps: bool) -> NDArray[Any]:
    table = curves.steps if steps else curves.epochs
    if axis == "epoch":
        # An epoch may be validated more than once on its way.
        between = steps or (bool(table["epoch"].duplicated().any()) and (table["step"] > 0).all())
        return epochs_of_steps(curves, table) if between else table["epoch"].to_numpy(np.float64)
    if axis == "hours":
        return table["seconds"].to_numpy(np.float64) / 3600
    if axis == "time":
        return np.asarray(table["time"].dt.tz_localize(None), "datetime64[ms]")
    return np.asarray(table[axis], np.float64)


def _numbers(x: NDArray[Any]) -> Floats:
    if x.dtype.kind == "M":
        x = x.astype("datetime64[ms]").astype(np.int64)
    return x.astype(np.float64)


TITLES = {
    **{metric.name: metric.label for metric in HEADLINE},
    "loss": "Loss",
    "learning_rate": "Learning rate",
    "images_per_second": "Images a second",
    "waited": "Share of time waited for photos",
    **{metric.name: metric.label for metric in METRICS if metric not in HEADLINE},
    "pooled_dice": "Dice, pooled",
    "pooled_iou": "IoU, pooled",
    "accuracy": "Accuracy",
}
"""Measures as a person calls them, in the order of a list; others follow under their own names."""
TRAIN, VAL = "train", "val"

_PLACES = ("epoch", "step", "images", "seconds", "time")
_COUNTS = ("images", "cars")


def measures_of(runs: Iterable[Curves]) -> list[str]:
    """Returns the measures that any of the runs has, well known ones first, data sets last."""
    found: set[str] = set()
    for curves in runs:
        for table in (curves.steps, curves.epochs):
            for column in table.columns:
                if column not in _PLACES and column not in found and _known(table[column]):
                    found.add(_measure(column))
    found = {each for each in found if each.partition(SOURCE_MARK)[0] not in _COUNTS}
    order = {each: place for place, each in enumerate(TITLES)}

    def rank(measure: str) -> tuple[bool, int, str]:
        bare, mark, _ = measure.partition(SOURCE_MARK)
        return bool(mark), order.get(bare, len(order)), measure

    return sorted(found, key=rank)


def title_of(measure: str) -> str:
    """Returns a measure as a person calls it: "Dice on carvana512"."""
    bare, mark, source = measure.partition(SOURCE_MARK)
    title = TITLES.get(bare, bare.replace("_", " "))
    return f"{title} on {source}" if mark else title


def lines_of(curves: Curves, measure: str, axis: str) -> dict[str, Line]:
    """Returns a measure's line of training and of validation; a side without figures is left out.

    Training is taken from its steps where they have it, else from its epochs.

    Args:
        curves: A run's curves.
        measure: One of `measures_of`.
        axis: One of `curve_shapes.AXES`.
    """
    candidates = {
        TRAIN: [(name, steps) for steps in (True, False) for name in (f"train_{measure}", measure)],
        VAL: [(f"val_{measure}", False), (f"val_{measure}", True)],
    }
    lines = {}
    for side, places in candidates.items():
        for column, steps in places:
            line = line_of(curves, column, axis, steps=steps)
            if len(line.x):
                lines[side] = line
                break
    return lines


def _measure(column: str) -> str:
    for side in (TRAIN, VAL):
        column = column.removeprefix(f"{side}_")
    return column


def _known(column: Iterable[float]) -> bool:
    return bool(np.isfinite(np.asarray(column, np.float64)).any())


COLOURS = (
    *("#1C86C7", "#E69F00", "#009E73", "#CC79A7", "#D55E00"),
    *("#56B4E9", "#8C6BB1", "#8A8D0F", "#7A5C3E", "#7F8B97"),
)
"""In the order in which they are given out; each is seen on white and on black.

Source: the first six are Okabe and Ito's.
"""


def colour_of(place: int) -> str:
    """Returns the colour of what was chosen at this place, from 0."""
    return COLOURS[place % len(COLOURS)]
