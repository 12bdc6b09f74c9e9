"""Where two masks disagree, by hand and against every box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MaskError
from training.comparison.disagreement import (
    DISAGREEMENT_COLOURS,
    densest_spot,
    disagreement_of,
    disagreement_picture,
)


def mask(text: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in row] for row in text.split()])


TRUTH = mask("##.. ##.. ....")
A = mask("#... ###. ....")
B = mask("##.. ###. #...")


def test_each_pixel_is_of_the_kind_that_a_table_says() -> None:
    found = disagreement_of(A, B, TRUTH)
    assert np.array_equal(found.a_right, mask(".... .... #..."))
    assert np.array_equal(found.b_right, mask(".#.. .... ...."))
    assert np.array_equal(found.both_wrong, mask(".... ..#. ...."))
    assert found.counts == (1, 1, 1)


@given(st.integers(0, 2**32 - 1))
def test_the_kinds_part_the_errors(seed: int) -> None:
    a, b, truth = np.random.default_rng(seed).random((3, 9, 7)) < 0.5
    found = disagreement_of(a, b, truth)
    assert np.array_equal(found.a_right | found.both_wrong, b != truth)
    assert np.array_equal(found.b_right | found.both_wrong, a != truth)
    wrong = (a != truth) | (b != truth)
    assert sum(found.counts) == np.count_nonzero(wrong)  # no pixel is of two kinds


def test_equal_masks_disagree_only_with_the_truth() -> None:
    found = disagreement_of(A, A, TRUTH)
    assert found.counts == (0, 0, 2)


def test_masks_of_other_sizes_are_refused() -> None:
    with pytest.raises(MaskError, match="size"):
        disagreement_of(A, B[:, :2], TRUTH)


def test_the_picture_has_the_legends_colours_and_is_grey_elsewhere() -> None:
    image = np.random.default_rng(1).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    drawn = disagreement_picture(image, disagreement_of(A, B, TRUTH))
    colours = DISAGREEMENT_COLOURS
    for (row, column), colour in {
        (2, 0): colours.a,
        (0, 1): colours.b,
        (1, 2): colours.both,
    }.items():
        assert drawn[row, column].tobytes().hex() == colour[1:].lower()
    assert (drawn[0, 0] == drawn[0, 0, 0]).all()
    assert drawn[0, 0, 0] < 171  # dimmed


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.2, 0.25, 0.5, 1.0]))
def test_no_box_holds_more_than_the_densest(seed: int, share: float) -> None:
    where = np.random.default_rng(seed).random((13, 8)) < 0.2
    where[5, 3] = True
    spot = densest_spot(where, share)
    held = [
        (np.count_nonzero(where[top : top + spot.height, left : left + spot.width]), -top, -left)
        for top in range(13 - spot.height + 1)
        for left in range(8 - spot.width + 1)
    ]
    assert (np.count_nonzero(where[spot.slices]), -spot.top, -spot.left) == max(held)
    assert where[spot.slices].shape == (spot.height, spot.width)


def test_the_spot_is_where_they_differ_or_else_where_both_are_wrong() -> None:
    truth = np.zeros((40, 40), bool)
    both, one = truth.copy(), truth.copy()
    both[2:8, 2:8] = True
    one[:] = both
    assert disagreement_of(both, both, truth).spot.left <= 2
    one[36:38, 36:38] = True
    assert disagreement_of(both, one, truth).spot.left >= 28


def test_without_a_marked_pixel_the_box_lies_in_the_middle() -> None:
    spot = densest_spot(np.zeros((40, 80), bool))
    assert (spot.left, spot.top, spot.width, spot.height) == (30, 15, 20, 10)
