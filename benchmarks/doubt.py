"""How well the doubt of a network separates masks that are no use from good ones.

No use are masks of photos without any car, and those with an IoU below 0.8; good are those with 0.9
and more. What lies between is neither. The figure is the area under the ROC curve: the chance that
of one mask of each kind the useless one has more doubt.

With --second another checkpoint answers where the first one doubts; the scores of all masks, a line
a data folder, say what that gives.

    python benchmarks/doubt.py --checkpoint runs/carmask --data samples
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.answers import answers, options_of_photos  # noqa: E402
from core.doubt import DOUBT_LIMIT  # noqa: E402
from core.metrics import dice, iou  # noqa: E402
from core.predict import Predictor  # noqa: E402
from core.second import SecondOpinion  # noqa: E402

GOOD, USELESS = 0.9, 0.8


def auroc(useless: list[float], good: list[float]) -> float:
    """Returns the chance that the first of a pair has more doubt; ties count half."""
    more = mannwhitneyu(useless, good, alternative="greater").statistic
    return float(more / (len(useless) * len(good)))


def main() -> None:
    """Asks the network about each photo and prints a line a kind of mask."""
    parser = options_of_photos(__doc__, ROOT / "runs" / "carmask-studio")
    parser.add_argument("--second", type=Path, help="checkpoint to ask where the first one doubts")
    options = parser.parse_args()

    first = Predictor.load(options.checkpoint, "cpu")
    predictor: Predictor | SecondOpinion = first
    if options.second:
        predictor = SecondOpinion(first, lambda: Predictor.load(options.second, "cpu"))
    scores: dict[str, list[tuple[float, float, bool, bool]]] = defaultdict(list)
    kinds: dict[str, list[float]] = {"good": [], "no car": [], "useless": [], "between": []}
    for sample, truth, answer, mask in answers(options, predictor, first.threshold):
        score = iou(mask, truth)
        if not truth.any():
            kind = "no car"
        else:
            kind = "good" if score >= GOOD else "useless" if score < USELESS else "between"
        kinds[kind].append(answer.doubt if mask.any() else 1.0)
        asked = answer.first_doubt is not None
        scores[sample.source].append((dice(mask, truth), score, not mask.any(), asked))
    for kind, doubts in kinds.items():
        if not doubts:
            continue
        warned = np.mean(np.array(doubts) > DOUBT_LIMIT)
        line = f"{kind}: {len(doubts)} masks, median doubt {np.median(doubts):.4f}"
        line += f", {warned:.1%} with a warning"
        if kind in ("no car", "useless") and kinds["good"]:
            line += f", AUROC against the good ones {auroc(doubts, kinds['good']):.3f}"
        print(line)
    bad = kinds["no car"] + kinds["useless"]
    if bad and kinds["good"]:
        print(f"both together: AUROC {auroc(bad, kinds['good']):.3f}")
    for source, found in scores.items():
        dices, ious, empty, asked_second = (np.array(each) for each in zip(*found, strict=True))
        print(
            f"{source}: {len(found)} photos, Dice {dices.mean():.4f}, IoU {ious.mean():.4f}, "
            f"{empty.sum()} masks are empty, {asked_second.sum()} by the second checkpoint"
        )


if __name__ == "__main__":
    main()
