"""Curves and calibration against masks made for each threshold, and against plain counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from core.masks import MaskSettings, mask_from_probability
from core.metrics import counts
from tests.training.evaluation.tables import FACTS
from training.evaluation.curves import calibration_of, curves_of
from training.evaluation.measure import (
    THRESHOLDS,
    ImageRow,
    bins_of,
    edge_band_of,
    histogram_of,
    joined,
    no_histograms,
)
from training.evaluation.stored import StoredEvaluation

METRICS = ("dice", "iou", "precision", "recall")
Pair = tuple[NDArray[np.float32], NDArray[np.bool_]]


def pair(seed: int, kind: str = "car", shape: tuple[int, int] = (40, 60)) -> Pair:
    """A probability and a truth; values lie on thresholds and one step beside them, too."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    depth = 14 - np.hypot(yy - 20, (xx - 30) / 1.5)
    probability = 1 / (1 + np.exp(-depth + rng.normal(0, 1, shape)))
    probability = probability.astype(np.float32)
    exact = THRESHOLDS[rng.integers(0, 101, shape)]
    beside = np.clip(np.nextafter(exact, np.float32(rng.integers(0, 2))), 0, 1)
    at = rng.random(shape)
    probability = np.where(at < 0.1, exact, np.where(at < 0.2, beside, probability))
    truth = depth + rng.normal(0, 1, shape) > 0
    if kind == "no car":
        truth[:] = False
    if kind == "nothing":
        truth[:] = False
        probability[:] = 0.004
    return probability.astype(np.float32), truth


PAIRS = [pair(0), pair(1), pair(2, "no car"), pair(3, "nothing")]


def evaluation_of(pairs: list[Pair]) -> StoredEvaluation:
    """Returns an evaluation of these, and of one photo more that can't be read."""
    rows = [ImageRow("s", f"c{n}_01", f"c{n}", "01") for n in range(len(pairs))]
    rows.append(ImageRow("s", "z_01", "z", "01", error="damaged"))
    histograms = [*(histogram_of(*each) for each in pairs), no_histograms(1)]
    return StoredEvaluation(replace(FACTS), tuple(rows), joined(histograms))


def test_bins_agree_with_the_comparisons_of_masks() -> None:
    steps = [THRESHOLDS, *(np.nextafter(THRESHOLDS, np.float32(to)) for to in (0, 2))]
    probability = np.clip(np.stack(steps), 0, 1)
    bins = bins_of(probability)
    for k, threshold in enumerate(THRESHOLDS):
        assert np.array_equal(bins >= k, probability >= float(threshold))


def test_every_threshold_has_the_figures_of_its_masks() -> None:
    curves = curves_of(evaluation_of(PAIRS))
    assert curves.images == 4
    for k in range(101):
        settings = MaskSettings(threshold=k / 100)
        each = [counts(mask_from_probability(p, settings), truth) for p, truth in PAIRS]
        for metric in METRICS:
            expected = np.mean([getattr(pixels, metric) for pixels in each])
            assert getattr(curves, metric)[k] == pytest.approx(expected, abs=1e-12), (metric, k)
            assert curves.at(metric, k / 100) == getattr(curves, metric)[k]
    best = curves.best_threshold("dice")
    assert curves.at("dice", best) == curves.dice.max()


def test_of_equal_thresholds_the_middle_one_is_best() -> None:
    truth = np.zeros((20, 20), bool)
    truth[5:15, 5:15] = True
    perfect = np.where(truth, 0.7, 0.2).astype(np.float32)
    assert curves_of(evaluation_of([(perfect, truth)])).best_threshold() == 0.5
    high = np.where(truth, 0.9, 0.605).astype(np.float32)
    assert curves_of(evaluation_of([(high, truth)])).best_threshold("iou") == 0.61


def test_a_choice_of_rows_has_its_own_curves() -> None:
    chosen = np.array([False, True, False, False, True])
    part = curves_of(evaluation_of(PAIRS), chosen)
    alone = curves_of(evaluation_of(PAIRS[1:2]))
    assert part.images == 1 and np.array_equal(part.dice, alone.dice)
    with pytest.raises(DataError, match="can be read"):
        curves_of(evaluation_of(PAIRS), np.arange(5) == 4)
    with pytest.raises(ConfigError, match="from 0 to 1"):
        part.at("dice", 1.5)


@pytest.mark.parametrize("region", ["everywhere", "edge"])
def test_calibration_is_what_counting_says(region: str) -> None:
    calibration = calibration_of(evaluation_of(PAIRS), region)  # type: ignore[arg-type]
    inside = [
        np.ones_like(truth) if region == "everywhere" else edge_band_of(truth) for _, truth in PAIRS
    ]
    p = np.concatenate([each[0][at] for each, at in zip(PAIRS, inside, strict=True)])
    y = np.concatenate([each[1][at] for each, at in zip(PAIRS, inside, strict=True)])
    edges = THRESHOLDS[np.arange(0, 101, 5)]
    error = 0.0
    for group in range(20):
        high = edges[group + 1] if group < 19 else 2
        here = (p >= edges[group]) & (p < high)
        assert calibration.pixels[group] == here.sum()
        if here.any():
            assert calibration.share[group] == pytest.approx(y[here].mean())
            mean = p[here].astype(np.float64).mean()
            assert calibration.probability[group] == pytest.approx(mean, abs=1e-3)
            error += here.mean() * abs(y[here].mean() - mean)
    assert calibration.error == pytest.approx(error, abs=1e-4)


def test_an_honest_network_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random((400, 500)).astype(np.float32)
    truth = rng.random((400, 500)) < probability
    assert calibration_of(evaluation_of([(probability, truth)])).error < 0.01
    sure = np.where(probability > 0.5, 1.0, 0.0).astype(np.float32)
    overconfident = calibration_of(evaluation_of([(sure, truth)]))
    assert overconfident.error == pytest.approx(0.25, abs=0.01)
    assert np.isnan(overconfident.probability[10]) and overconfident.pixels[10] == 0
    nothing = np.zeros((400, 500), bool)
    assert np.isnan(calibration_of(evaluation_of([(sure, nothing)]), "edge").error)


def test_the_edge_band_lies_on_both_sides_and_not_along_the_border() -> None:
    truth = np.zeros((300, 400), bool)
    truth[:, 200:] = True
    band = edge_band_of(truth)  # 2% of 500 px
    assert band[:, 190:210].all() and band.sum() == 300 * 20
    assert not edge_band_of(np.ones((300, 400), bool)).any()


@pytest.mark.slow
def test_histograms_of_a_large_photo_are_exact() -> None:
    probability = np.zeros((4200, 4000), np.float32)  # more pixels than a float32 can count
    probability[0, 0] = 1.0
    counted = histogram_of(probability, np.zeros((4200, 4000), bool))
    assert counted.counts[0, 0, 0, 0] == 16_800_000 - 1 and counted.counts[0, 0, 0, 100] == 1
