"""What the probabilities of an evaluation say: each threshold's figures, and how far to believe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from training.evaluation.measure import EDGE, GROUPS, THRESHOLDS, Histograms
from training.evaluation.stored import StoredEvaluation

Numbers = NDArray[np.float64]
Chosen = NDArray[np.bool_]
"""Which rows to take, bool (N,)."""
CurveMetric = Literal["dice", "iou", "precision", "recall"]
Region = Literal["everywhere", "edge"]

_FIRST_OF_GROUP = np.arange(GROUPS) * 5


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class ThresholdCurves:
    """Means over photos for each threshold, of masks without clean-up; all arrays are (101,)."""

    thresholds: Numbers
    """0.00, 0.01, ... 1.00."""
    dice: Numbers
    iou: Numbers
    precision: Numbers
    recall: Numbers
    images: int
    """Photos that the means are over."""

    def best_threshold(self, metric: CurveMetric = "dice") -> float:
        """Returns the threshold with the highest mean; of several the one nearest to 0.5."""
        curve: Numbers = getattr(self, metric)
        best = self.thresholds[curve == curve.max()]
        return float(best[np.argmin(np.abs(best - 0.5))])

    def at(self, metric: CurveMetric, threshold: float) -> float:
        """Returns the mean at the threshold of the curve that is nearest to one in [0, 1].

        Raises:
            ConfigError: The threshold is out of its range.
        """
        if not 0 <= threshold <= 1:
            raise ConfigError(f"The threshold is {threshold}; it must be from 0 to 1.")
        curve: Numbers = getattr(self, metric)
        return float(curve[round(threshold * 100)])


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often a pixel is car among those that were given about one probability; arrays (20,).

    Group k holds the probabilities from k/20 up to below (k + 1)/20, the last one 1 as well. Pixels
    of all photos are counted together.
    """

    probability: Numbers
    """Mean probability of the group's pixels; NaN where it has none."""
    share: Numbers
    """Share of them that is car in truth; NaN where it has none."""
    pixels: NDArray[np.int64]
    """How many pixels it has."""

    @property
    def error(self) -> float:
        """Expected calibration error in [0, 1]: how far both lie apart, weighed by pixels.

        NaN where there is no pixel at all.

        Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3, for
        the probability of car instead of the confidence in the chosen class.
        """
        if not self.pixels.any():
            return float("nan")
        apart = np.nan_to_num(np.abs(self.share - self.probability))
        return float(np.average(apart, weights=self.pixels))


def curves_of(evaluation: StoredEvaluation, chosen: Chosen | None = None) -> ThresholdCurves:
    """Returns Dice, IoU, precision and recall for every threshold.

    Args:
        evaluation: What the network said of each photo.
        chosen: Which of its rows to take; by default all. Photos that can't be read never count.

    Raises:
        DataError: None of the photos can be read.
    """
    pixels = _readable(evaluation, chosen).everywhere
    if not len(pixels):
        raise DataError("None of these photos can be read, so there is no curve; choose others.")
    # A mask holds the bins from its threshold on.
    false, true = (np.cumsum(pixels[:, car, ::-1], axis=1)[:, ::-1] for car in (0, 1))
    missed = true[:, :1] - true  # the first threshold, 0, takes every pixel
    wrong = false + missed
    return ThresholdCurves(
        thresholds=THRESHOLDS.astype(np.float64).round(2),
        dice=_mean_share(2 * true, 2 * true + wrong, wrong),
        iou=_mean_share(true, true + wrong, wrong),
        precision=_mean_share(true, true + false, wrong),
        recall=_mean_share(true, true + missed, wrong),
        images=len(pixels),
    )


def calibration_of(
    evaluation: StoredEvaluation, region: Region = "everywhere", chosen: Chosen | None = None
) -> Calibration:
    """Returns how far the probabilities can be believed.

    Args:
        evaluation: What the network said of each photo.
        region: All pixels, or the band along the true edge (2% of the diagonal on either side),
            without which the easy pixels far from it outweigh all others.
        chosen: Which of its rows to take; by default all.
    """
    histograms = _readable(evaluation, chosen)
    counts = histograms.everywhere if region == "everywhere" else histograms.edge
    sums = histograms.sums.sum(axis=1) if region == "everywhere" else histograms.sums[:, EDGE]
    grouped = np.add.reduceat(counts.sum(axis=0), _FIRST_OF_GROUP, axis=1)
    pixels = grouped.sum(axis=0)
    with np.errstate(invalid="ignore"):  # a group without pixels is NaN
        return Calibration(sums.sum(axis=0) / pixels, grouped[1] / pixels, pixels)


def _readable(evaluation: StoredEvaluation, chosen: Chosen | None) -> Histograms:
    good = (evaluation.rows["error"] == "").to_numpy(bool)
    return evaluation.histograms.take(good if chosen is None else good & chosen)


def _mean_share(
    part: NDArray[np.int64], whole: NDArray[np.int64], wrong: NDArray[np.int64]
) -> Numbers:
    """Returns the mean over photos of part / whole, (101,), by the rule of `core.metrics`.

    Where there is nothing to divide by, it is 1 if there was nothing at all, and 0 otherwise.
    """
    nothing = np.where(wrong == 0, 1.0, 0.0)
    return np.asarray(np.where(whole > 0, part / np.maximum(whole, 1), nothing).mean(axis=0))
