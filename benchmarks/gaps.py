"""What gaps that the car encloses, such as those between spokes, cost in Boundary IoU.

A gap that the mask lacks, or has too many, misplaces a whole outline: it costs far more Boundary
IoU than its few pixels cost Dice. The scores are given for the photos with and without such gaps,
then for all of them with the gaps filled in mask and truth, which is what gaps drawn without error
come near to. A gap counts as found where the mask has one within 6 px.

    python benchmarks/gaps.py --checkpoint runs/carmask-studio-4 --data data/carvana512 \
        --split runs/carmask-studio/split.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.masks import Mask, MaskSettings, mask_from_probability  # noqa: E402
from core.metrics import MaskScores, score  # noqa: E402
from core.predict import Predictor  # noqa: E402
from core.preprocess import enlarge  # noqa: E402
from training.evaluation.images import open_images  # noqa: E402
from training.progress_bar import counting_bar  # noqa: E402

LEAST = 6
"""Pixels of the smallest gap that counts."""
NEAR = 6
"""How far off a gap may lie and still be found, in px."""


def gaps_of(mask: Mask) -> list[Mask]:
    """Returns the gaps that a mask (H, W) encloses, each as a mask (H, W)."""
    holes = binary_fill_holes(mask) & ~mask
    number, places, facts, _ = cv2.connectedComponentsWithStats(
        holes.astype(np.uint8), connectivity=8
    )
    large = [n for n in range(1, number) if facts[n, cv2.CC_STAT_AREA] >= LEAST]
    return [places == n for n in large]


def found(gaps: list[Mask], others: list[Mask], shape: tuple[int, ...]) -> int:
    """Returns how many of the gaps have one of the others within `NEAR` px."""
    union = np.zeros(shape, np.uint8)
    for other in others:
        union |= other.astype(np.uint8)
    near = cv2.dilate(union, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)) > 0
    return sum(bool((gap & near).any()) for gap in gaps)


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-studio-4")
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--split", type=Path, help="a run's split.json: its validation photos only")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth photo")
    options = parser.parse_args()

    images = open_images(options.data, None, options.split, "val" if options.split else "all")
    predictor = Predictor.load(options.checkpoint, "cpu")
    settings = MaskSettings(predictor.threshold)
    having: list[MaskScores] = []
    lacking: list[MaskScores] = []
    filled: list[MaskScores] = []
    totals: NDArray[np.int64] = np.zeros(4, np.int64)
    chosen = images.samples[:: options.every]
    with counting_bar("look") as progress:
        for done, sample in enumerate(chosen, start=1):
            photo, truth = sample.read()
            probability = predictor.answer(photo).probability
            mask = mask_from_probability(enlarge(probability, *truth.shape), settings)
            true, drawn = gaps_of(truth), gaps_of(mask)
            (having if true else lacking).append(score(mask, truth))
            filled.append(score(binary_fill_holes(mask), binary_fill_holes(truth)))
            right = found(true, drawn, truth.shape), found(drawn, true, truth.shape)
            totals += np.array([right[0], len(true), right[1], len(drawn)])
            progress(done, len(chosen))
    print(f"with gaps:    {line_of(having)}")
    print(f"without gaps: {line_of(lacking)}")
    print(f"all:          {line_of(having + lacking)}")
    print(f"gaps filled:  {line_of(filled)}")
    caught, there, real, drawn_ones = totals
    print(f"{caught} of {there} gaps are found, {real} of {drawn_ones} that are drawn are there")


if __name__ == "__main__":
    main()
