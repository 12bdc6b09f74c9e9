"""How well wrong labels are found: errors are planted in 5% of a folder's masks, kind by kind.

The checkpoint predicts only cars that it was not trained on. What is printed for a kind of error:
the area under the ROC curve and the precision among the first k of the list that is made for that
kind, k being the number planted, beside the plain soft minimum of the label's probabilities
(temperature 0.1); means over several draws. The folder's own labels count as right.

    python benchmarks/wrong_labels.py --data DIR --checkpoint runs/carmask-studio-5 --out FOLDER
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import mannwhitneyu

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.masks import Mask  # noqa: E402
from core.truth import Truth  # noqa: E402
from training.commands.options import counting_bar  # noqa: E402
from training.data.folder import Sample, open_dataset, view_of  # noqa: E402
from training.data.sides import photo_digests  # noqa: E402
from training.review.judges import judges_of  # noqa: E402
from training.review.rows import ReviewRow  # noqa: E402
from training.review.run import extent_of  # noqa: E402
from training.review.scores import label_scores  # noqa: E402
from training.review.suspects import ListName, suspects  # noqa: E402

SHARE, DRAWS = 0.05, 20
WHEEL = 0.15
"""A wheel's radius as a share of the car's height."""
MIRROR, SMALL = 0.008, 0.003
"""A wing mirror's share of the car, as seen from the side, and something yet smaller."""
UPPER = 0.6
"""Share of the car's height from above in which mirrors are."""

Plant = Callable[[Mask, np.random.Generator], Mask]


def box_of(mask: Mask) -> tuple[int, int, int, int]:
    """Returns first and last row, and first and last column of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def without_wheel(mask: Mask, rng: np.random.Generator) -> Mask:
    """Cuts a disc out of the car where it touches the ground, and what is below it."""
    top, bottom, *_ = box_of(mask)
    radius = max(3, round(WHEEL * (bottom - top)))
    lowest = mask.shape[0] - 1 - mask[::-1].argmax(axis=0)
    touching = np.flatnonzero(mask.any(axis=0) & (lowest >= bottom - 0.08 * (bottom - top)))
    column = int(rng.choice(touching))
    row = int(lowest[column]) - radius
    cut = mask.astype(np.uint8)
    cv2.circle(cut, (column, row), radius, 0, -1)
    cut[row:, max(0, column - radius) : column + radius + 1] = 0
    return cut.astype(bool)


def without_part(share: float) -> Plant:
    """Returns what cuts a part of a share of the car away, at its edge."""

    def cut(mask: Mask, rng: np.random.Generator) -> Mask:
        top, bottom, *_ = box_of(mask)
        inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
        rows, columns = np.nonzero(mask & (inner == 0))
        upper = np.flatnonzero(rows < top + UPPER * (bottom - top))
        at = int(rng.choice(upper))
        down, across = np.ogrid[: mask.shape[0], : mask.shape[1]]
        away = np.where(mask, (down - rows[at]) ** 2 + (across - columns[at]) ** 2, 1 << 30)
        pixels = int(share * np.count_nonzero(mask))
        return mask & (away > np.partition(away.ravel(), pixels)[pixels])

    return cut


def with_gap_filled(mask: Mask, rng: np.random.Generator) -> Mask:
    """Fills the largest gap between the car and its convex hull."""
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    hull = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(hull, [cv2.convexHull(np.concatenate(contours))], 1)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(((hull > 0) & ~mask).astype(np.uint8))
    gap = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(mask | (labels == gap))


def mirrored(mask: Mask, rng: np.random.Generator) -> Mask:
    """Turns the mask over, left to right."""
    return mask[:, ::-1].copy()


def shifted(px: float) -> Plant:
    """Returns what shifts a mask in a direction of its own."""

    def shift(mask: Mask, rng: np.random.Generator) -> Mask:
        angle = rng.uniform(0, 2 * np.pi)
        moved = np.array([[1, 0, px * np.cos(angle)], [0, 1, px * np.sin(angle)]])
        moved[:, 2] = np.rint(moved[:, 2])
        size = mask.shape[::-1]
        return cv2.warpAffine(mask.astype(np.uint8), moved, size, flags=0).astype(bool)

    return shift


def dilated(px: int) -> Plant:
    """Returns what makes a mask larger on all sides."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    return lambda mask, rng: cv2.dilate(mask.astype(np.uint8), disc).astype(bool)


OTHER = "another car's mask"
KINDS: Mapping[str, tuple[ListName, Plant]] = {
    "missing wheel": ("parts", without_wheel),
    f"missing part, {MIRROR:.1%} (a mirror)": ("parts", without_part(MIRROR)),
    f"missing part, {SMALL:.1%}": ("parts", without_part(SMALL)),
    "filled gap": ("parts", with_gap_filled),
    OTHER: ("parts", mirrored),  # replaced by the mask of the same view of another car
    "mirrored": ("parts", mirrored),
    "shifted 4 px": ("edges", shifted(4)),
    "dilated 3 px": ("edges", dilated(3)),
}


def predicted(samples: Sequence[Sample], checkpoint: Path, out: Path) -> list[np.ndarray]:
    """Returns the probabilities of photos, uint8 of 255; each is predicted once and kept."""
    out.mkdir(parents=True, exist_ok=True)
    judge = judges_of([checkpoint], "cpu")[0]
    found = []
    with counting_bar("predict") as progress:
        for done, sample in enumerate(samples, start=1):
            path = out / f"{judge.fingerprint[:12]}_{sample.name}.npz"
            if not path.exists():
                probability = judge.model.predict(sample.read()[0]).probability
                np.savez_compressed(path, p=np.rint(probability * 255).astype(np.uint8))
            found.append(np.load(path)["p"])
            progress(done, len(samples))
    return found


def row_of(sample: Sample, mask: Mask, probability: np.ndarray) -> ReviewRow:
    """Returns the row of a photo with this mask as its label."""
    scores = label_scores(Truth(mask), probability.astype(np.float32) / 255)
    row = ReviewRow(sample.source, sample.name, sample.car, view_of(sample.name), network="0")
    return replace(
        row,
        label=extent_of(mask),
        gross=scores.gross,
        edge=scores.edge,
        soft_minimum=scores.soft_minimum,
    )


def figures(rows: Sequence[ReviewRow], planted: np.ndarray, name: ListName) -> np.ndarray:
    """Returns AUROC and precision at k of a list, then those of the soft minimum."""
    listed = {each.row.name: each.score for each in suspects(rows, name)}
    # An edge that can't be compared lies further off than any other.
    missing = np.inf if name == "edges" else 0.0
    ours = np.array([listed.get(row.name, missing) for row in rows])
    plain = np.array([-float(row.soft_minimum or 0) for row in rows])
    found = []
    for scores in (ours, plain):
        wins = mannwhitneyu(scores[planted], scores[~planted]).statistic
        first = np.argsort(-scores, kind="stable")[: planted.sum()]
        found += [wins / planted.sum() / (~planted).sum(), planted[first].mean()]
    return np.array(found)


def main() -> None:
    """Prints a line a kind of error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-studio-5")
    parser.add_argument("--out", type=Path, required=True, help="folder of kept predictions")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    everything = open_dataset(options.data).samples
    judge, digests = judges_of([options.checkpoint])[0], photo_digests(everything)
    samples = [sample for sample in everything if judge.has_not_seen(sample, digests)]
    probabilities = predicted(samples, options.checkpoint, options.out)
    masks = [sample.read()[1] for sample in samples]
    clean = [row_of(*each) for each in zip(samples, masks, probabilities, strict=True)]
    cars = len({sample.car for sample in samples})
    print(f"{len(samples)} photos of {cars} cars, {SHARE:.0%} planted, {DRAWS} draws")
    for name in ("parts", "edges", "siblings"):
        above = sum(each.is_suspected for each in suspects(clean, name))
        print(f"as they are, {name}: {above} suspected")
    print("| error | list | AUROC | precision at k | soft minimum: AUROC | precision at k |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(options.seed)
    count = max(1, round(SHARE * len(samples)))
    for kind, (name, plant) in KINDS.items():
        wrong = []
        for place, mask in enumerate(masks):
            if kind == OTHER:
                same = view_of(samples[place].name)
                others = [
                    at
                    for at, each in enumerate(samples)
                    if view_of(each.name) == same and each.car != samples[place].car
                ]
                bad = masks[int(rng.choice(others))]
            else:
                bad = plant(mask, rng)
            wrong.append(row_of(samples[place], bad, probabilities[place]))
        found = []
        for _ in range(DRAWS):
            planted = np.zeros(len(samples), bool)
            planted[rng.choice(len(samples), count, replace=False)] = True
            rows = [bad if p else ok for ok, bad, p in zip(clean, wrong, planted, strict=True)]
            found.append(figures(rows, planted, name))
        values = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
        print(f"| {kind} | {name} | {values} |", flush=True)


if __name__ == "__main__":
    main()
