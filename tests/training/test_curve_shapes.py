"""Formulas of the plots, against tables worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.run_folders import epoch_line, step_line
from training.runs.curve_shapes import (
    Line,
    band_of,
    epochs_of_steps,
    in_zone,
    line_of,
    lines_of,
    measures_of,
    reach_of,
    seed_groups,
    smooth,
    title_of,
)
from training.runs.curves import Curves, curves_of, curves_of_lines


def curves() -> Curves:
    """Two epochs of ten steps, and five steps of a third."""
    steps = [step_line(step, epoch=-(-step // 10)) for step in (5, 10, 15, 20, 25)]
    return curves_of_lines([*steps, epoch_line(1, 0.8), epoch_line(2, 0.9)])


def test_steps_stand_between_the_epochs() -> None:
    assert epochs_of_steps(curves()).tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]


def test_steps_of_the_first_epoch_stand_at_the_epoch_that_they_name() -> None:
    first = curves_of_lines([step_line(1), step_line(2)])
    assert epochs_of_steps(first).tolist() == [1.0, 1.0]


def test_steps_never_go_beyond_the_epoch_that_they_name() -> None:
    late = curves_of_lines([step_line(45, epoch=3), epoch_line(1, 0.8), epoch_line(2, 0.9)])
    assert epochs_of_steps(late).tolist() == [3.0]


@pytest.mark.parametrize(
    ("axis", "wanted"),
    [
        ("epoch", [1.0, 2.0]),
        ("step", [10.0, 20.0]),
        ("images", [80.0, 160.0]),
        ("hours", [6 / 3600, 12 / 3600]),
    ],
)
def test_every_axis(axis: str, wanted: list[float]) -> None:
    line = line_of(curves(), "val_dice", axis, steps=False)
    assert line.x.tolist() == wanted
    assert line.y.tolist() == [0.8, 0.9]


def test_time_of_day_is_left_out_where_nobody_wrote_it() -> None:
    assert not len(line_of(curves(), "val_dice", "time", steps=False).x)
    timed = curves_of_lines([epoch_line(1, 0.8, time="2026-01-02T03:00:00+01:00")])
    line = line_of(timed, "val_dice", "time", steps=False)
    assert line.x.tolist() == [pd.Timestamp("2026-01-02T02:00:00").to_pydatetime()]


def test_time_of_day_in_a_time_zone() -> None:
    times = np.array(["2026-01-01T00:00", "2026-07-01T00:00"], "datetime64[ms]")
    there = in_zone(Line(times, np.array([0.1, 0.2])), "Europe/Berlin")
    assert [str(time) for time in there.x] == ["2026-01-01T01:00:00.000", "2026-07-01T02:00:00.000"]
    assert there.y.tolist() == [0.1, 0.2]


def test_what_is_no_number_is_left_out() -> None:
    rows = [{"epoch": n, "step": n, "val_dice": v} for n, v in ((1, 0.5), (2, float("nan")))]
    assert line_of(curves_of([], rows), "val_dice", "step", steps=False).y.tolist() == [0.5]
    assert not len(line_of(curves_of([], rows), "val_iou", "step", steps=False).x)


def test_smoothing_by_hand() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0])
    # Weights 1; 1/2, 1; 1/4, 1/2, 1 of the figures so far.
    assert smooth(x, y, 0.5, reach=200) == pytest.approx([1.0, 0.5 / 1.5, 0.25 / 1.75])
    assert smooth(x, y, 0.25, reach=400) == pytest.approx([1.0, 0.5 / 1.5, 0.25 / 1.75])
    assert y.tolist() == [1.0, 0.0, 0.0]


def test_figures_far_from_each_other_are_hardly_smoothed() -> None:
    x, y = np.linspace(1, 20, 20), np.random.default_rng(0).normal(size=20)
    assert smooth(x, y, 0.6, reach_of([Line(x, y)])) == pytest.approx(y, abs=0.03)


def test_a_gap_counts_as_long_as_it_is() -> None:
    y = np.array([1.0, 0.0])
    near, far = (smooth(np.array([0.0, at]), y, 0.5, reach=200)[1] for at in (1.0, 3.0))
    assert (near, far) == pytest.approx((0.5 / 1.5, 0.125 / 1.125))


def test_smoothing_over_time_of_day() -> None:
    times = np.array(["2026-01-01T00:00:00.000", "2026-01-01T00:00:00.001"], "datetime64[ms]")
    assert smooth(times, np.array([1.0, 0.0]), 0.5, reach=200) == pytest.approx([1.0, 0.5 / 1.5])
    assert reach_of([Line(times, np.zeros(2))]) == 1.0
    assert reach_of([]) == 0.0


def test_smoothing_keeps_a_level_line_and_weight_0_keeps_all() -> None:
    x, values = np.arange(50.0), np.random.default_rng(0).normal(size=50)
    assert smooth(x, np.full(50, 0.7), 0.95, reach=49) == pytest.approx(np.full(50, 0.7))
    assert smooth(x, values, 0.0, reach=49).tolist() == values.tolist()
    assert smooth(x[:1], values[:1], 0.9, reach=0).tolist() == values[:1].tolist()
    with pytest.raises(ValueError, match="weight"):
        smooth(x, values, 1.0, reach=49)


def test_a_band_of_seeds() -> None:
    first = Line(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0]))
    second = Line(np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    band = band_of([first, second, Line(np.empty(0), np.empty(0))])
    assert band.x.tolist() == [1.0, 2.0, 3.0]
    assert band.mean.tolist() == [1.0, 2.0, 3.0]
    assert band.low.tolist() == [0.0, 1.0, 2.0]
    assert band.high.tolist() == [2.0, 3.0, 4.0]
    assert band.count.tolist() == [2, 2, 2]


def test_a_run_that_ended_early_does_not_count_beyond() -> None:
    long = Line(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]))
    short = Line(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    band = band_of([long, short])
    assert band.mean.tolist() == [2.0, 2.0, 1.0]
    assert band.count.tolist() == [2, 2, 1]
    assert not len(band_of([]).x)


def test_a_band_over_time_of_day() -> None:
    times = np.array(["2026-01-01T00:00", "2026-01-01T01:00"], "datetime64[ms]")
    band = band_of([Line(times, np.array([0.0, 1.0])), Line(times[:1], np.array([1.0]))])
    assert band.x.tolist() == times.tolist()
    assert band.mean.tolist() == [0.5, 1.0]


def test_seeds_of_one_configuration_are_one_group() -> None:
    base = {"width": "16", "seed": "0"}
    settings = [base, {**base, "width": "32"}, {**base, "seed": "1"}, {}, {}]
    assert seed_groups(settings) == [[0, 2], [1], [3], [4]]


def test_measures_and_their_sides() -> None:
    known = curves()
    assert measures_of([known])[:5] == ["dice", "iou", "boundary_iou", "boundary_iou_3px", "loss"]
    assert measures_of([known])[-1] == "boundary_iou_3px@cars"
    assert "images" not in measures_of([known])
    assert lines_of(known, "dice", "epoch").keys() == {"val"}
    loss = lines_of(known, "loss", "step")
    assert loss.keys() == {"train"}
    assert loss["train"].x.tolist() == [5.0, 10.0, 15.0, 20.0, 25.0], "of steps, not of epochs"


def test_a_pair_of_training_and_validation() -> None:
    rows = [{"epoch": 1, "step": 1, "loss": 0.5, "val_loss": 0.6, "train_dice": 0.9}]
    foreign = curves_of([], rows)
    pair = lines_of(foreign, "loss", "epoch")
    assert {side: line.y.tolist() for side, line in pair.items()} == {"train": [0.5], "val": [0.6]}
    assert lines_of(foreign, "dice", "epoch").keys() == {"train"}


def test_titles() -> None:
    assert title_of("boundary_iou_3px") == "Boundary IoU, 3 px"
    assert title_of("dice@carvana512") == "Dice on carvana512"
    assert title_of("my_metric") == "my metric"
