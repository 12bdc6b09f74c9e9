"""True masks: the border by which inverted ones are found."""

from __future__ import annotations

import numpy as np
import pytest

from core.truth import Mask, border_share, seems_inverted

ROWS, COLUMNS = np.mgrid[:96, :128]


def car() -> Mask:
    return np.asarray(((ROWS - 50) / 25) ** 2 + ((COLUMNS - 60) / 45) ** 2 < 1)


def framed(mask: Mask, rows: int, columns: int) -> Mask:
    out = np.zeros_like(mask)
    inner = slice(rows, len(mask) - rows), slice(columns, mask.shape[1] - columns)
    out[inner] = mask[inner]
    return out


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (1, 1), (2, 2), (12, 0), (0, 16), (5, 9)])
def test_an_inverted_mask_is_found_in_a_frame(rows: int, columns: int) -> None:
    assert seems_inverted(framed(~car(), rows, columns))
    assert not seems_inverted(framed(car(), rows, columns))


def test_one_side_can_have_the_frame_and_specks_can_lie_in_it() -> None:
    mask = ~car()
    mask[:2] = mask[:, -3:] = False
    mask[0, 7] = True
    assert seems_inverted(mask)


def test_a_car_that_touches_the_border_is_none() -> None:
    mask = car()[26:, :]
    assert 0 < border_share(mask) < 0.5


def test_a_box_and_a_full_or_empty_mask_are_none() -> None:
    box = framed(np.ones_like(car()), 8, 8)
    assert border_share(box) == 0
    assert border_share(np.ones((16, 16), bool)) == 1
    assert not seems_inverted(np.ones((16, 16), bool))
    assert border_share(np.zeros((16, 16), bool)) == 0
