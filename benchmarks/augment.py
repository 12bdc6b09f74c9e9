"""Images a second: `python -m training augment` against the plain loop, in turn.

The plain loop is that of a tutorial, in one process: for each picture that is wanted it reads photo
and mask, calls albumentations' transform with the same recipe and writes a JPEG (quality 95) and a
PNG. --plain says with what it reads and writes photos: "pil" is Pillow alone, as in most tutorials
on this data, "cv2" is OpenCV where it can (Pillow still reads GIF masks). OpenCV may use all its
threads there. Both sides run over the same photos, whose files are in memory already.

Starting the worker processes takes some seconds once, whatever the size of the set; that is told
apart from the speed, and the last line says what it means for the whole of the data.

    python benchmarks/augment.py --data DIR --recipe light --per-image 5
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from training.augment.compose import Augmenter  # noqa: E402
from training.augment.recipe import find_recipe  # noqa: E402
from training.augment.written.settings import AugmentJob  # noqa: E402
from training.augment.written.writer import write_augmented  # noqa: E402
from training.data.folder import Sample, open_dataset  # noqa: E402

QUALITY = 95


@dataclass(frozen=True)
class Speed:
    """How long a number of pictures took."""

    images: int
    seconds: float
    processor: float
    """Seconds of processor time of this process."""
    start: float = 0.0
    """Seconds before the first picture."""


def plain_pil(sample: Sample, transform: Any, image_path: Path, mask_path: Path) -> None:
    """Makes one picture with Pillow and albumentations."""
    image = np.array(Image.open(sample.image_path).convert("RGB"))
    mask = np.array(Image.open(sample.mask_path).convert("L"))
    made = transform(image=image, mask=(mask > 0).astype(np.uint8))
    Image.fromarray(made["image"]).save(image_path, quality=QUALITY)
    Image.fromarray(made["mask"] * 255).save(mask_path)


def plain_cv2(sample: Sample, transform: Any, image_path: Path, mask_path: Path) -> None:
    """Makes one picture with OpenCV and albumentations; GIF masks are read by Pillow."""
    image = cv2.cvtColor(cv2.imread(str(sample.image_path)), cv2.COLOR_BGR2RGB)
    if sample.mask_path.suffix == ".gif":
        mask = np.array(Image.open(sample.mask_path).convert("L"))
    else:
        mask = cv2.imread(str(sample.mask_path), cv2.IMREAD_GRAYSCALE)
    made = transform(image=image, mask=(mask > 0).astype(np.uint8))
    bgr = cv2.cvtColor(made["image"], cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(image_path), bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    cv2.imwrite(str(mask_path), made["mask"] * 255)


def run_plain(make: Callable[..., None], job: AugmentJob) -> Speed:
    """Returns how long the plain loop takes over a folder."""
    samples = open_dataset(job.data).samples
    # The recipe's transform alone: drawing the numbers by index is not the plain loop's to pay.
    transform = Augmenter(job.recipe, job.size)._compose
    for folder in ("images", "masks"):
        (job.out / folder).mkdir(parents=True)
    started, processor = time.perf_counter(), time.process_time()
    for sample in samples:
        for version in job.versions:
            name = f"{sample.name}_a{version:02}"
            make(sample, transform, job.out / f"images/{name}.jpg", job.out / f"masks/{name}.png")
    return Speed(
        len(samples) * len(job.versions),
        time.perf_counter() - started,
        time.process_time() - processor,
    )


def run_ours(job: AugmentJob) -> Speed:
    """Returns how long writing the same set takes; the clock starts with its first pictures."""
    seen: list[tuple[int, float, float]] = []
    started = time.perf_counter()
    write_augmented(
        job,
        progress=lambda done, total: seen.append((done, time.perf_counter(), time.process_time())),
    )
    (before, first, processor), (after, last, processed) = seen[1], seen[-1]
    return Speed(after - before, last - first, processed - processor, first - started)


def part_of(data: Path, photos: int, folder: Path) -> None:
    """Makes a folder of links to some photos and their masks, and reads them all once."""
    samples = open_dataset(data).samples
    chosen = samples[:: max(1, len(samples) // photos)][:photos]
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for sample in chosen:
        stem = sample.name.replace("/", "_")
        for name, path in (("images", sample.image_path), ("masks", sample.mask_path)):
            (folder / name / f"{stem}{path.suffix}").symlink_to(path.resolve())
            path.read_bytes()


def main() -> None:
    """Measures both in turn and prints what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--recipe", default="light")
    parser.add_argument("--per-image", type=int, default=5)
    parser.add_argument("--size", type=int)
    parser.add_argument("--photos", type=int, default=200, help="photos of the data to work on")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--plain", choices=["pil", "cv2"], default="pil")
    options = parser.parse_args()
    make = {"pil": plain_pil, "cv2": plain_cv2}[options.plain]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        part_of(options.data, options.photos, place / "data")
        job = AugmentJob(
            place / "data",
            place / "out",
            options.per_image,
            find_recipe(options.recipe),
            size=options.size,
            workers=options.workers,
        )
        pairs = []
        for repeat in range(options.repeats + 1):  # the first time warms both up
            for out in ("plain", "ours"):
                shutil.rmtree(place / out, ignore_errors=True)
            pair = (
                run_plain(make, AugmentJob(**vars(job) | {"out": place / "plain"})),
                run_ours(AugmentJob(**vars(job) | {"out": place / "ours"})),
            )
            pairs += [pair] if repeat else []
    report(options, pairs, len(open_dataset(options.data).samples) * options.per_image)


def report(options: argparse.Namespace, pairs: list[tuple[Speed, Speed]], whole: int) -> None:
    """Prints the figures; median and 5th to 95th percentile."""
    plain = np.array([p.images / p.seconds for p, _ in pairs])
    ours = np.array([o.images / o.seconds for _, o in pairs])
    start = np.array([o.start for _, o in pairs])
    print(
        f"{options.data.name}, recipe {options.recipe}, {options.per_image} a photo, size "
        f"{options.size or 'as it is'}, {len(pairs)} times in turn; plain loop: {options.plain}"
    )
    print(f"plain loop   {spread(plain)} images a second")
    print(f"augment      {spread(ours)} images a second, workers: {options.workers or 'all'}")
    print(f"ratio        {spread(ours / plain)}")
    if options.workers == 1:
        used = [p.processor / p.images / (o.processor / o.images) for p, o in pairs]
        print(f"of processor time alone: {spread(np.array(used))}")
    with_start = (whole / plain) / (whole / ours + start)
    print(f"starting     {spread(start)} s; ratio for {whole:,} images {spread(with_start)}")


def spread(values: np.ndarray) -> str:
    """Returns the median with the 5th to 95th percentile."""
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
