"""Speed a photo: ONNX Runtime on an exported checkpoint against the predictor, in turn.

Both get the photo and give the probability at its size. Beside the ratio of their times stands how
far they are apart: the largest difference of a probability, and the Dice of both masks.

    python benchmarks/runtimes.py --checkpoint runs/carmask-studio --data samples
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.export.onnx_file import export_onnx  # noqa: E402
from core.metrics import dice  # noqa: E402
from core.predict import Predictor  # noqa: E402
from training.data import open_dataset  # noqa: E402


def runtime(checkpoint: Path, threads: int) -> onnxruntime.InferenceSession:
    """Returns ONNX Runtime with a checkpoint, on the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        export_onnx(checkpoint), options, providers=["CPUExecutionProvider"]
    )


def megapixels(image: NDArray[np.uint8], wanted: float) -> NDArray[np.uint8]:
    """Returns a photo with about so many million pixels."""
    scale = (wanted * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale), dtype=np.uint8)


def main() -> None:
    """Measures both in turn and prints a line a photo size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-studio")
    parser.add_argument("--data", type=Path, default=ROOT / "samples")
    parser.add_argument("--photos", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.3, 2.0, 12.0])
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    samples = open_dataset(options.data).samples
    chosen = samples[:: max(1, len(samples) // options.photos)][: options.photos]
    predictor = Predictor.load(options.checkpoint, "cpu")
    threshold = predictor.info.threshold if predictor.info else 0.5
    session = runtime(options.checkpoint, options.threads)
    print(f"{len(chosen)} photos, {options.repeats} times, in turn, {options.threads} threads")
    for size in options.megapixels:
        ratios, apart, overlaps = [], [], []
        for image in (megapixels(sample.read()[0], size) for sample in chosen):
            for _ in range(options.repeats):
                started = time.perf_counter()
                eager = predictor(image)
                between = time.perf_counter()
                (exported,) = session.run(None, {"image": image})
                ratios.append((between - started) / (time.perf_counter() - between))
            apart.append(float(np.abs(eager - exported).max()))
            overlaps.append(dice(exported >= threshold, eager >= threshold))
        low, middle, high = (float(np.percentile(ratios, p)) for p in (5, 50, 95))
        print(
            f"{size:g} MP: ONNX Runtime is {middle:.2f} times faster (5th to 95th: {low:.2f} to "
            f"{high:.2f}); largest difference {max(apart):.1e}, Dice {min(overlaps):.6f} or more"
        )


if __name__ == "__main__":
    main()
