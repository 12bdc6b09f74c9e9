"""Masks of cars by Carmask and by general background removers, on the same photos.

Each candidate gives a probability for each pixel of a photo; its mask is cut at its own threshold
(0.5 for a background remover). Times are taken in turn, photo by photo: on the clock, and of all
processors together, which other work on the machine hardly changes. Memory is the peak of a process
that loads the candidate and segments one photo. With `--rows FILE` each photo's figures are written
as they come, and the same command goes on where it stopped; delete a candidate's rows to measure it
again.

    python benchmarks/cutouts.py --data data/wild2 --split split.json \
        --checkpoint runs/carmask-studio-5 --fallback runs/carmask-outside --onnx isnet.onnx

`--onnx FILE` takes any network with an input (1, 3, S, S): S is read from the file or given by
--onnx-size, and pixels become (p - mean) / std with --onnx-mean and --onnx-std, in levels from 0 to
255 (the defaults are those of IS-Net). `--rembg NAME` takes a model of rembg, where that library
and its weights are installed.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.checkpoint import find_checkpoint, read_info  # noqa: E402
from core.masks import MaskSettings, mask_from_probability  # noqa: E402
from core.metric_table import find_metric  # noqa: E402
from core.metrics import score  # noqa: E402
from core.predict import load_model  # noqa: E402
from core.preprocess import enlarge, resize  # noqa: E402
from training.commands.options import counting_bar  # noqa: E402
from training.comparison.interval import mean_interval  # noqa: E402
from training.data.folder import Sample  # noqa: E402
from training.evaluation.images import open_images  # noqa: E402
from training.machine import peak_bytes  # noqa: E402

Photo = NDArray[np.uint8]
Probability = NDArray[np.float32]
METRICS = (("iou", "IoU"), ("boundary_iou", "Boundary IoU (2%)"), ("boundary_iou_3px", "(3 px)"))
MISSED = 0.5
"""Below this IoU a car counts as missed."""


@dataclass(frozen=True)
class Row:
    """What was measured of one candidate on one photo; a line of the file of rows."""

    candidate: str
    photo: str
    car: str
    """Photos of one car are one observation; "" where no car is."""
    iou: float
    boundary_iou: float
    boundary_iou_3px: float
    share: float
    """Of the photo that the mask takes, in [0, 1]."""
    seconds: float
    """On the clock."""
    cpu_seconds: float
    """Of all processors."""


@dataclass
class Candidate:
    """Something that cuts cars out, and what was measured of it."""

    name: str
    load: Callable[[], Callable[[Photo], Probability]]
    """Returns a function from a photo (H, W, 3) to the probability (H, W) of car."""
    bytes_on_disk: int
    threshold: float = 0.5
    rows: dict[str, Row] = field(default_factory=dict)
    """What was measured, by photo."""


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
        yield Candidate(path.name, partial(load_model, path, None, "cpu"), size, threshold)
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


def measured(candidate: Candidate, predict: Callable[[Photo], Probability], sample: Sample) -> Row:
    """Returns what a candidate makes of a photo."""
    photo, truth = sample.read()
    began, used = time.perf_counter(), time.process_time()
    probability = predict(photo)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
    mask = mask_from_probability(probability, MaskSettings(candidate.threshold))
    scores = score(mask, truth)
    return Row(
        candidate=candidate.name,
        photo=key_of(sample),
        car=f"{sample.source}/{sample.car}" if truth.any() else "",
        iou=scores.iou,
        boundary_iou=scores.boundary_iou,
        boundary_iou_3px=scores.boundary_iou_3px,
        share=float(mask.mean()),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
    )


def key_of(sample: Sample) -> str:
    """Returns what tells a photo from others in the file of rows."""
    return f"{sample.source}/{sample.name}"


def read_rows(path: Path, entries: Sequence[Candidate]) -> None:
    """Gives candidates the rows that a file of an earlier run has of them."""
    named = {entry.name: entry for entry in entries}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            figures = {each.name: float(line[each.name]) for each in fields(Row)[3:]}
            row = Row(line["candidate"], line["photo"], line["car"], **figures)
            if row.candidate in named:
                named[row.candidate].rows[row.photo] = row


def line_of(candidate: Candidate, photos: Sequence[str], peak: int) -> str:
    """Returns a candidate's row of the table, in Markdown."""
    rows = [candidate.rows[photo] for photo in photos]
    of_cars = [row for row in rows if row.car]
    cells = [candidate.name]
    for key, _ in METRICS:
        values, cars = [getattr(row, key) for row in of_cars], [row.car for row in of_cars]
        cells.append(mean_interval(values, cars).of(find_metric(key)).text() if values else "")
    cells.append(str(sum(row.iou < MISSED for row in of_cars)))
    cells.append(str(sum(not row.share for row in rows if not row.car)))
    cells.append(f"{np.median([row.seconds for row in rows]):.2f} s")
    cells.append(f"{np.median([row.cpu_seconds for row in rows]):.2f} s")
    disk = f"{candidate.bytes_on_disk / 1e6:.0f} MB" if candidate.bytes_on_disk else "?"
    return "| " + " | ".join([*cells, f"{peak} MiB", disk]) + " |"


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
    parser.add_argument("--rows", type=Path, metavar="FILE", help="CSV with a line a photo")
    options = parser.parse_args()

    images = open_images(options.data, None, options.split, "val" if options.split else "all")
    samples = images.samples[:: options.every]
    entries = list(candidates(options))
    if options.rows and options.rows.exists():
        read_rows(options.rows, entries)
    loaded = [each.load() for each in entries]
    with ExitStack() as stack:
        progress = stack.enter_context(counting_bar("segment"))
        keep: Callable[[Row], object] = lambda row: None  # noqa: E731
        if options.rows:
            file = stack.enter_context(options.rows.open("a", newline="", encoding="utf-8"))
            writer = csv.DictWriter(file, [each.name for each in fields(Row)])
            if not file.tell():
                writer.writeheader()
            keep = lambda row: (writer.writerow(asdict(row)), file.flush())  # noqa: E731
        for done, sample in enumerate(samples, start=1):
            for entry, predict in zip(entries, loaded, strict=True):
                if key_of(sample) not in entry.rows:
                    entry.rows[key_of(sample)] = measured(entry, predict, sample)
                    keep(entry.rows[key_of(sample)])
            progress(done, len(samples))

    photos = [key_of(sample) for sample in samples]
    without_car = sum(not entries[0].rows[photo].car for photo in photos)
    print(f"{len(photos)} photos, {without_car} of them without a car; {processor()}\n")
    heads = ["candidate", *(label for _, label in METRICS), "missed", "empty where no car is"]
    heads += ["median time", "of all processors", "peak memory", "on disk"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    photo = samples[-1].read()[0]
    for entry in entries:
        print(line_of(entry, photos, peak_mebibytes(entry, photo)))


def processor() -> str:
    """Returns this machine's processor and how many cores of it there are."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
