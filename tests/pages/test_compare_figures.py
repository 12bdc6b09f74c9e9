"""Figures of the Compare page show what they are given."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pages.shared.compare.choice import Row
from pages.shared.compare.figures import points_figure


@pytest.mark.parametrize("across", [(8.0, 80.0), (8.0, 8.0), (2e6, 8e9)])
def test_every_point_stands_inside_the_axes(across: tuple[float, float]) -> None:
    rows = [Row(name, name, (Path(name),)) for name in ("a", "b")]
    points = list(zip(across, (0.99, 0.98), strict=True))
    bars = [(0.985, 0.995), (0.97, 0.99)]
    figure = points_figure(rows, points, ["", ""], x="ms", y="Dice", bars=bars, front=[0])
    left, right = figure.layout.xaxis.range
    assert all(left < math.log10(each) < right for each in across)
    assert [trace.x[0] for trace in figure.data[1:]] == list(across)
