"""A log that another program wrote: where it lies, what was read of it, its names in ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.metric_table import METRICS
from training.runs.curves import Curves


@dataclass(frozen=True)
class LogFiles:
    """The files of a foreign log in one run's folder."""

    format: str
    """Who wrote it: "lightning", "tensorboard", "csv" or "text"."""
    paths: tuple[Path, ...]

    def stamp(self) -> tuple[object, ...]:
        """Returns what changes when the files do: sizes, times and inodes.

        Raises:
            OSError: A file is gone.
        """
        found = [path.stat() for path in self.paths]
        return (self.format, self.paths, *((f.st_size, f.st_mtime_ns, f.st_ino) for f in found))


@dataclass(frozen=True, eq=False)
class ForeignLog:
    """What a foreign log says."""

    curves: Curves
    epochs: int = 0
    """Epochs asked for; 0 where it does not say."""
    remark: str = ""
    """What was guessed, and what was left out and why."""


_PLACES = frozenset(("epoch", "step", "images", "seconds", "time"))


def one_a_validation(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of epochs so that each validation has one.

    A validation repeated after the end counts one step more and joins the row before; what was
    written last counts. The training's row of an epoch, which may lie apart from its validation,
    joins it too. An epoch that is validated more than once on its way keeps a row for each.

    Args:
        rows: Rows with `epoch` and `step`, in order; NaN for what was not measured.
    """
    found = ({name: value for name, value in row.items() if not pd.isna(value)} for row in rows)
    measured = [{"epoch": 0, **row} for row in found if row.keys() - _PLACES]
    return _joined(
        _joined(measured, lambda last, row: row["step"] - last["step"] <= 1),
        lambda last, row: not (row.keys() & last.keys()) - _PLACES,
    )


def _joined(
    rows: Iterable[dict[str, Any]], are_one: Callable[[dict[str, Any], dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Returns rows, with neighbours of one epoch put together where a rule says that they are one.

    Args:
        rows: Rows with `epoch`, in order.
        are_one: The rule, of the row so far and the next one.
    """
    joined: list[dict[str, Any]] = []
    for row in rows:
        if joined and row["epoch"] == joined[-1]["epoch"] and are_one(joined[-1], row):
            joined[-1] = joined[-1] | row
        else:
            joined.append(row)
    return joined


_SIDES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
_WORDS = {
    **{metric.name: (metric.name, *metric.aliases) for metric in METRICS},
    "accuracy": ("accuracy", "acc", "pixel_accuracy", "pixel_acc"),
    "loss": ("loss", "average_loss", "avg_loss", "mean_loss", "epoch_loss", "running_loss"),
    "learning_rate": ("learning_rate", "lr"),
    "seconds": ("seconds", "elapsed", "runtime", "time"),
    "time": ("timestamp", "wall_time"),
}
_OURS = {theirs: ours for ours, names in _WORDS.items() for theirs in names}
_SIDELESS = ("learning_rate", "seconds", "time")


@dataclass(frozen=True)
class Figure:
    """One figure's name, taken apart."""

    metric: str
    """In our words; a metric that the table does not know keeps its name."""
    side: str
    """"train", "val", "test", or "" where the name does not say."""
    span: str
    """"step", "epoch", or "" where the name does not say."""

    @property
    def column(self) -> str:
        """The column of `Curves`; without a side a loss is the training's, the rest validation's.

        A learning rate, a count or a time has no side.
        """
        if self.metric in _SIDELESS:
            return self.metric
        side = self.side or ("train" if self.metric == "loss" else "val")
        return "loss" if (side, self.metric) == ("train", "loss") else f"{side}_{self.metric}"

    @property
    def trains(self) -> bool:
        """Whether only a training writes it."""
        return self.column in ("loss", "learning_rate") or self.side == "train"

    @property
    def is_known(self) -> bool:
        """Whether it is a figure for certain, by its metric or by its side."""
        return self.metric in _WORDS or bool(self.side)


def figures(names: Iterable[str], side: str = "") -> dict[str, Figure]:
    """Returns the figures of one log by their names.

    A name without a side is the training's where the log has it of the validation too, as Keras
    writes "dice_coef" beside "val_dice_coef".

    Args:
        names: All names of the log.
        side: The side of names that do not say theirs, where it is known.
    """
    found = {name: figure(name) for name in names}
    validated = {each.metric for each in found.values() if each.side == "val"}
    return {
        name: each
        if each.side
        else replace(each, side=side or ("train" if each.metric in validated else ""))
        for name, each in found.items()
    }


def side_of(folder: str) -> str:
    """Returns the side that a folder's name says: "validation" as Keras calls it; "" for others."""
    return _SIDES.get(folder.lower(), "")


def figure(name: str) -> Figure:
    """Returns "Loss/val", "train_loss_epoch", "Val Dice", "lr-AdamW", ... in our words."""
    words = [word for word in re.split(r"[^0-9a-z]+", name.lower()) if word]
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    span = words[-1] if words and words[-1] in ("step", "epoch") else ""
    words = [word for word in words if word not in _SIDES]
    if span and len(words) > 1:
        words = words[:-1]
    elif words[:1] == ["epoch"] and len(words) > 1:  # Keras
        span, words = "epoch", words[1:]
    if words[:1] == ["lr"]:
        words = ["lr"]
    if words == ["time"] and (side or span):
        words = ["duration"]  # of one part, where "time" alone runs from the start
    rest = "_".join(words)
    return Figure(_OURS.get(rest, rest), side, span)
