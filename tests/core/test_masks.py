"""Clean-up of masks against SciPy and by hand."""

import itertools
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy import ndimage

from core.errors import ConfigError, MaskError
from core.masks import MaskSettings, car_share, mask_from_probability

EIGHT = np.ones((3, 3), int)


def mask_of(*rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def cleaned(mask, **settings):
    return mask_from_probability(mask.astype(np.float32), MaskSettings(**settings))


def random_masks(count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        shape = tuple(rng.integers(1, 50, size=2))
        noise = ndimage.gaussian_filter(rng.standard_normal(shape), rng.choice([0.5, 1.5, 3]))
        yield noise > np.quantile(noise, rng.uniform(0.1, 0.9))


class TestThreshold:
    def test_the_threshold_itself_counts_as_car(self):
        probability = np.array([[0.0, 0.25, 0.3], [0.5, 0.75, 1.0]], np.float32)
        for threshold, expected in [
            (0.0, [[1, 1, 1], [1, 1, 1]]),
            (0.25, [[0, 1, 1], [1, 1, 1]]),
            (0.3, [[0, 0, 1], [1, 1, 1]]),  # 0.3 has no exact float32, and still equals itself
            (0.5, [[0, 0, 0], [1, 1, 1]]),
            (0.51, [[0, 0, 0], [0, 1, 1]]),
            (1.0, [[0, 0, 0], [0, 0, 1]]),
        ]:
            mask = mask_from_probability(probability, MaskSettings(threshold))
            assert mask.dtype == np.bool_
            assert np.array_equal(mask, np.array(expected, bool)), threshold

    def test_the_mask_shrinks_as_the_threshold_rises(self):
        probability = np.random.default_rng(1).random((33, 47), dtype=np.float32)
        masks = [mask_from_probability(probability, MaskSettings(t)) for t in np.linspace(0, 1, 21)]
        for lower, higher in itertools.pairwise(masks):
            assert not (higher & ~lower).any()
        assert masks[0].all()
        assert masks[-1].sum() < masks[0].sum()

    def test_a_turned_probability_gives_the_turned_mask(self):
        probability = np.random.default_rng(2).random((20, 31), dtype=np.float32)
        settings = MaskSettings(0.4, keep_largest=True, fill_holes=True)
        mask = mask_from_probability(probability, settings)
        assert np.array_equal(mask_from_probability(probability.T, settings), mask.T)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (np.zeros((4, 4, 1), np.float32), r"shape \(4, 4, 1\)"),
            (np.zeros((0, 4), np.float32), r"shape \(0, 4\)"),
            (np.zeros((4, 4), np.uint8), "uint8"),
            (np.full((4, 4), 1.5, np.float32), "sigmoid"),
            (np.full((4, 4), -0.1, np.float32), "sigmoid"),
            (np.full((4, 4), np.nan, np.float32), "nan"),
        ],
    )
    def test_what_is_no_probability(self, wrong, message):
        with pytest.raises(MaskError, match=message):
            mask_from_probability(wrong, MaskSettings())


class TestCleanUp:
    PARTS = mask_of(
        "##...#",
        "##..#.",
        "......",
        "....##",
        ".#..##",
        "....##",
    )

    def test_the_largest_part_stays(self):
        kept = cleaned(self.PARTS, keep_largest=True)
        assert np.array_equal(kept, mask_of(*["......"] * 3, *["....##"] * 3))

    def test_parts_below_the_smallest_area_go(self):
        # Of 36 pixels the parts have 4, 2 (a diagonal pair is one part), 6 and 1.
        assert cleaned(self.PARTS, min_area=1 / 36).sum() == 13
        assert cleaned(self.PARTS, min_area=2 / 36).sum() == 12
        assert cleaned(self.PARTS, min_area=2.01 / 36).sum() == 10
        assert cleaned(self.PARTS, min_area=6 / 36).sum() == 6
        assert cleaned(self.PARTS, min_area=7 / 36).sum() == 0
        assert cleaned(self.PARTS, min_area=7 / 36, keep_largest=True).sum() == 0

    def test_of_equal_parts_the_upper_left_one_stays(self):
        mask = mask_of("...#", "#...", "...#")
        assert np.array_equal(cleaned(mask, keep_largest=True), mask_of("...#", "....", "...."))
        assert np.array_equal(cleaned(mask_of("#.#"), keep_largest=True), mask_of("#.."))

    def test_holes_are_what_the_border_cannot_reach_by_edges(self):
        # The upper hole is closed; the lower one leaks through the open right side, and the
        # background that only touches the hole's corner doesn't open it.
        mask = mask_of(
            ".####.",
            ".#..#.",
            ".####.",
            "..###.",
            "..#...",
            "..###.",
        )
        filled = cleaned(mask, fill_holes=True)
        assert np.array_equal(filled ^ mask, mask_of("......", "..##..", *["......"] * 4))
        diamond = mask_of(".#.", "#.#", ".#.")
        assert cleaned(diamond, fill_holes=True).sum() == 5

    def test_a_hole_at_the_pictures_border_is_none(self):
        mask = mask_of("#.#", "#.#", "###")
        assert np.array_equal(cleaned(mask, fill_holes=True), mask)

    def test_a_part_inside_a_hole_goes_before_the_hole_is_filled(self):
        ring = np.pad(np.zeros((5, 5), bool), 2, constant_values=True)
        ring[4, 4] = True
        assert cleaned(ring, keep_largest=True).sum() == 81 - 25
        assert cleaned(ring, keep_largest=True, fill_holes=True).all()

    def test_parts_as_scipy_finds_them(self):
        for mask in random_masks(150):
            labels, number = ndimage.label(mask, structure=EIGHT)
            areas = np.bincount(labels.ravel(), minlength=number + 1)
            areas[0] = 0
            kept = cleaned(mask, min_area=0.02)
            assert np.array_equal(
                kept, np.isin(labels, np.flatnonzero(areas / mask.size >= 0.02)) & mask
            )
            largest = cleaned(mask, keep_largest=True)
            assert largest.sum() == areas.max()
            assert not number or len(np.unique(labels[largest])) == 1

    def test_holes_as_scipy_finds_them(self):
        for mask in random_masks(150, seed=1):
            filled = cleaned(mask, fill_holes=True)
            assert np.array_equal(filled, ndimage.binary_fill_holes(mask))

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_empty_and_full_masks_stay_so(self, value):
        probability = np.full((17, 16), value, np.float32)
        settings = MaskSettings(keep_largest=True, fill_holes=True, min_area=0.5)
        assert car_share(mask_from_probability(probability, settings)) == value

    def test_the_probability_stays_as_it_was(self):
        probability = np.random.default_rng(3).random((40, 40), dtype=np.float32)
        before = probability.copy()
        probability.setflags(write=False)
        mask_from_probability(probability, MaskSettings(0.4, True, True, 0.01))
        assert np.array_equal(probability, before)

    @pytest.mark.parametrize("name", ["threshold", "min_area"])
    @pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), "0.5", None, True])
    def test_settings_outside_their_range(self, name, value):
        with pytest.raises(ConfigError, match=f"{name} is .* from 0 to 1"):
            MaskSettings(**{name: value})

    def test_settings_are_frozen(self):
        with pytest.raises(FrozenInstanceError):
            MaskSettings().threshold = 0.3


def test_car_share():
    assert car_share(mask_of("#...", "....")) == 0.125
    assert type(car_share(np.ones((3, 3), bool))) is float
    with pytest.raises(MaskError, match="uint8"):
        car_share(np.ones((3, 3), np.uint8))
