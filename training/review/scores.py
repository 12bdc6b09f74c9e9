"""How far a label and a prediction of a network that never saw the car contradict each other.

All lengths are in px of the label, or of the network's grid where that one is coarser: what a
network can't resolve is no fault of a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.edges import as_bits, require_pair
from core.masks import Mask, Probability, require_probability
from core.truth import Truth

TOLERANCE = 2.0
"""Px on either side of the label's edge in which nothing counts as a contradiction."""
CONFIDENT = 0.9
"""Probability of car, or of no car, from which the network counts as confident."""
FAR = 12.0
"""Px beyond which the label's edge has nothing to do with the predicted one: there a part is
missing, or too much, which is what contradictions are for."""
TEMPERATURE = 0.1
"""Of the soft minimum."""
_LEAST_EDGE = 24
"""Edge pixels that a mean offset needs at least."""
_CORE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))

Kind = Literal["missing", "extra"]


@dataclass(frozen=True)
class Contradiction:
    """The connected part of a photo in which a confident network contradicts the label most."""

    kind: Kind
    """"missing": the network sees car where the label has none; "extra": the other way round."""
    area: int
    """Px of the photo."""
    confidence: float
    """Mean probability that the label is wrong there, in [0, 1]."""
    box: tuple[int, int, int, int]
    """Left, top, width and height in px of the photo."""
    weight: float
    """Its area times its confidence as a share of the car, whichever of label and prediction is
    larger; 1 for a label that has nothing to do with the car."""


@dataclass(frozen=True)
class EdgeOffset:
    """How the label's edge lies to the predicted one.

    The offsets along the edge are fitted by a mean and a shift, offset = mean + normal * shift:
    a dilated label has a mean, a shifted one offsets of opposite signs on opposite sides.
    """

    mean: float
    """Mean signed offset in px; above 0 the label reaches further out than the prediction."""
    right: float
    """How far the label is shifted to the right, in px."""
    down: float
    rest: float
    """Mean distance of the edges that is left when both are taken off, in px."""


@dataclass(frozen=True)
class LabelScores:
    """What speaks against the label of one photo."""

    gross: Contradiction | None
    """None where a confident network contradicts nothing."""
    edge: EdgeOffset | None
    """None where label or prediction has no edge, or they lie too far apart."""
    soft_minimum: float
    """Soft minimum of the probabilities of the label's pixels, in [0, 1]; low is suspicious.

    Source: Lad and Mueller, "Estimating label quality and errors in semantic segmentation data via
    any model", 2023.
    """


def label_scores(truth: Truth, probability: Probability, threshold: float = 0.5) -> LabelScores:
    """Returns what speaks against a label.

    Args:
        truth: The label, at the photo's size.
        probability: Probability of car, float32 (h, w) in [0, 1], on the network's grid.
        threshold: Probability from which a pixel is predicted car, in [0, 1].

    Raises:
        MaskError: Label or probability has a wrong shape, dtype or range.
    """
    require_probability(probability)
    photo = truth.car.shape
    label, ignored, predicted = _on_one_grid(truth, probability)
    mask = predicted >= np.float32(threshold)
    require_pair(mask, label)
    scale = photo[1] / label.shape[1]
    return LabelScores(
        gross=_largest_contradiction(label, ignored, predicted, scale),
        edge=edge_offset(label, mask, ignored),
        soft_minimum=_soft_minimum(label, ignored, predicted),
    )


def edge_offset(label: Mask, predicted: Mask, ignored: Mask | None = None) -> EdgeOffset | None:
    """Returns how a label's edge lies to a predicted one; None where that can't be told.

    Args:
        label: bool (H, W).
        predicted: bool (H, W).
        ignored: Where nobody judges, bool (H, W).
    """
    if not label.any() or not predicted.any():
        return None
    bits = as_bits(label)
    inner = cv2.erode(bits, _CORE, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    edge = label & (inner == 0)
    if ignored is not None:
        edge &= cv2.dilate(as_bits(ignored), _CORE) == 0
    rows, columns = np.nonzero(edge)
    # From the pixel's centre, which lies half a pixel inside the label's edge.
    offsets = _signed_distance(predicted)[rows, columns] + 0.5
    smooth = cv2.GaussianBlur(bits.astype(np.float32), (0, 0), 2.0)
    across = -cv2.Scharr(smooth, cv2.CV_32F, 1, 0)[rows, columns]
    along = -cv2.Scharr(smooth, cv2.CV_32F, 0, 1)[rows, columns]
    length = np.hypot(across, along)
    near = (np.abs(offsets) <= FAR) & (length > 1e-6)
    if np.count_nonzero(near) < max(_LEAST_EDGE, len(rows) / 4):
        return None
    normals = np.stack([across, along], axis=1)[near] / length[near, None]
    offsets = offsets[near].astype(np.float64)
    design = np.column_stack([np.ones(len(offsets)), normals]).astype(np.float64)
    fitted = np.linalg.lstsq(design, offsets, rcond=None)[0]
    rest = np.abs(offsets - design @ fitted)
    mean, right, down = (float(value) for value in fitted)
    return EdgeOffset(mean, right, down, float(rest.mean()))


def _on_one_grid(
    truth: Truth, probability: Probability
) -> tuple[Mask, Mask | None, NDArray[np.float32]]:
    """Returns label, ignored pixels and probability at the label's size or the coarser grid's."""
    height, width = truth.car.shape
    shrink = min(1.0, max(probability.shape) / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    if size == (width, height):
        label, ignored = truth.car, truth.ignored
    else:
        label = _reduced(truth.car, size)
        ignored = None if truth.ignored is None else _reduced(truth.ignored, size)
    predicted = probability.astype(np.float32, copy=False)
    if predicted.shape != label.shape:
        larger = predicted.shape[1] > size[0]
        how = cv2.INTER_AREA if larger else cv2.INTER_LINEAR
        predicted = np.asarray(cv2.resize(predicted, size, interpolation=how), np.float32)
    return label, ignored, np.clip(predicted, 0.0, 1.0)


def _reduced(mask: Mask, size: tuple[int, int]) -> Mask:
    share = cv2.resize(as_bits(mask).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share >= 0.5)


def _largest_contradiction(
    label: Mask, ignored: Mask | None, probability: NDArray[np.float32], scale: float
) -> Contradiction | None:
    clear = np.abs(_signed_distance(label)) > TOLERANCE
    if ignored is not None:
        clear &= ~ignored
    car = max(np.count_nonzero(label), np.count_nonzero(probability >= 0.5), 1)
    found: list[Contradiction] = []
    kinds: tuple[tuple[Kind, NDArray[np.float32], Mask], ...] = (
        ("missing", probability, ~label),
        ("extra", 1 - probability, label),
    )
    for kind, against, where in kinds:
        contradicted = as_bits(where & clear & (against >= CONFIDENT))
        # What is thinner than three pixels is an edge, an antenna or a gap that no network sees.
        parts = cv2.morphologyEx(contradicted, cv2.MORPH_OPEN, _CORE)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(parts, connectivity=8)
        if count < 2:
            continue
        sums = np.bincount(labels.ravel(), against.ravel(), count)
        part = 1 + int(np.argmax(sums[1:]))
        area = int(stats[part, cv2.CC_STAT_AREA])
        left, top, width, height = (round(v * scale) for v in stats[part, :4])
        found.append(
            Contradiction(
                kind,
                round(area * scale**2),
                float(sums[part] / area),
                (left, top, max(1, width), max(1, height)),
                min(1.0, float(sums[part] / car)),
            )
        )
    return max(found, key=lambda each: each.weight, default=None)


def _signed_distance(mask: Mask) -> NDArray[np.float32]:
    """Returns the distance of each pixel's centre to a mask's edge in px, below 0 inside."""
    bits = as_bits(mask)
    inside, outside = (
        cv2.distanceTransform(each, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for each in (bits, 1 - bits)
    )
    return np.asarray(np.where(mask, 0.5 - inside, outside - 0.5), np.float32)


def _soft_minimum(label: Mask, ignored: Mask | None, probability: NDArray[np.float32]) -> float:
    own = np.where(label, probability, 1 - probability)
    own = (own if ignored is None else own[~ignored]).astype(np.float64).ravel()
    if not own.size:
        return 1.0
    weights = np.exp((own.min() - own) / TEMPERATURE)
    return float((own * weights).sum() / weights.sum())
