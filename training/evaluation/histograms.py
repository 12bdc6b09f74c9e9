"""How often each probability occurs in a photo: for car and the rest, at the edge and elsewhere.

Enough to know Dice, IoU, precision and recall of every threshold and how far a probability can be
believed, for any choice of photos, without the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.masks import Mask, Probability
from core.metrics import boundary_width

THRESHOLDS: NDArray[np.float32] = (np.arange(101) / 100).astype(np.float32)
"""0.00, 0.01, ... 1.00: bin k holds the probabilities from THRESHOLDS[k] up to below the next."""
GROUPS = 20
"""Groups of five bins (the last one of six) over which probabilities are added up."""
ELSEWHERE, EDGE = 0, 1
"""Regions: `EDGE` is the band along the true edge, 2% of the diagonal wide on either side."""

_GROUP_OF_BIN = np.minimum(np.arange(101) // 5, GROUPS - 1)


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class Histograms:
    """The histograms of N photos; of one that can't be read they are all 0."""

    counts: NDArray[np.int64]
    """Pixels, (N, 2, 2, 101): by region (elsewhere, edge), truth (not car, car) and bin."""
    sums: NDArray[np.float64]
    """Sum of the probabilities, (N, 2, 20), to the hundredth: by region and group of bins."""

    def __len__(self) -> int:
        """The number of photos."""
        return len(self.counts)

    @property
    def everywhere(self) -> NDArray[np.int64]:
        """Pixels of the whole photos, (N, 2, 101): by truth (not car, car) and bin."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def edge(self) -> NDArray[np.int64]:
        """Pixels of the edge bands, (N, 2, 101): by truth (not car, car) and bin."""
        return self.counts[:, EDGE]

    def take(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> Histograms:
        """Returns the histograms of some photos, by their places or by a bool (N,)."""
        return Histograms(self.counts[places], self.sums[places])


def no_histograms(photos: int) -> Histograms:
    """Returns histograms that are all 0, as those of photos that can't be read."""
    return Histograms(np.zeros((photos, 2, 2, 101), np.int64), np.zeros((photos, 2, GROUPS)))


def joined(histograms: Sequence[Histograms]) -> Histograms:
    """Returns the histograms of all photos, in order."""
    if not histograms:
        return no_histograms(0)
    return Histograms(
        np.concatenate([each.counts for each in histograms]),
        np.concatenate([each.sums for each in histograms]),
    )


def histogram_of(probability: Probability, truth: Mask, ignored: Mask | None = None) -> Histograms:
    """Returns the histograms of one photo (N = 1).

    Args:
        probability: Probability of car, float32 (H, W) in [0, 1].
        truth: The true mask, bool (H, W).
        ignored: Pixels that are not counted, bool (H, W); None counts all.
    """
    # Code of region, truth and bin, 0..403, so that one count serves all of them.
    code = bins_of(probability)
    group = _GROUP_OF_BIN.astype(np.uint16)[code]
    code += np.uint16(101) * truth
    band = edge_band_of(truth)
    code += np.uint16(202) * band
    group += np.uint16(GROUPS) * band
    if ignored is not None:
        judged = ~ignored
        code, group, probability = code[judged], group[judged], probability[judged]
    counts = np.bincount(code.ravel(), minlength=404).reshape(1, 2, 2, 101)
    sums = np.bincount(group.ravel(), probability.ravel(), 2 * GROUPS).reshape(1, 2, GROUPS)
    return Histograms(counts.astype(np.int64), np.rint(sums * 100) / 100)


def bins_of(probability: Probability) -> NDArray[np.uint16]:
    """Returns the bin of each pixel, (H, W) from 0 to 100, by the comparisons that masks use.

    Most pixels lie below 0.01 or, within the car, at or above 0.99; only the others are looked up.
    """
    bins = np.zeros(probability.shape, np.uint16)
    bins[probability >= THRESHOLDS[99]] = 99
    bins[probability >= THRESHOLDS[100]] = 100
    between = (probability >= THRESHOLDS[1]) & (probability < THRESHOLDS[99])
    bins[between] = np.searchsorted(THRESHOLDS, probability[between], side="right") - 1
    return bins


def edge_band_of(truth: Mask) -> Mask:
    """Returns the band along a true edge, bool (H, W): 2% of the diagonal wide on either side.

    Unlike the bands of Boundary IoU it lies on both sides, and the picture's border is no edge: no
    network has to find it.

    Args:
        truth: The true mask, bool (H, W).
    """
    side = 2 * int(boundary_width(truth.shape)) + 1
    square = np.ones((side, side), np.uint8)
    bits = np.ascontiguousarray(truth).view(np.uint8)
    grown = np.asarray(cv2.dilate(bits, square), np.uint8)
    return np.asarray(grown > cv2.erode(bits, square), np.bool_)
