"""What speaks against a label: each kind of error on drawn cars, and none where there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.errors import MaskError
from core.masks import Mask
from core.truth import Truth
from tests.training.review.cars import (
    SHAPE,
    car,
    grown,
    moved,
    predicted,
    with_gap_filled,
    without_wheel,
)
from training.review.scores import LabelScores, edge_offset, label_scores


def scores(label: Mask, seed: int = 0) -> LabelScores:
    return label_scores(Truth(label), predicted(car(seed)))


def test_a_right_label_is_contradicted_by_nothing() -> None:
    found = scores(car())
    assert found.gross is None
    assert found.edge is not None
    assert abs(found.edge.mean) < 0.3 and found.edge.rest < 0.5
    assert np.hypot(found.edge.right, found.edge.down) < 0.3


def test_a_missing_wheel_is_found_where_it_is() -> None:
    gross = scores(without_wheel(car())).gross
    assert gross is not None
    assert gross.kind == "missing" and gross.confidence > 0.9
    left, top, width, height = gross.box
    assert left <= 100 <= left + width and top <= 145 <= top + height
    lost = np.count_nonzero(car() & ~without_wheel(car()))
    assert 0.5 * lost < gross.area <= lost
    assert gross.weight == pytest.approx(gross.area / np.count_nonzero(car()), rel=0.1)


def test_a_filled_gap_is_extra() -> None:
    gross = scores(with_gap_filled(car())).gross
    assert gross is not None and gross.kind == "extra" and gross.weight > 0.03


@pytest.mark.parametrize("drawn", ["label", "network"])
def test_a_thin_part_is_no_error(drawn: str) -> None:
    """Two px of antenna that one of both lacks: a network can't see it, or a person did not."""
    thin, plain = car(antenna=True), car()
    label, seen = (thin, plain) if drawn == "label" else (plain, thin)
    assert label_scores(Truth(label), predicted(seen)).gross is None


def test_another_cars_label_and_an_empty_one_weigh_most() -> None:
    other = moved(car(), 0, -50)
    gross = label_scores(Truth(other), predicted(car())).gross
    assert gross is not None and gross.weight > 0.2
    empty = label_scores(Truth(np.zeros(SHAPE, bool)), predicted(car()))
    assert empty.gross is not None and empty.gross.weight > 0.8
    assert empty.edge is None


@pytest.mark.parametrize("px", [-3, -1, 2, 3])
def test_a_dilated_or_shrunk_label_has_a_mean_offset(px: int) -> None:
    edge = scores(grown(car(), px)).edge
    assert edge is not None
    assert edge.mean == pytest.approx(px, abs=0.6)
    assert np.hypot(edge.right, edge.down) < 0.6


@pytest.mark.parametrize("right, down", [(4, 0), (-3, 2), (0, -4)])
def test_a_shifted_label_has_a_shift_and_no_mean_offset(right: int, down: int) -> None:
    edge = scores(moved(car(), right, down)).edge
    assert edge is not None
    assert (edge.right, edge.down) == pytest.approx((right, down), abs=0.8)
    assert abs(edge.mean) < 0.5


def test_lengths_are_px_of_the_coarser_grid() -> None:
    """A photo of four times the network's grid: an offset of 3 grid px is 12 of its own."""
    large = cv2.resize(grown(car(), 3).astype(np.uint8), None, fx=4, fy=4, interpolation=0)
    found = label_scores(Truth(large.astype(bool)), predicted(car()))
    assert found.edge is not None and found.edge.mean == pytest.approx(3, abs=0.6)
    wheel = cv2.resize(without_wheel(car()).astype(np.uint8), None, fx=4, fy=4, interpolation=0)
    gross = label_scores(Truth(wheel.astype(bool)), predicted(car())).gross
    small = scores(without_wheel(car())).gross
    assert gross is not None and small is not None
    assert gross.area == pytest.approx(16 * small.area, rel=0.1)


def test_what_is_ignored_contradicts_nothing() -> None:
    label = without_wheel(car())
    assert label_scores(Truth(label, car() & ~label), predicted(car())).gross is None


def test_the_soft_minimum_is_the_papers() -> None:
    """Source: softmin_label_quality_score of cleanlab, written out for four pixels."""
    label = np.array([[True, False], [True, False]])
    probability = np.array([[0.9, 0.2], [0.3, 0.1]], np.float32)
    own = np.array([0.9, 0.8, 0.3, 0.9])
    weights = np.exp((1 - own) / 0.1) / np.exp((1 - own) / 0.1).sum()
    found = label_scores(Truth(label), probability).soft_minimum
    assert found == pytest.approx(float((own * weights).sum()), abs=1e-6)


def test_a_probability_out_of_range_is_refused() -> None:
    with pytest.raises(MaskError):
        label_scores(Truth(car()), np.full(SHAPE, 2.0, np.float32))


def test_an_edge_that_lies_elsewhere_has_no_offset() -> None:
    corner = np.zeros(SHAPE, bool)
    corner[:20, :20] = True
    assert edge_offset(corner, car()) is None
    assert edge_offset(car(), np.zeros(SHAPE, bool)) is None
