"""Time a photo: the network, the metrics and the reading of an evaluation.

python benchmarks/evaluation.py --data samples
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.masks import MaskSettings  # noqa: E402
from core.torch_predictor import TorchPredictor  # noqa: E402
from training.data.folder import open_dataset  # noqa: E402
from training.evaluation.measure import histogram_of, row_of  # noqa: E402


def main() -> None:
    """Measures each part in turn and prints medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-studio")
    parser.add_argument("--data", type=Path, default=ROOT / "samples")
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()

    samples = open_dataset(options.data).samples
    chosen = samples[:: max(1, len(samples) // options.photos)][: options.photos]
    predictor = TorchPredictor.load(options.checkpoint, options.device)
    seconds: dict[str, list[float]] = {"reading": [], "network": [], "metrics": []}

    for turn in range(-1, options.repeats):  # the first one warms up
        for sample in chosen:
            marks = [time.perf_counter()]
            image, truth = sample.read_truth()
            marks.append(time.perf_counter())
            probability = predictor(image)
            marks.append(time.perf_counter())
            row_of(sample, image, truth, probability, MaskSettings())
            histogram_of(probability, truth.car, truth.ignored)
            marks.append(time.perf_counter())
            if turn >= 0:
                for times, passed in zip(seconds.values(), np.diff(marks), strict=True):
                    times.append(float(passed))
    for part, times in seconds.items():
        print(f"{part:8} {1000 * float(np.median(times)):7.1f} ms a photo")


if __name__ == "__main__":
    main()
