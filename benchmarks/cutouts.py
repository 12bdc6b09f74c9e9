"""Masks of cars by Carmask and by general background removers, on the same photos.

Each candidate gives a probability for each pixel of a photo; its mask is cut at its own threshold
(0.5 for a background remover). Times are taken in turn, photo by photo; memory is the peak of a
process that loads the candidate and segments one photo.

    python benchmarks/cutouts.py --data data/wild2 --split split.json \
        --checkpoint runs/carmask-studio-5 --fallback runs/carmask-outside --onnx isnet.onnx

`--onnx FILE` takes any network with an input (1, 3, S, S): S is read from the file or given by
--onnx-size, and pixels become (p - mean) / std with --onnx-mean and --onnx-std, in levels from 0 to
255 (the defaults are those of IS-Net). `--rembg NAME` takes a model of rembg, where that library
and its weights are installed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.checkpoint import find_checkpoint, read_info  # noqa: E402
from core.masks import MaskSettings, mask_from_probability  # noqa: E402
from core.metric_table import MaskScores, find_metric  # noqa: E402
from core.metrics import score  # noqa: E402
from core.predict import Predictor, load_model  # noqa: E402
from core.preprocess import enlarge, resize  # noqa: E402
from training.commands.progress_bar import counting_bar  # noqa: E402
from training.comparison.interval import mean_interval  # noqa: E402
from training.evaluation.images import open_images  # noqa: E402
from training.memory import peak_bytes  # noqa: E402

Photo = NDArray[np.uint8]
Probability = NDArray[np.float32]
METRICS = (("iou", "IoU"), ("boundary_iou", "Boundary IoU (2%)"), ("boundary_iou_3px", "(3 px)"))
MISSED = 0.5
"""Below this IoU a car counts as missed."""


@dataclass
class Candidate:
    """Something that cuts cars out, and what was measured of it."""

    name: str
    load: Callable[[], Callable[[Photo], Probability]]
    """Returns a function from a photo (H, W, 3) to the probability (H, W) of car."""
    bytes_on_disk: int
    threshold: float = 0.5
    scores: list[MaskScores] = field(default_factory=list)
    empty: int = 0
    """Photos without a car that got an empty mask."""
    seconds: list[float] = field(default_factory=list)


def load_onnx(path: Path, size: int, mean: float, std: float) -> Callable[[Photo], Probability]:
    """Returns the prediction of a background remover in an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    entry, output = session.get_inputs()[0], session.get_outputs()[0].name
    side = size or entry.shape[-1]
    if not isinstance(side, int):
        raise SystemExit(f"{path} takes pictures of any size; say which one with --onnx-size.")

    def predict(photo: Photo) -> Probability:
        small = resize(photo, side, side)
        tensor = ((small.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None]
        found = session.run([output], {entry.name: tensor})[0].reshape(side, side)
        return enlarge(np.clip(found, 0, 1).astype(np.float32), *photo.shape[:2])

    return predict


def load_rembg(name: str) -> Callable[[Photo], Probability]:
    """Returns the prediction of one of rembg's models."""
    import rembg

    session = rembg.new_session(name)

    def predict(photo: Photo) -> Probability:
        alpha = rembg.remove(photo, session=session, only_mask=True)
        return np.asarray(alpha, np.float32) / np.float32(255)

    return predict


def candidates(options: argparse.Namespace) -> Iterator[Candidate]:
    """Yields what the options name."""
    for path in options.checkpoint:
        file = find_checkpoint(path)
        size, threshold = file.stat().st_size, read_info(file).threshold
        once = partial(Predictor.load, path, "cpu")
        yield Candidate(f"{path.name}, one pass", once, size, threshold)
        twice = partial(load_model, path, None, "cpu")
        yield Candidate(f"{path.name}, mirrored", twice, size, threshold)
        if options.fallback:
            both = partial(load_model, path, options.fallback, "cpu")
            size += find_checkpoint(options.fallback).stat().st_size
            name = f"{path.name}, then {options.fallback.name}"
            yield Candidate(name, both, size, threshold)
    for path in options.onnx:
        load = partial(load_onnx, path, options.onnx_size, options.onnx_mean, options.onnx_std)
        yield Candidate(f"{path.name} (ONNX)", load, path.stat().st_size)
    for name in options.rembg:
        yield Candidate(f"rembg {name}", partial(load_rembg, name), 0)


def peak_mebibytes(candidate: Candidate, photo: Photo) -> int:
    """Returns the peak memory of a process that segments one photo with a candidate."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak, (candidate.load, photo))


def _peak(load: Callable[[], Callable[[Photo], Probability]], photo: Photo) -> int:
    import torch

    load()(photo)
    return round(peak_bytes(torch.device("cpu")) / 2**20)


def line_of(candidate: Candidate, cars: Sequence[object], peak: int) -> str:
    """Returns a candidate's row of the table, in Markdown."""
    cells = [candidate.name]
    for key, _ in METRICS:
        values = [getattr(each, key) for each in candidate.scores]
        cells.append(mean_interval(values, cars).of(find_metric(key)).text() if values else "")
    missed = sum(each.iou < MISSED for each in candidate.scores)
    disk = f"{candidate.bytes_on_disk / 1e6:.0f} MB" if candidate.bytes_on_disk else "?"
    cells += [str(missed), f"{np.median(candidate.seconds):.2f} s", f"{peak} MiB", disk]
    return "| " + " | ".join(cells) + f" | {candidate.empty} |"


def main() -> None:
    """Segments every photo with every candidate and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--split", type=Path, help="a run's split.json: its validation photos only")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth photo")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[])
    parser.add_argument(
        "--fallback", "--second", type=Path, help="checkpoint where the first one is uncertain"
    )
    parser.add_argument("--onnx", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--onnx-size", type=int, default=0, metavar="S")
    parser.add_argument("--onnx-mean", type=float, default=128.0)
    parser.add_argument("--onnx-std", type=float, default=256.0)
    parser.add_argument("--rembg", action="append", default=[], metavar="NAME")
    options = parser.parse_args()

    images = open_images(options.data, None, options.split, "val" if options.split else "all")
    samples = images.samples[:: options.every]
    entries = list(candidates(options))
    loaded = [each.load() for each in entries]
    cars: list[object] = []
    without_car = 0
    photo: Photo = np.zeros((480, 640, 3), np.uint8)
    with counting_bar("segment") as progress:
        for done, sample in enumerate(samples, start=1):
            photo, truth = sample.read()
            without_car += not truth.any()
            if truth.any():
                cars.append((sample.source, sample.car))
            for entry, predict in zip(entries, loaded, strict=True):
                began = time.perf_counter()
                probability = predict(photo)
                entry.seconds.append(time.perf_counter() - began)
                mask = mask_from_probability(probability, MaskSettings(entry.threshold))
                if truth.any():
                    entry.scores.append(score(mask, truth))
                else:
                    entry.empty += not mask.any()
            progress(done, len(samples))

    print(f"{len(samples)} photos, {without_car} of them without a car; {platform.processor()}")
    heads = ["candidate", *(label for _, label in METRICS)]
    heads += ["missed", "median time", "peak memory", "on disk", "empty where no car is"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for entry in entries:
        print(line_of(entry, cars, peak_mebibytes(entry, photo)))


if __name__ == "__main__":
    main()
