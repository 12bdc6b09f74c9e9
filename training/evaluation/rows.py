"""One row a photo: what an evaluation knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING

from core.metric_table import MaskScores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Photo:
    """Which photo it is."""

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


@dataclass(frozen=True)
class ImageRow(MaskScores, _Photo):
    """What is known of one photo; its fields are the columns of a table of rows, in this order.

    Of a photo that can't be read only the names, `seconds` (0) and `error` are known: then numbers
    with a fraction are NaN, whole ones 0, and `touches_border` is False.
    """

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


def table_of(rows: Sequence[ImageRow]) -> pd.DataFrame:
    """Returns rows as a table with the columns of `COLUMNS`, one row a photo, in their order."""
    import pandas as pd

    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in COLUMNS})


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of the photos that could be read; a missed car is one of them."""
    return rows[rows["error"] == ""]
