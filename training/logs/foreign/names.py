"""What others call their figures, in our words."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    "dice": ("dice", "dice_score", "dice_coef", "dice_coefficient", "dsc", "f1", "f1_score"),
    "iou": ("iou", "iou_score", "mean_iou", "miou", "jaccard", "jaccard_index", "jaccard_score"),
    "boundary_iou": ("boundary_iou", "biou"),
    "boundary_iou_3px": ("boundary_iou_3px",),
    "accuracy": ("accuracy", "acc", "pixel_accuracy", "pixel_acc"),
    "loss": ("loss", "average_loss", "avg_loss", "mean_loss", "epoch_loss", "running_loss"),
    "learning_rate": ("learning_rate", "lr"),
    "seconds": ("seconds", "elapsed"),
}
_OURS = {theirs: ours for ours, names in _WORDS.items() for theirs in names}


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
        if self.metric in ("learning_rate", "seconds"):
            return self.metric
        side = self.side or ("train" if self.metric == "loss" else "val")
        return "loss" if (side, self.metric) == ("train", "loss") else f"{side}_{self.metric}"


def figure(name: str) -> Figure:
    """Returns "Loss/val", "train_loss_epoch", "Val Dice", "lr-AdamW", ... in our words."""
    words = [word for word in re.split(r"[^0-9a-z]+", name.lower()) if word]
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    span = words[-1] if words and words[-1] in ("step", "epoch") else ""
    words = [word for word in words if word not in _SIDES]
    if span and len(words) > 1:
        words = words[:-1]
    if words[:1] == ["lr"]:
        words = ["lr"]
    rest = "_".join(words)
    return Figure(_OURS.get(rest, rest), side, span)
