"""Edges of two masks: the bands along them and how far they lie from each other.

The rows and columns outside the box that holds both masks never change a result, since all of it
is background to both, as is everything beyond the picture. So the work is done in that box.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, MaskError
from core.masks import Mask, require_mask

Bits: TypeAlias = npt.NDArray[np.uint8]
"""A mask as OpenCV wants it: uint8 (H, W), 0 outside, any other value inside."""
Depth: TypeAlias = npt.NDArray[np.float32]
"""How deep inside a mask each pixel lies, float32 (H, W), in px: 0 outside, 1 at the edge."""
Distances: TypeAlias = npt.NDArray[np.float64]
"""Distances of edge pixels, float64 (N,), in px."""

EDGE_TOLERANCE = 3.0
"""How far off an edge pixel may be and still count as found, in px."""

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_OPENCV_SIDE = 30_000  # px; beyond, its float32 squares are too coarse to find the nearest pixel
_OPENCV_REACH = 1_000.0  # px; beyond, the square of its float32 distance isn't a sure integer
_THIN = 24  # pixels of the picture for each one of both edges; with fewer, a map is faster


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


def edge_distances(mask: Mask, truth: Mask) -> EdgeDistances:
    """Distances between the edges of two bool masks (H, W), for F1 at several tolerances.

    Raises:
        MaskError: One of them is no mask, or their sizes differ.
    """
    return distances_between(*joint_crop(mask, truth), mask.shape)


def distances_between(ours: Bits, theirs: Bits, shape: tuple[int, ...]) -> EdgeDistances:
    """Distances between the edges of the two masks of a `joint_crop`.

    Args:
        ours: The mask to judge, uint8 (h, w).
        theirs: The true mask, uint8 (h, w).
        shape: The whole picture's shape; its first two entries are height and width in px.
    """
    our_edge, their_edge = _edge(ours), _edge(theirs)
    diagonal = math.hypot(*shape[:2])
    return EdgeDistances(
        from_mask=_distances(our_edge, their_edge, diagonal),
        from_truth=_distances(their_edge, our_edge, diagonal),
    )


def edge_depth(bits: Bits) -> Depth:
    """How many erosions by a 3x3 square take each pixel away: 0 outside, 1 at the edge.

    It is the chessboard distance to the background, so one pass serves bands of any width.

    Args:
        bits: A mask of a `joint_crop`, uint8 (h, w), with background all around it.
    """
    return np.asarray(cv2.distanceTransform(bits, cv2.DIST_C, cv2.DIST_MASK_3), np.float32)


def edge_band(depth: Depth, width: float) -> Bits:
    """The band of a mask's pixels along its edge, uint8 (h, w), 0 or 255.

    Args:
        depth: The mask's `edge_depth`, float32 (h, w).
        width: Band width in px, at least 1, rounded to whole pixels.
    """
    return np.asarray(cv2.inRange(depth, 1.0, float(round(width))), np.uint8)


def require_pair(mask: Mask, truth: Mask) -> None:
    """Raise MaskError unless both are bool masks (H, W) of one size."""
    require_mask(mask, "mask")
    require_mask(truth, "true mask")
    if mask.shape != truth.shape:
        raise MaskError(
            f"The mask is {mask.shape[1]} x {mask.shape[0]} px and the true mask is "
            f"{truth.shape[1]} x {truth.shape[0]} px; only masks of one size can be compared. "
            "Bring both to the photo's own size."
        )


def joint_crop(mask: Mask, truth: Mask) -> tuple[Bits, Bits]:
    """Both masks inside the box that holds both, framed by 1 px of background.

    The frame tells OpenCV that beyond the box is outside, and an empty pair is a box of one pixel.

    Args:
        mask: The mask to judge, bool (H, W).
        truth: The true mask, bool (H, W).

    Returns:
        Both, uint8 (h, w), 0 or 1.

    Raises:
        MaskError: One of them is no mask, or their sizes differ.
    """
    require_pair(mask, truth)
    ours, theirs = as_bits(mask), as_bits(truth)
    left, top, width, height = cv2.boundingRect(cv2.bitwise_or(ours, theirs))
    box = np.s_[top : top + max(height, 1), left : left + max(width, 1)]
    return _framed(ours[box]), _framed(theirs[box])


def _framed(bits: Bits) -> Bits:
    return np.asarray(cv2.copyMakeBorder(bits, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)


def as_bits(mask: Mask) -> Bits:
    """A bool mask (H, W) as uint8 (H, W), 0 or 1; a view of it where its memory allows."""
    return np.ascontiguousarray(mask).view(np.uint8)


def _edge(bits: Bits) -> Mask:
    return np.asarray(cv2.subtract(bits, cv2.erode(bits, _CROSS)), np.uint8).view(np.bool_)


def _distances(start: Mask, goal: Mask, diagonal: float) -> Distances:
    """From each pixel of `start` to the nearest one of `goal`, or `diagonal` if it has none.

    Edges are thin, so that asking a tree for each of their pixels takes less than half of the time
    that a map of all distances does; of masks that are all edge it would take longer.
    """
    starts, goals = np.count_nonzero(start), np.count_nonzero(goal)
    if not goals:
        return np.full(starts, diagonal)
    dense = starts + goals > goal.size / _THIN
    if dense and max(goal.shape) <= _OPENCV_SIDE:
        away = np.logical_not(goal).view(np.uint8)
        found = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[start]
        if found.max(initial=0) <= _OPENCV_REACH:
            # OpenCV's float32 root has a last digit that changes from call to call. What it is
            # the root of is a whole number, so rounding that makes the distance exact.
            return np.asarray(np.sqrt(np.rint(np.asarray(found, np.float64) ** 2)), np.float64)
    from scipy.spatial import cKDTree  # half a second that a page need not wait for

    return np.asarray(cKDTree(_places(goal)).query(_places(start))[0], np.float64)


def _places(pixels: Mask) -> npt.NDArray[np.int32]:
    """The places (x, y) of true pixels, row by row, int32 (N, 2)."""
    found = cv2.findNonZero(pixels.view(np.uint8))
    return np.zeros((0, 2), np.int32) if found is None else np.reshape(found, (-1, 2))
