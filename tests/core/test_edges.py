"""Edge pixels, bands and distances of masks made by hand, and of very large ones."""

import math

import numpy as np
import pytest
from scipy import ndimage

from core import edges
from core.edges import edge_band, edge_depth, edge_distances, joint_crop


def mask_of(*rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def test_diagonal_neighbours_do_not_save_an_edge_pixel():
    # All but the corners: the four pixels diagonal to them have all four direct neighbours.
    plus = mask_of(".###.", "#####", "#####", "#####", ".###.")
    assert edge_distances(plus, plus).from_mask.size == 12


def test_the_pictures_border_is_an_edge():
    mask = np.ones((4, 4), bool)
    truth = mask_of("##..", "##..", "##..", "##..")
    # The full picture's ring to the half: 6 of 0 px, 2 of 1 px, 4 of 2 px.
    distances = edge_distances(mask, truth)
    assert sorted(distances.from_mask) == [0] * 6 + [1] * 2 + [2] * 4
    assert sorted(distances.from_truth) == [0] * 6 + [1] * 2


def test_an_edge_that_does_not_exist_is_a_diagonal_away():
    empty = np.zeros((30, 40), bool)
    dot = empty.copy()
    dot[3, 4] = True
    distances = edge_distances(dot, empty)
    assert distances.from_mask.tolist() == [50.0]
    assert distances.from_truth.tolist() == []
    assert (distances.hd95, distances.assd, distances.boundary_f1()) == (50.0, 50.0, 0.0)


def test_several_tolerances_of_one_pair():
    mask, truth = mask_of("#........"), mask_of("...#.....")
    distances = edge_distances(mask, truth)
    assert [distances.boundary_f1(px) for px in (2.9, 3, 5)] == [0.0, 1.0, 1.0]


def test_a_joint_crop_holds_both_masks_and_a_frame():
    mask, truth = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    mask[4, 5:8], truth[6:9, 10] = True, True
    ours, theirs = joint_crop(mask, truth)
    assert ours.shape == theirs.shape == (5 + 2, 6 + 2)
    assert np.array_equal(ours[1:-1, 1:-1], mask[4:9, 5:11])
    assert np.array_equal(theirs[1:-1, 1:-1], truth[4:9, 5:11])
    for crop in (ours, theirs):
        assert not (crop[0].any() or crop[-1].any() or crop[:, 0].any() or crop[:, -1].any())
    empty = np.zeros((20, 30), bool)
    assert not np.any(joint_crop(empty, empty))


def test_bands_grow_by_one_pixel_with_each_erosion():
    mask, _ = joint_crop(np.ones((5, 7), bool), np.ones((5, 7), bool))
    depth = edge_depth(mask)
    assert depth[3, 1:-1].tolist() == [1, 2, 3, 3, 3, 2, 1]
    sizes = [np.count_nonzero(edge_band(depth, width)) for width in (1, 2, 2.4, 3, 100)]
    assert sizes == [35 - 15, 35 - 3, 35 - 3, 35, 35]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "points", "least"),
    [
        ((603, 801), 400, 50),
        ((40, 5000), 1, 2500),  # beyond the reach of float32
        ((20, 60_000), 300, 500),  # longer than OpenCV is exact for
    ],
)
def test_distances_of_large_pictures_are_exact(shape, points, least):
    rng = np.random.default_rng(0)
    board = np.indices(shape).sum(axis=0) % 2 == 0  # each of its pixels is an edge pixel
    dots = np.zeros(shape, bool)
    dots[rng.integers(0, shape[0], points), rng.integers(0, shape[1], points)] = True
    expected = ndimage.distance_transform_edt(~dots)
    assert np.array_equal(edge_distances(board, dots).from_mask, expected[board])
    assert np.array_equal(edge_distances(dots.T, board.T).from_truth, expected.T[board.T])
    assert expected.max() > least


def test_a_map_and_a_tree_find_the_same_distances(monkeypatch):
    rng = np.random.default_rng(1)
    for sigma in (0.5, 2, 6, 6):
        mask, truth = (
            ndimage.gaussian_filter(rng.standard_normal((90, 120)), sigma) > 0 for _ in range(2)
        )
        found = []
        for thin in (math.inf, 1e-9):  # no edge is thin, every edge is
            monkeypatch.setattr(edges, "_THIN", thin)
            found.append(edge_distances(mask, truth))
        assert np.array_equal(found[0].from_mask, found[1].from_mask)
        assert np.array_equal(found[0].from_truth, found[1].from_truth)
