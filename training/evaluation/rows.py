"""One row a photo: what an evaluation knows of it, and the metrics that one can compare by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING, Literal

from core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ImageRow:
    """What is known of one photo; its fields are the columns of a table of rows, in this order.

    Of a photo that can't be read only the names, `seconds` (0) and `error` are known: then numbers
    with a fraction are NaN, whole ones 0, and `touches_border` is False.
    """

    source: str
    """Name of its data folder."""
    image: str
    """The photo's path below the data folder's photos, without suffix."""
    car: str
    """The car that it shows; cars of two sources are never the same one."""
    view: str
    """The view that its name says, such as "01"; "" if it says none."""
    width: int = 0
    """Of the upright photo, in px."""
    height: int = 0
    """Of the upright photo, in px."""
    dice: float = nan
    """Twice the overlap over the sum of both areas, in [0, 1]."""
    iou: float = nan
    """Intersection over union of both areas, in [0, 1]."""
    precision: float = nan
    """Share of the mask that is car in truth, in [0, 1]."""
    recall: float = nan
    """Share of the true car that the mask holds, in [0, 1]."""
    boundary_iou: float = nan
    """IoU of the bands along both edges, 2% of the diagonal wide, in [0, 1]."""
    boundary_iou_3px: float = nan
    """IoU of the bands along both edges, 3 px wide, in [0, 1]."""
    boundary_f1: float = nan
    """F1 of the edge pixels that match within 3 px, in [0, 1]."""
    boundary_f1_1px: float = nan
    """F1 of the edge pixels that match within 1 px, in [0, 1]."""
    boundary_f1_2px: float = nan
    """F1 of the edge pixels that match within 2 px, in [0, 1]."""
    hd95: float = nan
    """95th percentile of the distance between both edges, in px; a missed car's is the diagonal."""
    assd: float = nan
    """Mean distance between both edges, in px; a missed car's is the diagonal."""
    share: float = nan
    """Share of the picture that the true car takes, in [0, 1]."""
    predicted_share: float = nan
    """Share of the picture that the mask takes, in [0, 1]."""
    parts: int = 0
    """Connected parts of the mask (over edges and corners)."""
    touches_border: bool = False
    """Whether the true car touches the picture's border."""
    brightness: float = nan
    """Mean luma (BT.601) of the photo, in [0, 1]."""
    true_positive: int = 0
    """Pixels that both masks call car."""
    false_positive: int = 0
    """Pixels that the mask alone calls car."""
    false_negative: int = 0
    """Pixels that the truth alone calls car."""
    seconds: float = 0.0
    """Time of the network and the enlarging, without reading and scoring."""
    error: str = ""
    """Why the photo or its mask can't be read; "" if both can."""


COLUMNS = tuple(field.name for field in fields(ImageRow))
"""The columns of a table of rows, in order."""


@dataclass(frozen=True)
class Metric:
    """One figure that checkpoints can be compared by."""

    name: str
    """Its column."""
    title: str
    """As a person calls it."""
    higher_is_better: bool
    unit: Literal["", "px"]
    """What it is counted in; "" for a share in [0, 1]."""
    margin: float
    """A difference of at most this is called a tie."""

    @property
    def label(self) -> str:
        """Title and unit: "HD95, px"."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


METRICS = (
    Metric("dice", "Dice", True, "", 0.0005),
    Metric("iou", "IoU", True, "", 0.001),
    Metric("precision", "Precision", True, "", 0.001),
    Metric("recall", "Recall", True, "", 0.001),
    Metric("boundary_iou", "Boundary IoU", True, "", 0.002),
    Metric("boundary_iou_3px", "Boundary IoU, 3 px", True, "", 0.005),
    Metric("boundary_f1", "Boundary F1", True, "", 0.003),
    Metric("boundary_f1_1px", "Boundary F1, 1 px", True, "", 0.003),
    Metric("boundary_f1_2px", "Boundary F1, 2 px", True, "", 0.003),
    Metric("hd95", "HD95", False, "px", 0.25),
    Metric("assd", "ASSD", False, "px", 0.05),
)
"""Every metric, Dice first."""


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


def table_of(rows: Sequence[ImageRow]) -> pd.DataFrame:
    """Returns rows as a table with the columns of `COLUMNS`, one row a photo, in their order."""
    import pandas as pd

    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in COLUMNS})


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of the photos that could be read; a missed car is one of them."""
    return rows[rows["error"] == ""]
