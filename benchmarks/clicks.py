"""What a click is worth: masks corrected by simulated clicks on photos that no network has seen.

From the mask of our own cascade: mean IoU after some clicks, the number of clicks to an IoU, and
how often a click does harm. From an empty mask: one click on one of several cars of a composite.
And the time of a click on a large photo. A click lies at a random place well inside of the largest
part that is wrong.

    python benchmarks/clicks.py --data FOLDER --cars FOLDER --backgrounds FOLDER --split split.json
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.click_network import ClickNetwork  # noqa: E402
from core.clicks import NETWORK_FILE, Click  # noqa: E402
from core.masks import Mask  # noqa: E402
from core.metrics import iou  # noqa: E402
from core.predict import ImageModel, load_model  # noqa: E402
from core.preprocess import resize, resize_mask  # noqa: E402
from training.augment.composite import Backgrounds  # noqa: E402
from training.clicks.scenes import composite_scene  # noqa: E402
from training.clicks.simulate import click_in, worst_click  # noqa: E402
from training.data.folder import Sample, open_datasets  # noqa: E402
from training.data.sides import load_split  # noqa: E402

SHOWN = (0, 1, 2, 3, 5, 10, 20)
HARM = 0.002
"""A click that lowers the IoU by more than this does harm."""
LARGE = 4000, 3000
"""Width and height in px of the photo whose clicks are timed."""


def corrected(
    network: ClickNetwork,
    photo: np.ndarray,
    truth: Mask,
    mask: Mask,
    most: int,
    rng: np.random.Generator,
) -> tuple[list[float], int]:
    """Returns the IoU after 0 to `most` clicks, and how many pixels changed against the rule."""
    clicks: list[Click] = []
    scores, strays = [iou(mask, truth)], 0
    for _ in range(most):
        click = worst_click(truth, mask, rng)
        if click is None:
            break
        clicks.append(click)
        change = network.change(photo, mask, clicks)
        if change is not None:
            new = change.applied(mask)
            strays += int((new[new != mask] != click.positive).sum())
            mask = new
        scores.append(iou(mask, truth))
    return scores, strays


def own_masks(options: argparse.Namespace, network: ClickNetwork, samples: list[Sample]) -> None:
    """Prints the figures of masks that begin as our own."""
    model: ImageModel = load_model(options.checkpoint, options.fallback, "cpu")
    curves, lengths, strays = [], [], 0
    for number, sample in enumerate(samples):
        rng = np.random.default_rng([options.seed, number])  # the same first click for any network
        photo, truth = sample.read()
        if not truth.any():
            continue
        mask = model(photo) >= model.threshold
        scores, against = corrected(network, photo, truth, mask, options.clicks, rng)
        strays += against
        lengths.append(len(scores))
        curves.append(scores + [scores[-1]] * (options.clicks + 1 - len(scores)))
    table = np.array(curves)
    print(f"{len(table)} photos, from the mask of {model.name}:")
    for count in [each for each in SHOWN if each <= options.clicks]:
        print(f"  after {count:2} clicks: mean IoU {table[:, count].mean():.4f}")
    for wanted in (0.95, 0.98):
        reached = table >= wanted
        needed = np.where(reached.any(axis=1), reached.argmax(axis=1), options.clicks)
        print(
            f"  to IoU {wanted}: {needed.mean():.2f} clicks in the mean, median "
            f"{np.median(needed):.0f}, reached in {reached.any(axis=1).mean():.1%}"
        )
    for most in (1, 5):
        given = np.concatenate(
            [np.diff(c[:n])[:most] for c, n in zip(curves, lengths, strict=True)]
        )
        harm = (given < -HARM).mean()
        print(f"  of the first {most}: {len(given)} clicks, {harm:.2%} lower the IoU by > {HARM}")
    print(f"  pixels that changed against a click's sign: {strays}")


def clicked_cars(options: argparse.Namespace, network: ClickNetwork, samples: list[Sample]) -> None:
    """Prints the figures of one click on one of several cars, from an empty mask."""
    backgrounds = Backgrounds(options.backgrounds)
    scores: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for number in range(options.composites):
        rng = np.random.default_rng([options.seed, number])  # the same composites for any network
        scene = composite_scene(samples, backgrounds, rng)
        if len(scene.numbers) < 2:
            continue
        truth = scene.cars == rng.choice(scene.numbers)
        mask, clicks = np.zeros_like(truth), []
        for count in scores:
            click = click_in(truth, truth, rng) if count == 1 else worst_click(truth, mask, rng)
            if click is not None:
                clicks.append(click)
                change = network.change(scene.photo, mask, clicks)
                mask = mask if change is None else change.applied(mask)
            scores[count].append(iou(mask, truth))
    for count, found in scores.items():
        values = np.array(found)
        print(
            f"{len(values)} composites, {count} click(s): mean IoU {values.mean():.4f}, median "
            f"{np.median(values):.4f}, at least 0.93 in {(values >= 0.93).mean():.1%}"
        )


def times(options: argparse.Namespace, network: ClickNetwork, samples: list[Sample]) -> None:
    """Prints how long a click takes on a photo of 12 megapixels."""
    rng = np.random.default_rng(options.seed)
    seconds = []
    for sample in samples[:: max(1, len(samples) // options.timed)]:
        photo, truth = sample.read()
        if not truth.any():
            continue
        photo, truth = resize(photo, *LARGE[::-1]), resize_mask(truth, *LARGE[::-1])
        for mask in (np.zeros_like(truth), np.roll(truth, 200, axis=1)):
            click = worst_click(truth, mask, rng)
            if click is not None:
                before = time.perf_counter()
                network.change(photo, mask, [click])
                seconds.append(time.perf_counter() - before)
    low, middle, high = np.quantile(seconds, [0.05, 0.5, 0.95]) * 1000
    print(
        f"{len(seconds)} clicks on 12 megapixels: median {middle:.0f} ms, p95 {high:.0f} ms, "
        f"fastest {low:.0f} ms"
    )


def main() -> None:
    """Prints all figures."""
    runs = ROOT / "runs"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", type=Path, default=runs / "carmask-click" / NETWORK_FILE)
    parser.add_argument("--data", type=Path, action="append", default=[], help="photos of cars")
    parser.add_argument("--cars", type=Path, action="append", default=[], help="one car a photo")
    parser.add_argument("--backgrounds", type=Path, help="photos without cars")
    parser.add_argument("--split", type=Path, required=True, help="its validation side is used")
    parser.add_argument("--checkpoint", type=Path, default=runs / "carmask-studio-5")
    parser.add_argument("--fallback", type=Path, default=runs / "carmask-outside")
    parser.add_argument("--composites", type=int, default=200)
    parser.add_argument("--clicks", type=int, default=20, help="most clicks on a photo")
    parser.add_argument("--timed", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    network = ClickNetwork.load(options.network)
    split = load_split(options.split)
    if options.data:
        photos = split.select(open_datasets(options.data), "val")
        own_masks(options, network, photos)
        times(options, network, photos)
    if options.cars:
        clicked_cars(options, network, split.select(open_datasets(options.cars), "val"))


if __name__ == "__main__":
    main()
