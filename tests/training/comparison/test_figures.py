"""The comparison's figures: what stands where in them."""

from __future__ import annotations

import numpy as np
import pytest

from core.metric_table import find_metric
from tests.training.comparison.judged import rows_of
from training.comparison.aligned import pairs_of
from training.comparison.figures import MOST, Side, scatter_figure, slices_figure
from training.comparison.slices import cut

DICE = find_metric("dice")
SIDES = Side("A <1>", "#1C86C7"), Side("B", "#E69F00")


def test_every_photo_is_a_point_of_the_side_that_is_better() -> None:
    a, b = [0.9, 0.95, 0.9, 0.8], [0.95, 0.9, 0.9002, 0.8]
    figure = scatter_figure(pairs_of(rows_of(a), rows_of(b), DICE), *SIDES, chosen=1)
    equal, tie, a_better, b_better, ring = figure.data
    assert list(equal.x) == list(equal.y)
    assert equal.x[0] < 0.8 and equal.x[1] > 0.95
    assert [list(each.customdata) for each in (tie, a_better, b_better)] == [[2, 3], [1], [0]]
    assert (list(b_better.x), list(b_better.y)) == ([0.9], [0.95])
    assert [a_better.marker.color, b_better.marker.color] == [side.colour for side in SIDES]
    assert (list(ring.x), list(ring.y)) == ([0.95], [0.9])
    assert "<1>" not in figure.to_json()  # a title is no mark-up


def test_a_single_photo_and_equal_figures_have_a_figure_too() -> None:
    for values in ([0.9], [0.0, 0.0]):
        figure = scatter_figure(pairs_of(rows_of(values), rows_of(values), DICE), *SIDES)
        low, high = figure.layout.xaxis.range
        assert low < values[0] < high


@pytest.mark.parametrize("metric", ["dice", "hd95"])
def test_views_stand_on_a_circle_with_the_better_figures_outside(metric: str) -> None:
    values = np.tile(np.linspace(0.80, 0.95, 16), 3)
    rows = [rows_of(values, 16), rows_of(values + 0.01, 16)]
    figure = slices_figure([cut(each, find_metric(metric), "view") for each in rows], SIDES)
    first, _ = figure.data
    assert len(first.r) == 17 and first.r[0] == first.r[-1]  # the line is closed
    assert list(first.theta[:6]) == [0, 22.5, 45, 67.5, 90, 112.5]
    assert first.r[4] == pytest.approx(0.84)
    assert list(figure.layout.polar.angularaxis.ticktext)[4] == "05"
    centre, rim = figure.layout.polar.radialaxis.range
    assert (centre < rim) == (metric == "dice")


def test_every_second_view_keeps_its_angle() -> None:
    rows = rows_of([0.9] * 6, 6)
    rows["view"] = ["01", "03", "05", "07", "09", "11"]
    (line,) = slices_figure([cut(rows, DICE, "view")], SIDES[:1]).data
    assert list(line.theta) == [0, 45, 90, 135, 180, 225, 0]


def test_two_views_are_no_circle() -> None:
    (points,) = slices_figure([cut(rows_of([0.9, 0.8], 2), DICE, "view")], SIDES[:1]).data
    assert points.type == "scatter"


def test_of_many_cars_the_poorest_stand_first() -> None:
    values = np.linspace(0.99, 0.7, 30)
    figure = slices_figure([cut(rows_of(values), DICE, "car")], SIDES[:1])
    (points,) = figure.data
    assert list(points.x) == pytest.approx(sorted(values)[:MOST])
    assert figure.layout.yaxis.ticktext[0].endswith("c029")
    top, bottom = figure.layout.yaxis.range[::-1]
    assert top < bottom  # the first is uppermost


def test_intervals_are_drawn_and_a_single_car_has_none() -> None:
    values = np.random.default_rng(0).uniform(0.8, 0.9, 24)
    rows = rows_of(values, 4, touches_border=[place % 2 for place in range(24)])
    sliced = cut(rows, DICE, "touches_border")
    (points,) = slices_figure([sliced], SIDES[:1]).data
    for place, each in enumerate(sliced.slices):
        high, low = points.error_x.array[place], points.error_x.arrayminus[place]
        assert points.x[place] + high == pytest.approx(each.interval.high)
        assert points.x[place] - low == pytest.approx(each.interval.low)
    (alone,) = slices_figure([cut(rows, DICE, "car")], SIDES[:1]).data
    assert set(alone.error_x.array) == {0}
