"""Figures of curves and costs show what they are given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.training.evaluation.tables import evaluation_of, rows_of
from training.comparison.curve_figures import (
    calibration_figure,
    points_figure,
    precision_figure,
    threshold_figure,
)
from training.comparison.figures import Side
from training.evaluation.curves import calibration_of, curves_of

SIDES = [Side(name, "#1C86C7") for name in ("a", "b")]


@pytest.mark.parametrize("across", [(8.0, 80.0), (8.0, 8.0), (2e6, 8e9)])
def test_every_point_stands_inside_the_axes(across: tuple[float, float]) -> None:
    points = list(zip(across, (0.99, 0.98), strict=True))
    bars = [(0.985, 0.995), (0.97, 0.99)]
    figure = points_figure(SIDES, points, ["", ""], x="ms", y="Dice", bars=bars, front=[0])
    left, right = figure.layout.xaxis.range
    assert all(left < math.log10(each) < right for each in across)
    assert [trace.x[0] for trace in figure.data[1:]] == list(across)


def test_curves_mark_the_best_and_the_own_threshold() -> None:
    curves = [curves_of(evaluation_of(rows_of(2, 2), seed)) for seed in (1, 2)]
    figure = threshold_figure(SIDES, curves, [0.5, 0.31], "iou")
    assert len(figure.data) == 6
    for place, (each, own) in enumerate(zip(curves, (0.5, 0.31), strict=True)):
        line, ring, dot = figure.data[3 * place : 3 * place + 3]
        assert np.array_equal(line.y, each.iou) and line.name in "ab"
        assert list(ring.x) == pytest.approx([own])
        assert list(dot.x) == pytest.approx([each.best_threshold("iou")])
        assert dot.y[0] == max(each.iou)
    low, high = figure.layout.yaxis.range
    assert low < min(each.iou[5:96].min() for each in curves) < high
    figure = precision_figure(SIDES, curves, [0.5, 0.31])
    assert figure.data[1].x[0] == curves[0].recall[50]
    assert figure.data[4].y[0] == curves[1].precision[31]


def test_calibration_leaves_out_what_no_pixel_has() -> None:
    found = [calibration_of(evaluation_of(rows_of(1, 2), seed), "edge") for seed in (1, 2)]
    found[0].pixels[3] = 0
    figure = calibration_figure(SIDES, found)
    lines = [trace for trace in figure.data if trace.name in ("a", "b")]
    assert [len(line.x) for line in lines] == [19, 20]
    assert list(figure.data[0].x) == list(figure.data[0].y) == [0, 1]
