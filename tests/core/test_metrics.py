"""Scores against tables made by hand, brute force, and what must hold for any pair of masks."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import ndimage

from core import metrics
from core.edges import edge_distances
from core.errors import ConfigError, DataError, MaskError
from core.metric_table import METRICS, MaskScores
from core.metrics import Counts, score

HIGHER_IS_BETTER = [metric.name for metric in METRICS if metric.higher_is_better]
PERFECT = MaskScores(**{metric.name: metric.perfect for metric in METRICS})


def box(shape, top, left, height, width):
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def random_mask(rng, shape):
    """Noise, blobs and half planes, so that the border is touched often, and rarely nothing."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.random(shape) < rng.choice([0.03, 0.5, 0.97])
    if kind == 1:
        smooth = ndimage.gaussian_filter(rng.standard_normal(shape), 3, mode="reflect")
        return smooth > rng.normal(0, 0.05)
    if kind == 2:
        y, x = np.indices(shape)
        return rng.normal() * (y - shape[0] / 2) + rng.normal() * (x - shape[1] / 2) > 0
    return np.full(shape, bool(rng.integers(2)))


def random_pairs(count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        shape = tuple(rng.integers(1, 34, size=2))
        yield random_mask(rng, shape), random_mask(rng, shape)


# An independent implementation, straight from the definitions.


def brute_edge(mask):
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def brute_distances(mask, truth):
    start, goal = np.argwhere(brute_edge(mask)), np.argwhere(brute_edge(truth))
    if not len(goal):
        return np.full(len(start), math.hypot(*mask.shape))
    steps = start[:, None, :] - goal[None, :, :]
    return np.sqrt((steps**2).sum(axis=2)).min(axis=1)


def brute_band(mask, width):
    square = np.ones((3, 3), bool)
    return mask & ~ndimage.binary_erosion(mask, square, iterations=width, border_value=0)


def brute_iou(mask, truth):
    union = (mask | truth).sum()
    return (mask & truth).sum() / union if union else 1.0


def brute_f1(there, back, tolerance):
    if not len(there) or not len(back):
        return 1.0 if len(there) == len(back) else 0.0
    hit, found = (there <= tolerance).mean(), (back <= tolerance).mean()
    return 2 * hit * found / (hit + found) if hit + found else 0.0


class TestByHand:
    def test_square_shifted_by_one(self):
        # 4 pixels each, 2 in common. Every pixel is an edge pixel; in both directions two lie on
        # the other edge (0 px) and two beside it (1 px).
        truth, mask = box((5, 5), 1, 1, 2, 2), box((5, 5), 1, 2, 2, 2)
        assert metrics.counts(mask, truth) == Counts(2, 2, 2)
        assert metrics.dice(mask, truth) == 0.5
        assert metrics.iou(mask, truth) == pytest.approx(1 / 3)
        assert metrics.precision(mask, truth) == 0.5
        assert metrics.recall(mask, truth) == 0.5
        assert metrics.boundary_iou(mask, truth, 1) == pytest.approx(1 / 3)
        assert metrics.boundary_f1(mask, truth, 0) == 0.5
        assert metrics.boundary_f1(mask, truth, 1) == 1.0
        assert metrics.assd(mask, truth) == 0.5
        # Ranks 0..3 hold 0, 0, 1, 1; rank 0.95 * 3 = 2.85 lies between 1 and 1.
        assert metrics.hd95(mask, truth) == 1.0

    def test_square_one_pixel_too_small(self):
        truth, mask = box((7, 7), 1, 1, 5, 5), box((7, 7), 2, 2, 3, 3)
        assert metrics.counts(mask, truth) == Counts(9, 0, 16)
        assert metrics.dice(mask, truth) == pytest.approx(18 / 34)
        assert metrics.iou(mask, truth) == pytest.approx(9 / 25)
        assert metrics.precision(mask, truth) == 1.0
        assert metrics.recall(mask, truth) == pytest.approx(9 / 25)
        # 1 px: a ring of 16 and the ring of 8 inside of it have nothing in common.
        assert metrics.boundary_iou(mask, truth, 1) == 0.0
        # 2 px: truth without its centre (24) and the whole mask (9) have 8 of 25 in common.
        assert metrics.boundary_iou(mask, truth, 2) == pytest.approx(8 / 25)
        # Mask to truth: 8 of 1 px. Truth to mask: 12 of 1 px and 4 corners of the root of 2.
        root = math.sqrt(2)
        assert metrics.assd(mask, truth) == pytest.approx((8 + 12 + 4 * root) / 24)
        assert metrics.hd95(mask, truth) == pytest.approx(root)
        # Within 1 px: all of the mask's edge, 12 of 16 of the truth's: 2 * 0.75 / 1.75.
        assert metrics.boundary_f1(mask, truth, 1) == pytest.approx(1.5 / 1.75)
        assert metrics.boundary_f1(mask, truth, 1.5) == 1.0

    def test_the_pictures_border_is_an_edge(self):
        mask, truth = np.ones((4, 4), bool), box((4, 4), 0, 0, 4, 2)
        # The band of the full picture is its ring (12), the half's is all of it (8), 6 are in both.
        assert metrics.boundary_iou(mask, truth, 1) == pytest.approx(6 / 14)
        # Ring to half: 6 of 0 px, 2 of 1 px, 4 of 2 px. Half to ring: 6 of 0 px, 2 of 1 px.
        assert metrics.assd(mask, truth) == pytest.approx(12 / 20)
        assert metrics.hd95(mask, truth) == 2.0

    def test_hd95_interpolates_and_takes_the_worse_direction(self):
        # A row of 21 pixels against its first 20: the last one is 1 px off, the others are on it.
        truth, mask = box((1, 30), 0, 0, 1, 21), box((1, 30), 0, 0, 1, 20)
        # 21 ranks: rank 19 still holds 0.
        assert metrics.hd95(mask, truth) == 0.0
        # Against the first 18: ranks 18..20 hold 1, 2, 3, and rank 0.95 * 20 = 19 holds 2.
        assert metrics.hd95(box((1, 30), 0, 0, 1, 18), truth) == 2.0
        # 20 pixels against their first 17: rank 0.95 * 19 = 18.05 between 2 and 3.
        assert metrics.hd95(box((1, 30), 0, 0, 1, 17), mask) == pytest.approx(2.05)
        assert metrics.hd95(mask, box((1, 30), 0, 0, 1, 17)) == pytest.approx(2.05)

    @pytest.mark.parametrize(
        ("shape", "width"), [((512, 512), 14), ((1280, 1918), 46), ((16, 16), 1), ((30, 40), 1)]
    )
    def test_boundary_width(self, shape, width):
        # 2% of 724.1, 2305.9, 22.6 and 50 px: 14.48, 46.1, 0.45 and 1.0.
        assert metrics.boundary_width(shape) == width


class TestEmptyMasks:
    EMPTY = np.zeros((30, 40), bool)  # the diagonal is 50 px
    CAR = box((30, 40), 5, 5, 10, 20)

    def test_empty_against_empty_is_perfect(self):
        assert score(self.EMPTY, self.EMPTY) == PERFECT

    @pytest.mark.parametrize(("mask", "truth"), [(EMPTY, CAR), (CAR, EMPTY)])
    def test_a_missed_or_false_car_scores_nothing(self, mask, truth):
        scores = score(mask, truth)
        assert [getattr(scores, name) for name in HIGHER_IS_BETTER] == [0.0] * 9
        assert (scores.hd95, scores.assd) == (50.0, 50.0)

    def test_a_generous_tolerance_does_not_forgive_a_missed_car(self):
        assert metrics.boundary_f1(self.EMPTY, self.CAR, 1000) == 0.0

    def test_full_pictures_are_no_special_case(self):
        full = np.ones((30, 40), bool)
        assert score(full, full) == PERFECT


class TestAgainstBruteForce:
    def test_every_score(self):
        for mask, truth in random_pairs(300):
            there, back = brute_distances(mask, truth), brute_distances(truth, mask)
            both = np.concatenate([there, back])
            true, false, missed = mask & truth, mask & ~truth, truth & ~mask
            area = int(mask.sum() + truth.sum())
            width = max(1, round(0.02 * math.hypot(*mask.shape)))
            blank = 0.0 if area else 1.0
            expected = MaskScores(
                dice=2 * true.sum() / area if area else 1.0,
                iou=brute_iou(mask, truth),
                precision=true.sum() / (true | false).sum() if mask.any() else blank,
                recall=true.sum() / (true | missed).sum() if truth.any() else blank,
                boundary_iou=brute_iou(brute_band(mask, width), brute_band(truth, width)),
                boundary_iou_3px=brute_iou(brute_band(mask, 3), brute_band(truth, 3)),
                boundary_f1=brute_f1(there, back, 3.0),
                boundary_f1_1px=brute_f1(there, back, 1.0),
                boundary_f1_2px=brute_f1(there, back, 2.0),
                hd95=max((np.percentile(d, 95) for d in (there, back) if len(d)), default=0.0),
                assd=both.mean() if len(both) else 0.0,
            )
            assert astuple(score(mask, truth)) == pytest.approx(astuple(expected), abs=1e-12)

    @pytest.mark.parametrize("width", [1, 2, 5, 9])
    def test_boundary_iou_of_any_width(self, width):
        for mask, truth in random_pairs(60, seed=width):
            expected = brute_iou(brute_band(mask, width), brute_band(truth, width))
            assert metrics.boundary_iou(mask, truth, width) == pytest.approx(expected)

    def test_the_band_is_rounded_to_whole_pixels(self):
        mask, truth = box((30, 30), 3, 3, 20, 20), box((30, 30), 4, 5, 20, 20)
        exact = [metrics.boundary_iou(mask, truth, width) for width in (2, 3, 4)]
        assert exact == sorted(set(exact))
        assert metrics.boundary_iou(mask, truth, 2.6) == exact[1]
        assert metrics.boundary_iou(mask, truth, 3.4) == exact[1]

    @pytest.mark.parametrize("tolerance", [0.0, 1.0, 1.5, 2.0, 4.0])
    def test_boundary_f1_of_any_tolerance(self, tolerance):
        for mask, truth in random_pairs(60, seed=int(tolerance * 10)):
            there, back = brute_distances(mask, truth), brute_distances(truth, mask)
            expected = brute_f1(there, back, tolerance)
            assert metrics.boundary_f1(mask, truth, tolerance) == pytest.approx(expected)

    def test_a_picture_longer_than_opencv_can_measure(self):
        mask, truth = box((16, 70_000), 3, 10, 1, 1), box((16, 70_000), 6, 69_014, 1, 1)
        expected = math.sqrt(69_004**2 + 3**2)
        assert metrics.hd95(mask, truth) == expected
        assert metrics.hd95(mask.T, truth.T) == expected

    def test_a_distance_equal_to_the_tolerance_is_within(self):
        # Roots of whole numbers, such as 5 of 3 and 4, must not come out as 5.0000005.
        for down, right in np.ndindex(25, 25):
            mask, truth = box((40, 40), 3, 3, 1, 1), box((40, 40), 3 + down, 3 + right, 1, 1)
            distance = math.sqrt(down**2 + right**2)
            assert metrics.hd95(mask, truth) == distance
            assert metrics.boundary_f1(mask, truth, distance) == 1.0
            assert metrics.boundary_f1(mask, truth, max(0, distance - 1e-9)) == (distance == 0)


class TestProperties:
    def test_each_score_equals_the_function_of_its_name(self):
        for mask, truth in random_pairs(40, seed=1):
            scores = score(mask, truth)
            for name in ("dice", "iou", "precision", "recall", "boundary_f1", "hd95", "assd"):
                assert getattr(scores, name) == getattr(metrics, name)(mask, truth), name
            width = metrics.boundary_width(mask.shape)
            assert scores.boundary_iou == metrics.boundary_iou(mask, truth, width)
            assert scores.boundary_iou_3px == metrics.boundary_iou(mask, truth, 3)

    def test_scores_are_the_same_bits_every_time(self):
        for mask, truth in random_pairs(40, seed=9):
            expected = score(mask, truth)
            assert all(score(mask.copy(), truth.copy()) == expected for _ in range(5))

    def test_swapping_the_masks_swaps_precision_and_recall_alone(self):
        for mask, truth in random_pairs(60, seed=2):
            one, other = score(mask, truth), score(truth, mask)
            assert (one.precision, one.recall) == (other.recall, other.precision)
            for name in ("dice", "iou", "boundary_iou", "boundary_iou_3px", "boundary_f1", "hd95"):
                assert getattr(one, name) == getattr(other, name), name
            assert one.assd == pytest.approx(other.assd)

    def test_turned_and_flipped_pictures_score_the_same(self):
        for mask, truth in random_pairs(40, seed=4):
            expected = pytest.approx(astuple(score(mask, truth)), abs=1e-6)
            assert astuple(score(mask.T, truth.T)) == expected
            assert astuple(score(mask[::-1, ::-1], truth[::-1, ::-1])) == expected
            assert astuple(score(np.asfortranarray(mask), truth)) == expected

    def test_values_stay_in_range_and_finite(self):
        for mask, truth in random_pairs(200, seed=5):
            scores = score(mask, truth)
            assert all(0 <= getattr(scores, name) <= 1 for name in HIGHER_IS_BETTER)
            longest = math.hypot(*mask.shape) * (1 + 1e-12)  # a mean's last digit is rounded
            assert 0 <= scores.assd <= longest
            assert 0 <= scores.hd95 <= longest
            assert scores.iou <= scores.dice
            assert all(type(value) is float for value in astuple(scores))

    def test_a_mask_against_itself_is_perfect(self):
        for mask, _ in random_pairs(60, seed=6):
            assert score(mask, mask.copy()) == PERFECT

    @pytest.mark.parametrize("shift", [1, 2, 3, 7])
    def test_a_shifted_box_is_off_by_the_shift(self, shift):
        truth, mask = box((101, 99), 20, 20, 50, 50), box((101, 99), 20, 20 + shift, 50, 50)
        scores = score(mask, truth)
        assert scores.dice == pytest.approx(1 - shift / 50)
        assert scores.hd95 == shift
        assert scores.boundary_f1 == 1.0 if shift <= 3 else scores.boundary_f1 < 1

    def test_the_inputs_stay_as_they_were(self):
        for mask, truth in random_pairs(20, seed=7):
            before = mask.copy(), truth.copy()
            mask.setflags(write=False)
            truth.setflags(write=False)
            score(mask, truth)
            assert np.array_equal(mask, before[0])
            assert np.array_equal(truth, before[1])

    def test_one_pixel_everywhere_hides_in_dice_and_shows_at_the_edge(self):
        y, x = np.indices((512, 512))
        truth = ((y - 256) / 90) ** 2 + ((x - 256) / 160) ** 2 < 1
        mask = ndimage.binary_dilation(truth, np.ones((3, 3)))
        scores = score(mask, truth)
        assert scores.dice == pytest.approx(0.989, abs=0.001)
        assert scores.recall == 1.0
        assert scores.boundary_iou_3px < 0.6
        assert scores.boundary_iou_3px < scores.boundary_iou < 0.93
        assert scores.boundary_f1 == 1.0
        assert 1.0 <= scores.hd95 <= math.sqrt(2) + 1e-6


class TestPooling:
    def test_pooled_is_not_the_mean(self):
        # A large car found by half (dice 2/3) and a tiny one found whole (dice 1).
        large, tiny = Counts(50, 0, 50), Counts(2, 0, 0)
        pooled = metrics.pooled_scores([large, tiny])
        assert pooled == Counts(52, 0, 50)
        assert pooled.dice == pytest.approx(104 / 154)
        assert pooled.iou == pytest.approx(52 / 102)
        assert (pooled.precision, pooled.recall) == (1.0, pytest.approx(52 / 102))

    def test_pooling_equals_one_large_picture(self):
        rng = np.random.default_rng(8)
        pairs = [(rng.random((9, 11)) < 0.4, rng.random((9, 11)) < 0.6) for _ in range(5)]
        pooled = metrics.pooled_scores(metrics.counts(*pair) for pair in pairs)
        masks, truths = (np.concatenate(side) for side in zip(*pairs, strict=True))
        assert pooled == metrics.counts(masks, truths)

    def test_nothing_to_pool_is_an_error(self):
        with pytest.raises(DataError, match="no counts"):
            metrics.pooled_scores([])


class TestErrors:
    ONE_OF_EACH = (metrics.score, metrics.counts, metrics.dice, metrics.iou, metrics.precision)
    AND_THE_REST = (metrics.recall, metrics.hd95, metrics.assd, metrics.boundary_f1, edge_distances)

    @pytest.mark.parametrize("function", ONE_OF_EACH + AND_THE_REST)
    def test_sizes_that_differ(self, function):
        with pytest.raises(MaskError, match=r"20 x 16 px .* 16 x 20 px"):
            function(np.zeros((16, 20), bool), np.zeros((20, 16), bool))

    @pytest.mark.parametrize(
        "wrong",
        [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 1), bool), np.zeros((0, 4), bool)],
        ids=["dtype", "dimensions", "no pixels"],
    )
    def test_what_is_no_mask(self, wrong):
        right = np.zeros((4, 4), bool)
        with pytest.raises(MaskError, match="The mask"):
            score(wrong, right)
        with pytest.raises(MaskError, match="The true mask"):
            score(right, wrong)

    def test_settings_outside_their_range(self):
        mask = np.ones((4, 4), bool)
        for width in (0, 0.9, -3, math.nan, math.inf):
            with pytest.raises(ConfigError, match="edge band"):
                metrics.boundary_iou(mask, mask, width)
        for tolerance in (-1, math.nan, math.inf):
            with pytest.raises(ConfigError, match="tolerance"):
                metrics.boundary_f1(mask, mask, tolerance)
        for share in (0, -0.1, 1.1, math.nan):
            with pytest.raises(ConfigError, match="share of the diagonal"):
                metrics.boundary_width((10, 10), share)
