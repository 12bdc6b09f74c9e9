"""Tables of rows with figures that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.metric_table import METRICS
from training.evaluation.measure import ImageRow, table_of


def image_rows_of(
    values: ArrayLike,
    views: int = 1,
    *,
    source: str = "cars",
    failed: Sequence[int] = (),
    **columns: Sequence[object],
) -> tuple[ImageRow, ...]:
    """Returns rows in which every metric has these values, `views` photos a car.

    Args:
        values: (N,), a figure a photo, N a multiple of `views`.
        views: Photos of each car.
        source: Name of the data folder.
        failed: Places of photos that can't be read.
        columns: Further columns by name, each with N values.
    """
    rows = []
    for place, value in enumerate(np.asarray(values, np.float64)):
        car, view = f"c{place // views:03}", f"{place % views + 1:02}"
        names = source, f"{car}_{view}", car, view
        if place in failed:
            rows.append(ImageRow(*names, error="the file is damaged"))
            continue
        figures = {metric.name: float(value) for metric in METRICS}
        figures |= {name: each[place] for name, each in columns.items()}
        rows.append(ImageRow(*names, width=64, height=48, **figures))  # type: ignore[arg-type]
    return tuple(rows)


def rows_of(*values: Any, **options: Any) -> pd.DataFrame:
    """Returns the rows of `image_rows_of` as a table."""
    return table_of(image_rows_of(*values, **options))
