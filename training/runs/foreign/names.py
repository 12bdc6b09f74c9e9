"""What others call their figures, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.metric_table import METRICS

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
