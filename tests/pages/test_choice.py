from __future__ import annotations

import math

import pandas as pd
import pytest

from dashboard.dataset.choice import Choice, select

TABLE = pd.DataFrame(
    {
        "name": ["a_01", "a_02", "b_01", "c_02"],
        "car": ["a", "a", "b", "c"],
        "view": ["01", "02", "01", "02"],
        "share": [0.1, 0.3, 0.3, math.nan],
        "brightness": [0.0, 51.0, 255.0, math.nan],
        "sharpness": [40.0, 10.0, 30.0, math.nan],
        "parts": [1.0, 2.0, 1.0, math.nan],
        "width": [10, 20, 30, math.nan],
        "height": [10, 10, 1, math.nan],
    }
)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (Choice(), "a_01 a_02 b_01 c_02"),
        (Choice(descending=True), "c_02 b_01 a_02 a_01"),
        (Choice(text="A_"), "a_01 a_02"),
        (Choice(text="."), ""),
        (Choice(car="b"), "b_01"),
        (Choice(view="02"), "a_02 c_02"),
        (Choice(share=(20, 100)), "a_02 b_01"),
        (Choice(share=(10, 10)), "a_01"),
        (Choice(brightness=(0, 20)), "a_01 a_02"),
        (Choice(sharpness=(0, 34)), "a_02"),
        (Choice(order="Car share"), "a_01 a_02 b_01 c_02"),
        (Choice(order="Car share", descending=True), "a_02 b_01 a_01 c_02"),
        (Choice(order="Sharpness"), "a_02 b_01 a_01 c_02"),
        (Choice(order="Pixels", descending=True), "a_02 a_01 b_01 c_02"),
        (Choice(order="View"), "a_01 b_01 a_02 c_02"),
        (Choice(view="01", order="Sharpness"), "b_01 a_01"),
    ],
)
def test_rows_are_filtered_and_sorted(choice: Choice, wanted: str) -> None:
    assert " ".join(TABLE["name"].iloc[select(TABLE, choice)]) == wanted


def test_names_have_to_be_in_every_set() -> None:
    places = select(TABLE, Choice(), [{"a_01", "b_01"}, ["b_01", "c_02"]])
    assert list(TABLE["name"].iloc[places]) == ["b_01"]


def test_before_anything_is_measured_names_order_and_filter() -> None:
    names = TABLE[["name", "car", "view"]]
    assert list(select(names, Choice(order="Car share", share=(50, 60), car="a"))) == [0, 1]
