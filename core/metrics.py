"""How well a mask agrees with the true one: overlap, edge band and edge distance of each image.

One rule holds for every metric, so that an image never drops out of a mean and nothing is ever
NaN. Empty against empty is perfect: 1 for overlap and edges, 0 px of distance. If just one of the
two is empty (a missed car, or a car where there is none), it scores 0, and its distances are the
picture's diagonal.

The rows and columns outside the box that holds both masks never change a result, since all of it
is background to both, as is everything beyond the picture. So the work is done in that box.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError, MaskError
from core.masks import Mask, require_mask

Bits: TypeAlias = npt.NDArray[np.uint8]  # a mask as OpenCV wants it: uint8, 0 or 1
Distances: TypeAlias = npt.NDArray[np.float64]

EDGE_TOLERANCE = 3.0
"""How far off an edge pixel may be and still count as found, in px."""

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_OPENCV_SIDE = 30_000  # px; beyond, its float32 squares are too coarse to find the nearest pixel
_OPENCV_REACH = 1_000.0  # px; beyond, the square of its float32 distance isn't a sure integer


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


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class EdgeDistances:
    """How far the edge pixels of two masks lie from each other's edge.

    An edge pixel belongs to the mask and has a neighbour above, below, left or right that does
    not; beyond the picture is outside. The distance to an edge that doesn't exist is the
    picture's diagonal.
    """

    from_mask: Distances
    """From each edge pixel of the mask to the nearest one of the truth, float64 (N,), in px."""
    from_truth: Distances
    """From each edge pixel of the truth to the nearest one of the mask, float64 (M,), in px."""

    def boundary_f1(self, tolerance: float = EDGE_TOLERANCE) -> float:
        """Harmonic mean of the shares of both edges that lie within `tolerance` of the other.

        Args:
            tolerance: Largest distance that counts as a match, at least 0 px, inclusive.

        Returns:
            The score in [0, 1]: 1 if both edges are empty, 0 if one is.

        Raises:
            ConfigError: The tolerance is negative or not a number.

        Source: Csurka et al., "What is a good evaluation measure for semantic segmentation?",
        BMVC 2013, section 3.
        """
        if not 0 <= tolerance < math.inf:
            raise ConfigError(
                f"The edge tolerance is {tolerance} px; it must be 0 px or more. Try 3."
            )
        if not self.from_mask.size or not self.from_truth.size:
            return float(self.from_mask.size == self.from_truth.size)
        precision = float(np.mean(self.from_mask <= tolerance))
        recall = float(np.mean(self.from_truth <= tolerance))
        if precision + recall == 0:
            return 0.0
        return 2 * precision * recall / (precision + recall)

    @cached_property
    def hd95(self) -> float:
        """The larger one of both directions' 95th percentile, in px; 0 is perfect.

        Percentiles are interpolated linearly, and each direction has its own.

        Source: `compute_hausdorff_distance(percentile=95)` of MONAI and
        `compute_robust_hausdorff` of DeepMind's surface-distance, which both take the larger one.
        """
        directions = (self.from_mask, self.from_truth)
        return max((float(np.percentile(d, 95)) for d in directions if d.size), default=0.0)

    @cached_property
    def assd(self) -> float:
        """Average symmetric surface distance in px: the mean over all edge pixels of both masks.

        Source: Heimann et al., "Comparison and evaluation of methods for liver segmentation",
        IEEE TMI 2009, section II-C.
        """
        number = self.from_mask.size + self.from_truth.size
        if number == 0:
            return 0.0
        return float(self.from_mask.sum() + self.from_truth.sum()) / number


@dataclass(frozen=True)
class MaskScores:
    """Every score of one mask against the true one, or the mean of many."""

    dice: float
    """Dice, twice the overlap over the sum of both areas, in [0, 1]; higher is better."""
    iou: float
    """Intersection over union of both areas, in [0, 1]; higher is better."""
    precision: float
    """Share of the mask that is car in truth, in [0, 1]; higher is better."""
    recall: float
    """Share of the true car that the mask holds, in [0, 1]; higher is better."""
    boundary_iou: float
    """IoU of the bands along both edges, 2% of the diagonal wide, in [0, 1]; higher is better."""
    boundary_iou_3px: float
    """IoU of the bands along both edges, 3 px wide, in [0, 1]; higher is better."""
    boundary_f1: float
    """F1 of the edge pixels that match within the tolerance (3 px), in [0, 1]; higher is better."""
    hd95: float
    """95th percentile of the distance between both edges, in px, from 0 to the picture's
    diagonal; lower is better."""
    assd: float
    """Mean distance between both edges, in px, from 0 to the picture's diagonal; lower is
    better."""


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
    _require_pair(mask, truth)
    return _count(_as_bits(mask), _as_bits(truth))


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
    return float(max(1, round(share * _diagonal(shape))))


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
    ours, theirs = _joint_crop(mask, truth)
    return _band_iou(_depth(ours), _depth(theirs), width)


def edge_distances(mask: Mask, truth: Mask) -> EdgeDistances:
    """Distances between the edges of two bool masks (H, W), for F1 at several tolerances.

    Raises:
        MaskError: One of them is no mask, or their sizes differ.
    """
    ours, theirs = _joint_crop(mask, truth)
    return _edge_distances(ours, theirs, _diagonal(mask.shape))


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
    ours, theirs = _joint_crop(mask, truth)
    pixels = _count(ours, theirs)
    depth, true_depth = _depth(ours), _depth(theirs)
    edges = _edge_distances(ours, theirs, _diagonal(mask.shape))
    return MaskScores(
        dice=pixels.dice,
        iou=pixels.iou,
        precision=pixels.precision,
        recall=pixels.recall,
        boundary_iou=_band_iou(depth, true_depth, boundary_width(mask.shape)),
        boundary_iou_3px=_band_iou(depth, true_depth, 3),
        boundary_f1=edges.boundary_f1(),
        hd95=edges.hd95,
        assd=edges.assd,
    )


def mean_scores(scores: Sequence[MaskScores]) -> MaskScores:
    """The mean of every score over the images, each image with the same weight.

    Raises:
        DataError: There are no scores.
    """
    if not scores:
        raise DataError("There are no scores to average; score at least one image first.")
    return MaskScores(
        **{
            field.name: math.fsum(getattr(one, field.name) for one in scores) / len(scores)
            for field in fields(MaskScores)
        }
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


def _require_pair(mask: Mask, truth: Mask) -> None:
    require_mask(mask, "mask")
    require_mask(truth, "true mask")
    if mask.shape != truth.shape:
        raise MaskError(
            f"The mask is {mask.shape[1]} x {mask.shape[0]} px and the true mask is "
            f"{truth.shape[1]} x {truth.shape[0]} px; only masks of one size can be compared. "
            "Bring both to the photo's own size."
        )


def _joint_crop(mask: Mask, truth: Mask) -> tuple[Bits, Bits]:
    """Both masks inside the box that holds both, framed by 1 px of background.

    The frame tells OpenCV that beyond the box is outside, and an empty pair is a box of one pixel.
    """
    _require_pair(mask, truth)
    ours, theirs = _as_bits(mask), _as_bits(truth)
    left, top, width, height = cv2.boundingRect(cv2.bitwise_or(ours, theirs))
    box = np.s_[top : top + max(height, 1), left : left + max(width, 1)]
    return _framed(ours[box]), _framed(theirs[box])


def _framed(bits: Bits) -> Bits:
    return np.asarray(cv2.copyMakeBorder(bits, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)


def _as_bits(mask: Mask) -> Bits:
    return np.ascontiguousarray(mask).view(np.uint8)


def _count(ours: Bits, theirs: Bits) -> Counts:
    both = cv2.countNonZero(cv2.bitwise_and(ours, theirs))
    return Counts(both, cv2.countNonZero(ours) - both, cv2.countNonZero(theirs) - both)


def _depth(bits: Bits) -> npt.NDArray[np.float32]:
    """Erosions by a 3x3 square that each pixel does not survive: 0 outside, 1 at the edge.

    It is the chessboard distance to the background, so one pass serves bands of any width.
    """
    return np.asarray(cv2.distanceTransform(bits, cv2.DIST_C, cv2.DIST_MASK_3), np.float32)


def _band_iou(
    depth: npt.NDArray[np.float32], true_depth: npt.NDArray[np.float32], width: float
) -> float:
    ours = cv2.inRange(depth, 1.0, float(round(width)))
    theirs = cv2.inRange(true_depth, 1.0, float(round(width)))
    return _count(np.asarray(ours, np.uint8), np.asarray(theirs, np.uint8)).iou


def _edge_distances(ours: Bits, theirs: Bits, diagonal: float) -> EdgeDistances:
    our_edge, their_edge = _edge(ours), _edge(theirs)
    return EdgeDistances(
        from_mask=_distances(our_edge, their_edge, diagonal),
        from_truth=_distances(their_edge, our_edge, diagonal),
    )


def _edge(bits: Bits) -> Mask:
    return np.asarray(cv2.subtract(bits, cv2.erode(bits, _CROSS)), np.uint8).view(np.bool_)


def _distances(start: Mask, goal: Mask, diagonal: float) -> Distances:
    """From each pixel of `start` to the nearest one of `goal`, or `diagonal` if it has none."""
    if not goal.any():
        return np.full(np.count_nonzero(start), diagonal)
    away = np.logical_not(goal)
    if max(goal.shape) <= _OPENCV_SIDE:
        transform = cv2.distanceTransform(away.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        found = np.asarray(transform[start], np.float64)
        if found.max(initial=0) <= _OPENCV_REACH:
            # OpenCV's float32 root has a last digit that changes from call to call. What it is
            # the root of is a whole number, so rounding that makes the distance exact.
            return np.asarray(np.sqrt(np.rint(found**2)), np.float64)
    from scipy.ndimage import distance_transform_edt  # slower and larger, but without limits

    nearest = distance_transform_edt(away, return_distances=False, return_indices=True)
    steps = (nearest[:, start] - np.argwhere(start).T).astype(np.float64)
    return np.asarray(np.sqrt((steps**2).sum(axis=0)), np.float64)


def _diagonal(shape: tuple[int, ...]) -> float:
    return math.hypot(shape[0], shape[1])
