"""Speed a photo: this predictor against a plain U-Net, in turn, in one process.

The plain network is of the kind that the well-known car tutorials use: padded U-Net of width 64
with batch normalisation, photos squashed to 256 x 256, contiguous float32, eager. Its speed does
not depend on its weights; give its checkpoint with --reference to measure its Dice too.

Photos of cars that the run was trained on are left out. On a machine with other work the ratio says
little: each network then waits for the other work as long as it runs.

    python benchmarks/inference.py --data data/carvana512
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.architecture import UNetConfig  # noqa: E402
from core.checkpoint import CheckpointInfo, load_checkpoint  # noqa: E402
from core.metrics import dice  # noqa: E402
from core.model import UNet  # noqa: E402
from core.preprocess import Preprocessing, enlarge, resize  # noqa: E402
from core.torch_predictor import TorchPredictor  # noqa: E402
from training.data.folder import Sample, open_dataset  # noqa: E402
from training.data.sides import TrainedCars  # noqa: E402
from training.runs.runlog import read_split  # noqa: E402

Segment = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

REPORTED_DICE = 0.9900
"""What the tutorial that Carmask started from reports, on a split that shares cars."""


def plain_network(reference: Path | None) -> Segment:
    """Returns the plain network as a function from a photo to its probability."""
    if reference:
        model = load_checkpoint(reference)[0]
    else:
        model = UNet(UNetConfig(3, 1, width=64, padding="same", norm="batch"))
    model.eval()
    preprocessing = Preprocessing(size=256)

    @torch.inference_mode()
    def segment(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        squashed = preprocessing.normalise(resize(image, 256, 256))
        probability = model(torch.from_numpy(squashed)[None]).sigmoid()[0, 0].numpy()
        return enlarge(probability, image.shape[0], image.shape[1])

    return segment


def photos_of(data: Path, run: Path, count: int, *, trained: bool) -> list[Sample]:
    """Returns photos, spread over a data folder, of cars that a run was trained on, or was not."""
    dataset = open_dataset(data)
    split = run / "split.json"
    known = read_split(run).trained() if split.is_file() else TrainedCars()
    samples = [sample for sample in dataset.samples if known.has(sample.car) == trained]
    return samples[:: max(1, len(samples) // count)][:count]


def told(info: CheckpointInfo) -> str:
    """Returns what a checkpoint says of its scores on cars that it never saw."""
    sources = info.metrics.get("sources", {})
    return "; ".join(
        f"{facts['dice']:.4f} on {facts['images']} photos of {facts['cars']} cars of {name}"
        for name, facts in sources.items()
    )


def main() -> None:
    """Measures both in turn and prints the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-studio")
    parser.add_argument("--reference", type=Path, help="checkpoint of a trained plain network")
    parser.add_argument("--data", type=Path, default=ROOT / "samples")
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    chosen = photos_of(options.data, options.checkpoint, options.photos, trained=False)
    pairs = [sample.read() for sample in chosen]
    predictor = TorchPredictor.load(options.checkpoint, "cpu")
    assert predictor.info is not None
    networks: dict[str, Segment] = {
        "carmask": predictor,
        "plain": plain_network(options.reference),
    }
    for segment in networks.values():
        segment(pairs[0][0])
    ratios: list[float] = []
    scores: dict[str, list[float]] = {name: [] for name in networks}
    for repeat in range(options.repeats):
        for image, truth in pairs:
            seconds = {}
            for name, segment in networks.items():
                started = time.perf_counter()
                probability = segment(image)
                seconds[name] = time.perf_counter() - started
                if repeat == 0:
                    scores[name].append(dice(probability >= 0.5, truth))
            ratios.append(seconds["plain"] / seconds["carmask"])
    low, middle, high = (float(np.percentile(ratios, p)) for p in (5, 50, 95))
    print(f"{len(pairs)} photos of {options.data}, {options.repeats} times, in turn, one process")
    print(f"Carmask is {middle:.1f} times faster a photo (5th to 95th: {low:.1f} to {high:.1f})")
    print(f"Dice of Carmask: {statistics.mean(scores['carmask']):.4f} measured here")
    print(f"  its file says, of cars that it never saw: {told(predictor.info)}")
    if options.reference:
        print(f"Dice of the plain network: {statistics.mean(scores['plain']):.4f} measured here")
    else:
        print(
            f"Dice of the plain network: {REPORTED_DICE:.4f} on Carvana's photos, as its author "
            "reports (cars on both sides); give --reference to measure it"
        )


if __name__ == "__main__":
    main()
