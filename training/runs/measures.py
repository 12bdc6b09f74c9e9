"""What a run measured, by name: the lines of training and validation that belong together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.metric_table import HEADLINE, METRICS
from training.runs.curve_shapes import Line, line_of
from training.runs.curves import SOURCE_MARK, Curves

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
