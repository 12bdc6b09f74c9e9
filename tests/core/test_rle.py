from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from core.errors import MaskError
from core.rle import from_coco, pack, to_coco, unpack

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(MASKS)
def test_a_mask_comes_back_bit_for_bit(mask: np.ndarray) -> None:
    rle = to_coco(mask)
    assert np.array_equal(from_coco(rle, mask.shape, "m"), mask)


@given(MASKS)
def test_the_text_is_cocos_own(mask: np.ndarray) -> None:
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert to_coco(mask) == {"size": list(mask.shape), "counts": theirs["counts"].decode()}


@given(st.lists(st.integers(0, 10**8), max_size=50))
def test_lengths_come_back(lengths: list[int]) -> None:
    assert unpack(pack(lengths)) == lengths


def test_long_runs_of_a_large_photo() -> None:
    mask = np.zeros((3000, 4000), np.bool_)
    mask[500:2500, 700:3300] = True
    mask[1000:1200, 1000:1300] = False
    assert np.array_equal(from_coco(to_coco(mask), mask.shape, "m"), mask)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [4, 6], "counts": "zzzz"},
        {"size": [4, 6], "counts": "o" * 10_000},
        {"size": [4, 6], "counts": [25]},
        {"size": [4, 6], "counts": [30, -6]},
        {"size": [4, 6], "counts": [24.0]},
        {"size": [6, 4], "counts": [24]},
        {"size": [4, 6]},
        {},
    ],
)
def test_damaged_ones_are_refused(rle: dict[str, object]) -> None:
    with pytest.raises(MaskError, match="street"):
        from_coco(rle, (4, 6), "street")
