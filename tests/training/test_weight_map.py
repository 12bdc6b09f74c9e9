"""What pixels weigh extra: along edges, and in narrow gaps."""

import numpy as np
import pytest

from training.config import TrainConfig
from training.engine.loss import edge_closeness, narrow_gaps, weight_map


def test_edges_by_hand() -> None:
    mask = np.zeros((5, 7), bool)
    mask[:, 3:] = True
    closeness = edge_closeness(mask, sigma=2.0)
    distances = np.array([2.5, 1.5, 0.5, 0.5, 1.5, 2.5, 3.5])
    assert closeness == pytest.approx(np.tile(np.exp(-(distances**2) / 8), (5, 1)))
    assert not edge_closeness(np.zeros((4, 4), bool)).any()
    assert not edge_closeness(np.ones((4, 4), bool)).any()
    far = np.zeros((1, 200), bool)
    far[0, :2] = True
    assert edge_closeness(far)[0, -1] == 0


def test_closeness_is_the_same_wherever_the_mask_lies_in_memory() -> None:
    yy, xx = np.mgrid[:64, :64]
    mask = (yy - 30) ** 2 + (xx - 33) ** 2 < 300
    places = [np.empty(64 * 64 + n, bool)[n:].reshape(64, 64) for n in range(40)]
    for place in places:
        place[:] = mask
    assert len({edge_closeness(place).tobytes() for place in places}) == 1


def test_gaps_are_narrow_background_inside_the_car_and_what_is_beside_it() -> None:
    mask = np.zeros((120, 160), bool)
    mask[20:100, 20:140] = True
    mask[50:58, 40:46] = False  # between two spokes
    mask[60:95, 70:130] = False  # a window, too wide for a gap
    mask[80:100, 50:62] = False  # between tyre and bumper, open below
    gaps = narrow_gaps(mask)
    hole = np.zeros_like(mask)
    hole[48:60, 38:48] = True  # it and 2 px around it
    assert np.array_equal(gaps[40:70, 30:56], hole[40:70, 30:56])
    assert gaps[78:100, 48:64].all()
    assert not gaps[70:85, 80:120].any()
    assert not gaps[:45].any() and not gaps[:, 134:].any(), "a straight edge is no gap"


def test_steps_of_an_edge_and_masks_without_edges_have_no_gaps() -> None:
    yy, xx = np.mgrid[:200, :200]
    assert not narrow_gaps((yy - 100) ** 2 + (xx - 100) ** 2 < 80**2).any()
    assert not narrow_gaps(3 * yy > xx).any()
    assert not narrow_gaps(np.zeros((30, 40), bool)).any()
    assert not narrow_gaps(np.ones((30, 40), bool)).any()


def test_weights_add_up_and_cost_nothing_where_none_is_asked() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    mask[28:32, 28:32] = False
    assert weight_map(mask, TrainConfig()) is None
    both = weight_map(mask, TrainConfig(edge_weight=10.0, gap_weight=3.0))
    assert both is not None and both.dtype == np.float32
    assert both == pytest.approx(10 * edge_closeness(mask) + 3 * narrow_gaps(mask))
