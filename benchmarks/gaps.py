"""What gaps that the car encloses, such as those between spokes, cost in Boundary IoU.

A gap that the mask lacks, or has too many, misplaces a whole outline: it costs far more Boundary
IoU than its few pixels cost Dice. The scores are given for the photos with and without such gaps,
then for all of them with the gaps filled in mask and truth, which is what gaps drawn without error
come near to. A gap counts as found where the mask has one within 6 px.

    python benchmarks/gaps.py --checkpoint runs/carmask-studio-5 --data data/carvana512 \
        --split runs/carmask-studio/split.json
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.answers import answers, options_of_photos  # noqa: E402
from core.masks import Mask, MaskSettings, mask_from_probability  # noqa: E402
from core.metric_table import MaskScores  # noqa: E402
from core.metrics import score  # noqa: E402
from core.predict import Predictor  # noqa: E402

Labels = NDArray[np.int32]
"""The number of the gap that each pixel lies in, int32 (H, W), 0 outside gaps."""

LEAST = 6
"""Pixels of the smallest gap that counts."""
NEAR = 6
"""How far off a gap may lie and still be found, in px."""


def filled(mask: Mask) -> Mask:
    """Returns a mask (H, W) with the gaps filled that it encloses."""
    return mask_from_probability(mask.astype(np.float32), MaskSettings(fill_holes=True))


def gaps_of(mask: Mask) -> Labels:
    """Returns the gaps that a mask (H, W) encloses."""
    holes = (filled(mask) & ~mask).astype(np.uint8)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(holes, connectivity=8)
    large = facts[:, cv2.CC_STAT_AREA] >= LEAST
    return np.asarray(np.where(large[labels], labels, 0), np.int32)


def count(gaps: Labels) -> int:
    """Returns how many gaps there are."""
    return len(np.unique(gaps[gaps > 0]))


def found(gaps: Labels, others: Labels) -> int:
    """Returns how many of the gaps have one of the others within `NEAR` px."""
    square = np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)
    near = cv2.dilate((others > 0).astype(np.uint8), square) > 0
    return count(np.where(near, gaps, 0))


def line_of(scores: list[MaskScores]) -> str:
    """Returns the means of some photos' scores."""
    if not scores:
        return "no photo"
    means = (
        np.mean([getattr(each, name) for each in scores])
        for name in ("dice", "boundary_iou", "boundary_iou_3px")
    )
    dice, wide, narrow = means
    edges = f"Boundary IoU {wide:.3f} (2%), {narrow:.3f} (3 px)"
    return f"{len(scores)} photos, Dice {dice:.4f}, {edges}"


def main() -> None:
    """Draws each photo's mask and prints the scores."""
    options = options_of_photos(__doc__, ROOT / "runs" / "carmask-studio-5").parse_args()

    predictor = Predictor.load(options.checkpoint, "cpu")
    having: list[MaskScores] = []
    lacking: list[MaskScores] = []
    whole: list[MaskScores] = []
    totals: NDArray[np.int64] = np.zeros(4, np.int64)
    for _, truth, _, mask in answers(options, predictor, predictor.threshold):
        true, drawn = gaps_of(truth), gaps_of(mask)
        (having if true.any() else lacking).append(score(mask, truth))
        whole.append(score(filled(mask), filled(truth)))
        totals += np.array([found(true, drawn), count(true), found(drawn, true), count(drawn)])
    print(f"with gaps:    {line_of(having)}")
    print(f"without gaps: {line_of(lacking)}")
    print(f"all:          {line_of(having + lacking)}")
    print(f"gaps filled:  {line_of(whole)}")
    caught, there, real, drawn_ones = totals
    print(f"{caught} of {there} gaps are found, {real} of {drawn_ones} that are drawn are there")


if __name__ == "__main__":
    main()
