"""The table of metrics: every list of metrics in code, files and pages is made of it.

A new metric is a field of `MaskScores` here and its formula in `core.metrics.score`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import nan
from typing import Any, Literal

from core.errors import ConfigError

VERSION = 1
"""Rises with each change of the table or of a formula; stored evaluations are then made anew."""

Shown = Literal["everywhere", "comparison", "on request"]
"""Where a metric is shown: in every table and as a choice of `best_by`; in the table of a
comparison as well; or only where all metrics are wanted."""


@dataclass(frozen=True)
class Metric:
    """One figure that checkpoints can be compared by."""

    name: str
    """Its column in files, and its value in URLs."""
    title: str
    help: str
    """One sentence for a tooltip."""
    margin: float
    """A difference of at most this is called a tie."""
    unit: Literal["", "px"] = ""
    """Unit; "" for a share in [0, 1]."""
    higher_is_better: bool = True
    shown: Shown = "on request"
    aliases: tuple[str, ...] = ()
    """Other programs' names for it."""

    @property
    def label(self) -> str:
        """Title and unit: "HD95, px"."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def digits(self) -> int:
        """Decimals with which a single value is written."""
        return 2 if self.unit else 4

    @property
    def perfect(self) -> float:
        """Its best value."""
        return 1.0 if self.higher_is_better else 0.0

    def text(self, value: float) -> str:
        """Returns a value without its unit: "0.9871"."""
        return f"{value:.{self.digits}f}"


def _entry(title: str, text: str, margin: float, **more: Any) -> Any:
    """Returns a field of `MaskScores`; its value is NaN until it is measured."""
    return field(default=nan, metadata={"title": title, "help": text, "margin": margin, **more})


@dataclass(frozen=True)
class MaskScores:
    """Every score of one mask against the true one; see `METRICS` for what each is."""

    dice: float = _entry(
        "Dice",
        "Twice the overlap over the sum of both areas; 1 is perfect.",
        0.0005,
        shown="everywhere",
        aliases=("dice_score", "dice_coef", "dice_coefficient", "dsc", "f1", "f1_score"),
    )
    iou: float = _entry(
        "IoU",
        "Overlap over the union of both areas; 1 is perfect.",
        0.001,
        shown="everywhere",
        aliases=("iou_score", "mean_iou", "miou", "jaccard", "jaccard_index", "jaccard_score"),
    )
    precision: float = _entry(
        "Precision", "Share of the mask that is car in truth; 1 is perfect.", 0.001
    )
    recall: float = _entry(
        "Recall", "Share of the true car that the mask holds; 1 is perfect.", 0.001
    )
    boundary_iou: float = _entry(
        "Boundary IoU",
        "IoU of the bands along the edges, 2% of the diagonal wide; 1 is perfect.",
        0.002,
        shown="everywhere",
        aliases=("biou",),
    )
    boundary_iou_3px: float = _entry(
        "Boundary IoU, 3 px",
        "IoU of the bands along the edges, 3 px wide; 1 is perfect.",
        0.005,
        shown="everywhere",
    )
    boundary_f1: float = _entry(
        "Boundary F1",
        "F1 of the edge pixels that match within 3 px; 1 is perfect.",
        0.003,
        shown="comparison",
    )
    boundary_f1_1px: float = _entry(
        "Boundary F1, 1 px", "F1 of the edge pixels that match within 1 px; 1 is perfect.", 0.003
    )
    boundary_f1_2px: float = _entry(
        "Boundary F1, 2 px", "F1 of the edge pixels that match within 2 px; 1 is perfect.", 0.003
    )
    hd95: float = _entry(
        "HD95",
        "95th percentile of the distance between both edges; 0 is perfect, the picture's diagonal "
        "is a missed car.",
        0.25,
        unit="px",
        higher_is_better=False,
        shown="comparison",
    )
    assd: float = _entry(
        "ASSD",
        "Mean distance between both edges; 0 is perfect, the picture's diagonal is a missed car.",
        0.05,
        unit="px",
        higher_is_better=False,
    )


METRICS = tuple(Metric(each.name, **each.metadata) for each in fields(MaskScores))
"""Every metric, Dice first."""
HEADLINE = tuple(metric for metric in METRICS if metric.shown == "everywhere")
"""Those of every table."""


def find_metric(name: str) -> Metric:
    """Returns the metric of a column.

    Raises:
        ConfigError: There is none of this name.
    """
    for metric in METRICS:
        if metric.name == name:
            return metric
    known = ", ".join(metric.name for metric in METRICS)
    raise ConfigError(f"There is no metric {name!r}; choose one of: {known}.")
