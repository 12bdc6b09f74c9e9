"""How well the uncertainty of a network separates masks that are no use from good ones.

No use are masks of photos without any car, and those with an IoU below 0.8; good are those with 0.9
and more. What lies between is neither. The figure is the area under the ROC curve: the chance that
of one mask of each kind the useless one is more uncertain.

With --fallback another checkpoint predicts where the first one is uncertain; the scores of all
masks, a line a data folder, say what that gives.

    python benchmarks/doubt.py --checkpoint runs/carmask-outside --data samples
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.answers import options_of_photos, predictions  # noqa: E402
from core.metrics import dice, iou  # noqa: E402
from core.predict import load_model  # noqa: E402

GOOD, USELESS = 0.9, 0.8


def auroc(useless: list[float], good: list[float]) -> float:
    """Returns the chance that the first of a pair is more uncertain; ties count half."""
    more = mannwhitneyu(useless, good, alternative="greater").statistic
    return float(more / (len(useless) * len(good)))


def main() -> None:
    """Predicts each photo and prints a line a kind of mask."""
    parser = options_of_photos(__doc__, ROOT / "runs" / "carmask-studio")
    parser.add_argument(
        "--fallback", "--second", type=Path, help="checkpoint for where the first one is uncertain"
    )
    options = parser.parse_args()

    model = load_model(options.checkpoint, options.fallback, "cpu")
    scores: dict[str, list[tuple[float, float, bool, bool]]] = defaultdict(list)
    warnings: dict[str, int] = defaultdict(int)
    kinds: dict[str, list[float]] = {"good": [], "no car": [], "useless": [], "between": []}
    for sample, truth, prediction, mask in predictions(options, model, model.threshold):
        score = iou(mask, truth)
        if not truth.any():
            kind = "no car"
        else:
            kind = "good" if score >= GOOD else "useless" if score < USELESS else "between"
        kinds[kind].append(prediction.uncertainty or 0.0 if mask.any() else 1.0)
        warnings[kind] += not mask.any() or (prediction.uncertainty or 0.0) > prediction.limit
        fell_back = prediction.by_fallback
        scores[sample.source].append((dice(mask, truth), score, not mask.any(), fell_back))
    for kind, values in kinds.items():
        if not values:
            continue
        warned = warnings[kind] / len(values)
        line = f"{kind}: {len(values)} masks, median uncertainty {np.median(values):.4f}"
        line += f", {warned:.1%} with a warning"
        if kind in ("no car", "useless") and kinds["good"]:
            line += f", AUROC against the good ones {auroc(values, kinds['good']):.3f}"
        print(line)
    bad = kinds["no car"] + kinds["useless"]
    if bad and kinds["good"]:
        print(f"both together: AUROC {auroc(bad, kinds['good']):.3f}")
    for source, found in scores.items():
        dices, ious, empty, fallbacks = (np.array(each) for each in zip(*found, strict=True))
        print(
            f"{source}: {len(found)} photos, Dice {dices.mean():.4f}, IoU {ious.mean():.4f}, "
            f"{empty.sum()} masks are empty, {fallbacks.sum()} by the fallback"
        )


if __name__ == "__main__":
    main()
