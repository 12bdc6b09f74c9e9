"""How well a mask agrees with the true one: overlap, edge band and edge distance of each image.

One rule holds for every metric, so that an image never drops out of a mean and nothing is ever
NaN. Empty against empty is perfect: 1 for overlap and edges, 0 px of distance. If just one of the
two is empty (a missed car, or a car where there is none), it scores 0, and its distances are the
picture's diagonal.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2

from core.edges import (
    EDGE_TOLERANCE,
    Bits,
    Depth,
    as_bits,
    distances_between,
    edge_band,
    edge_depth,
    edge_distances,
    joint_crop,
    require_pair,
)
from core.errors import ConfigError, DataError
from core.masks import Mask
from core.metric_table import MaskScores


@dataclass(frozen=True)
class Counts:
    """Pixel counts of a mask against the true one; add them up to pool images."""

    true_positive: int
    """Pixels that both masks call car."""
    false_positive: int
    """Pixels that the mask alone calls car (wrong)."""
    false_negative: int
    """Pixels that the truth alone calls car (missed)."""

    def __add__(self, other: "Counts") -> "Counts":
        """The counts of both, as if their images were one."""
        return Counts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
        )

    @property
    def dice(self) -> float:
        """Dice, 2 TP / (2 TP + FP + FN), in [0, 1]; 1 if both masks are empty."""
        wrong = self.false_positive + self.false_negative
        return self._share(2 * self.true_positive, 2 * self.true_positive + wrong)

    @property
    def iou(self) -> float:
        """Intersection over union, TP / (TP + FP + FN), in [0, 1]; 1 if both masks are empty."""
        wrong = self.false_positive + self.false_negative
        return self._share(self.true_positive, self.true_positive + wrong)

    @property
    def precision(self) -> float:
        """Share of the mask that is right, TP / (TP + FP); 0 for an empty mask of a real car."""
        return self._share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the car that was found, TP / (TP + FN); 0 where there is none to find."""
        return self._share(self.true_positive, self.true_positive + self.false_negative)

    def _share(self, part: int, whole: int) -> float:
        if whole > 0:
            return part / whole
        # Nothing to divide by: perfect if there was nothing at all, worthless otherwise.
        return 0.0 if self.false_positive or self.false_negative else 1.0


def dice(mask: Mask, truth: Mask) -> float:
    """Dice of two bool masks (H, W), in [0, 1]; raises MaskError like `score`."""
    return counts(mask, truth).dice


def iou(mask: Mask, truth: Mask) -> float:
    """Intersection over union of two bool masks (H, W), in [0, 1]; raises MaskError."""
    return counts(mask, truth).iou


def precision(mask: Mask, truth: Mask) -> float:
    """Share of the mask that is car in truth, in [0, 1]; 0 if the mask alone is empty.

    It is 1 if both are empty, and 0 if the truth alone is. Raises MaskError like `score`.
    """
    return counts(mask, truth).precision


def recall(mask: Mask, truth: Mask) -> float:
    """Share of the true car that the mask holds, in [0, 1]; 0 if the truth alone is empty.

    It is 1 if both are empty, and 0 if the mask alone is. Raises MaskError like `score`.
    """
    return counts(mask, truth).recall


def counts(mask: Mask, truth: Mask) -> Counts:
    """Pixel counts of a bool mask (H, W) against the true one; raises MaskError like `score`."""
    require_pair(mask, truth)
    return _count(as_bits(mask), as_bits(truth))


def boundary_width(shape: tuple[int, ...], share: float = 0.02) -> float:
    """Width of the edge band for a picture, in whole px, at least 1.

    Args:
        shape: The picture's shape; its first two entries are height and width in px.
        share: The band's share of the picture's diagonal, above 0 and at most 1.

    Raises:
        ConfigError: The share is outside its range.

    Source: Cheng et al., "Boundary IoU", CVPR 2021, and its reference implementation
    `mask_to_boundary`, which rounds in the same way.
    """
    if not 0 < share <= 1:
        raise ConfigError(
            f"The band's share of the diagonal is {share}; it must be above 0 and at most 1. "
            "The paper takes 0.02."
        )
    return float(max(1, round(share * math.hypot(*shape[:2]))))


def boundary_iou(mask: Mask, truth: Mask, width: float) -> float:
    """IoU of the two masks' inner edge bands.

    A band is the mask without its erosion by a 3x3 square, repeated `width` times, where
    everything beyond the picture is background: the picture's border is an edge, too.

    Args:
        mask: The mask to judge, bool (H, W).
        truth: The true mask, bool (H, W).
        width: Band width in px, at least 1, rounded to whole pixels. See `boundary_width`.

    Returns:
        The score in [0, 1].

    Raises:
        MaskError: One of them is no mask, or their sizes differ.
        ConfigError: The width is below 1 px.

    Source: Cheng et al., "Boundary IoU: Improving object-centric image segmentation evaluation",
    CVPR 2021, equation 2.
    """
    if not 1 <= width < math.inf:
        raise ConfigError(f"The edge band is {width} px wide; it must be 1 px or more. Try 3.")
    ours, theirs = joint_crop(mask, truth)
    return _band_iou(edge_depth(ours), edge_depth(theirs), width)


def boundary_f1(mask: Mask, truth: Mask, tolerance: float = EDGE_TOLERANCE) -> float:
    """F1 of the edge pixels that match within `tolerance` px; see `EdgeDistances.boundary_f1`."""
    return edge_distances(mask, truth).boundary_f1(tolerance)


def hd95(mask: Mask, truth: Mask) -> float:
    """95th percentile of the distance between the edges, in px; see `EdgeDistances.hd95`."""
    return edge_distances(mask, truth).hd95


def assd(mask: Mask, truth: Mask) -> float:
    """Average symmetric surface distance, in px; see `EdgeDistances.assd`."""
    return edge_distances(mask, truth).assd


def score(mask: Mask, truth: Mask) -> MaskScores:
    """Every score of a mask against the true one, with the work in common done once.

    Args:
        mask: The mask to judge, bool (H, W).
        truth: The true mask, bool (H, W).

    Returns:
        The scores; each equals that of the function of its name.

    Raises:
        MaskError: One of them is no mask, or their sizes differ.
    """
    ours, theirs = joint_crop(mask, truth)
    pixels = _count(ours, theirs)
    depth, true_depth = edge_depth(ours), edge_depth(theirs)
    edges = distances_between(ours, theirs, mask.shape)
    return MaskScores(
        dice=pixels.dice,
        iou=pixels.iou,
        precision=pixels.precision,
        recall=pixels.recall,
        boundary_iou=_band_iou(depth, true_depth, boundary_width(mask.shape)),
        boundary_iou_3px=_band_iou(depth, true_depth, 3),
        boundary_f1=edges.boundary_f1(),
        boundary_f1_1px=edges.boundary_f1(1),
        boundary_f1_2px=edges.boundary_f1(2),
        hd95=edges.hd95,
        assd=edges.assd,
    )


def pooled_scores(images: Iterable[Counts]) -> Counts:
    """The counts of all images as if they were one picture: its `dice` and `iou` are pooled.

    Raises:
        DataError: There are no counts.
    """
    each = list(images)
    if not each:
        raise DataError("There are no counts to pool; score at least one image first.")
    return sum(each, start=Counts(0, 0, 0))


def _count(ours: Bits, theirs: Bits) -> Counts:
    both = cv2.countNonZero(cv2.bitwise_and(ours, theirs))
    return Counts(both, cv2.countNonZero(ours) - both, cv2.countNonZero(theirs) - both)


def _band_iou(depth: Depth, true_depth: Depth, width: float) -> float:
    return _count(edge_band(depth, width), edge_band(true_depth, width)).iou
