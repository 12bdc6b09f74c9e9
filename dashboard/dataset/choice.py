"""Which photos a person wants to see, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Range = tuple[float, float]
WHOLE: Range = (0.0, 100.0)
BY_NAME = "Name"
ORDERS: dict[str, str] = {
    BY_NAME: "name",
    "Car share": "share",
    "Brightness": "brightness",
    "Sharpness": "sharpness",
    "Parts": "parts",
    "Pixels": "pixels",
    "View": "view",
}
"""What photos can be sorted by, and the column that says it."""
NEED_MEASURING = frozenset(ORDERS) - {BY_NAME, "View"}
"""Orders that need every photo measured."""


@dataclass(frozen=True)
class Choice:
    """Every filter of the grid, and its order."""

    text: str = ""
    """Part of the name, in any case."""
    car: str = ""
    view: str = ""
    side: str = ""
    """"train" or "val"; "" for both."""
    finding: str = ""
    """Kind of a finding; "" for all photos."""
    share: Range = WHOLE
    """Car's share of the picture in %."""
    brightness: Range = WHOLE
    """Mean brightness in % of white."""
    sharpness: Range = WHOLE
    """Rank in %: 0 is the least sharp photo of the folder."""
    order: str = BY_NAME
    descending: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is every photo by name, for which nothing has to be looked up."""
        return self == Choice()


def select(
    table: pd.DataFrame, choice: Choice, only: Collection[Collection[str]] = ()
) -> NDArray[np.intp]:
    """Returns the places of the wanted rows, in the wanted order.

    Args:
        table: A row a photo with name, car, view, and share, brightness, sharpness, parts, width
            and height where photos were measured.
        choice: What is wanted.
        only: Names of photos, sets of them; a photo has to be in each.
    """
    keep = np.ones(len(table), bool)
    if choice.text:
        found = table["name"].str.contains(choice.text, case=False, regex=False)
        keep &= found.to_numpy(bool)
    for column, wanted in (("car", choice.car), ("view", choice.view)):
        if wanted:
            keep &= (table[column] == wanted).to_numpy(bool)
    for names in only:
        keep &= table["name"].isin(names).to_numpy(bool)
    for column, percent in _PERCENT.items():
        limits: Range = getattr(choice, column)
        if limits != WHOLE and column in table:
            keep &= percent(table[column]).between(*limits).to_numpy(bool)
    return _sorted(table, np.flatnonzero(keep), choice)


def _sorted(table: pd.DataFrame, places: NDArray[np.intp], choice: Choice) -> NDArray[np.intp]:
    column = ORDERS.get(choice.order, "name")
    if column == "pixels" and "width" in table:
        values = table["width"] * table["height"]
    elif column in table:
        values = table[column]
    else:
        return places
    if column != "name":
        # Of equals the names decide, also backwards; what wasn't measured stands last.
        values = values.iloc[places].reset_index(drop=True)
        order = values.sort_values(
            ascending=not choice.descending, kind="stable", na_position="last"
        )
        rows: NDArray[np.intp] = order.index.to_numpy(np.intp)
        return places[rows]
    return places[::-1] if choice.descending else places


_PERCENT: dict[str, Callable[[pd.Series[float]], pd.Series[float]]] = {
    "share": lambda column: column * 100,
    "brightness": lambda column: column / 2.55,
    "sharpness": lambda column: column.rank(pct=True) * 100,
}
"""How each measured column is turned into the percents of its filter."""
