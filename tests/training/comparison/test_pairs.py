"""Two checkpoints photo by photo, on hand-made tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.metric_table import find_metric
from training.comparison.aligned import ORDERS, pairs_of
from training.evaluation.measure import ImageRow, table_of

A = {"u": 0.90, "v": 0.95, "w": 0.99, "x": 0.80, "y": 0.99}
B = {"u": 0.97, "v": 0.94, "w": 0.9904, "x": 0.80, "y": 0.50}


def rows(dices: dict[str, float], *, broken: str = "") -> pd.DataFrame:
    return table_of(
        [
            ImageRow("cars", name, name, "", error="damaged")
            if name == broken
            else ImageRow("cars", name, name, "", dice=dice, hd95=100 * (1 - dice))
            for name, dice in dices.items()
        ]
    )


def names(order: str, metric: str = "dice", **more: object) -> list[str]:
    pairs = pairs_of(rows(A), rows(B), find_metric(metric))
    return [pairs.names[place][1] for place in pairs.ordered(order, **more)]


@pytest.mark.parametrize("metric", ["dice", "hd95"])  # lower is better in the second
def test_the_lists_begin_with_what_is_to_be_looked_at(metric: str) -> None:
    assert names("improved", metric) == ["u", "w"]
    assert names("worsened", metric) == ["y", "v"]
    assert names("worst", metric) == ["y", "x", "u", "v", "w"]


def test_a_difference_within_the_margin_is_nobodys() -> None:
    pairs = pairs_of(rows(A), rows(B), find_metric("dice"))
    assert pairs.kinds.tolist() == [1, -1, 0, 0, -1]


def test_a_box_keeps_what_lies_in_it() -> None:
    assert names("worst", box=(0.9, 1.0, 0.9, 1.0)) == ["u", "v", "w"]
    assert names("improved", box=(0.0, 0.5, 0.0, 0.5)) == []


def test_a_photo_that_either_could_not_read_is_left_out() -> None:
    pairs = pairs_of(rows(A, broken="u"), rows(B, broken="v"), find_metric("dice"))
    assert [image for _, image in pairs.names] == ["w", "x", "y"]


def test_an_order_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="improved"):
        names("best")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30))
def test_improved_and_worsened_part_what_differs(figures: list[tuple[float, float]]) -> None:
    a = {f"{place}": one for place, (one, _) in enumerate(figures)}
    b = {f"{place}": other for place, (_, other) in enumerate(figures)}
    pairs = pairs_of(rows(a), rows(b), find_metric("dice"))
    up, down, all_of_them = (pairs.ordered(order) for order in ORDERS)
    assert sorted([*up, *down]) == np.flatnonzero(pairs.gain).tolist()
    assert (np.diff(pairs.gain[up]) <= 0).all()
    assert (np.diff(pairs.gain[down]) >= 0).all()
    assert sorted(all_of_them) == list(range(len(figures)))
