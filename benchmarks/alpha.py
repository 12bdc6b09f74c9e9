"""Soft alpha and foreground colours beside the plain ways, on drawn cars and on photos.

Drawn cars have exact alpha: each is rendered (4 x 4 samples a pixel decide whose it is), blurred as
a lens does, laid over a photo with the shadow that it casts, given noise and saved as JPEG. The
network's probability is that of a shipped checkpoint, so its errors are in the figures.

    python benchmarks/alpha.py --backgrounds DIR --scenes DIR --cars 24 --first 8 --pymatting

Errors are taken in the band: within 1% of the longer side of the true edge and of the mask's, for
where the network is wrong by more nothing but another network helps; the column "wrong masks
included" takes all of the true edge's band. Sums are divided by the edge's length. `--photos DIR`
measures halos instead, on photos without a known alpha; `--data DIR`, a data folder with masks that
people drew, how far alpha's edge, where it is one half, lies from theirs. For PyMatting (MIT):
`pip install pymatting`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.cutout import Cutout, cut_out  # noqa: E402
from core.image import encode_jpeg, read_image  # noqa: E402
from core.predict import ImageModel, Mirrored  # noqa: E402
from core.preprocess import enlarge, resize  # noqa: E402
from core.torch_predictor import TorchPredictor  # noqa: E402
from training.data.folder import open_dataset  # noqa: E402
from training.synthetic.render import draw_layer  # noqa: E402
from training.synthetic.turntable import VIEWS, sample_car  # noqa: E402

HEIGHT, WIDTH = 1280, 1920
LENS_BLUR = 0.6
BAND = 0.01
"""Half of the band's width, as a share of the longer side."""
GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (30, 160, 60)}

Floats = NDArray[np.float32]
Pixels = NDArray[np.bool_]
Rows = dict[str, list[list[float]]]
"""A line of figures for each photo, by candidate."""


def drawn(number: int, seed: int, backgrounds: list[Path]) -> tuple[NDArray[np.uint8], Cutout]:
    """Returns a photo (H, W, 3) with a drawn car, and that car's exact cut-out."""
    rng = np.random.default_rng([seed, number])
    car = sample_car(seed, number)
    light_of = "busy" if number % 2 else "plain"
    layer, light = draw_layer(car, 1 + (5 * number) % VIEWS, HEIGHT, WIDTH, light_of, seed)
    ground = read_image(backgrounds[int(rng.integers(len(backgrounds)))].read_bytes())
    scale = min(ground.shape[0] / HEIGHT, ground.shape[1] / WIDTH)
    height, width = int(HEIGHT * scale), int(WIDTH * scale)
    top = rng.integers(0, ground.shape[0] - height + 1)
    left = rng.integers(0, ground.shape[1] - width + 1)
    part = np.ascontiguousarray(ground[top : top + height, left : left + width])
    behind = resize(part, HEIGHT, WIDTH).astype(np.float32) / 255 * light[..., None]
    alpha = cv2.GaussianBlur(layer.coverage, (0, 0), LENS_BLUR)
    share = cv2.GaussianBlur(layer.colour * layer.coverage[..., None], (0, 0), LENS_BLUR)
    mixed = behind * (1 - alpha[..., None]) + share
    mixed += rng.normal(0, rng.uniform(0.003, 0.01), mixed.shape)
    photo = np.round(np.clip(mixed, 0, 1) * 255).astype(np.uint8)
    colours = np.clip(share / np.maximum(alpha, 1e-3)[..., None], 0, 1)
    truth = Cutout(np.round(colours * 255).astype(np.uint8), alpha)
    return read_image(encode_jpeg(photo, 92)), truth


def scenes(options: argparse.Namespace) -> Iterator[tuple[NDArray[np.uint8], Cutout]]:
    """Yields photos with a drawn car and its exact cut-out; rendered ones are read."""
    backgrounds = sorted(options.backgrounds.glob("*.jpg"))
    options.scenes.mkdir(parents=True, exist_ok=True)
    for number in range(options.first, options.cars):
        path = options.scenes / f"{options.seed}-{number:02d}.npz"
        if not path.exists():
            photo, truth = drawn(number, options.seed, backgrounds)
            levels = np.round(truth.alpha * 65535).astype(np.uint16)
            np.savez_compressed(path, photo=photo, alpha=levels, foreground=truth.foreground)
        with np.load(path) as stored:
            alpha = stored["alpha"].astype(np.float32) / 65535
            truth = Cutout(stored["foreground"], alpha)
            photo = stored["photo"]
        yield photo, truth


# Candidates: functions of a photo, its mask and the probability on the network's grid

Candidate = Callable[[NDArray[np.uint8], Pixels, Floats], Cutout]


def threshold(photo: NDArray[np.uint8], mask: Pixels, probability: Floats) -> Cutout:
    """Returns the mask as alpha."""
    return cut_out(photo, mask, edge="hard")


def plain_probability(photo: NDArray[np.uint8], mask: Pixels, probability: Floats) -> Cutout:
    """Returns the probability as alpha."""
    return Cutout(photo, enlarge(probability, *mask.shape))


def carmask(photo: NDArray[np.uint8], mask: Pixels, probability: Floats) -> Cutout:
    """Returns what app and command line make."""
    return cut_out(photo, mask, probability)


def closed_form(photo: NDArray[np.uint8], mask: Pixels, open_: Pixels) -> Cutout:
    """Returns PyMatting's closed form matting and its multi-level foreground."""
    import pymatting

    left, top, width, height = cv2.boundingRect((mask | open_).view(np.uint8))
    part = np.s_[max(top - 20, 0) : top + height + 20, max(left - 20, 0) : left + width + 20]
    trimap = np.where(open_, 0.5, mask.astype(np.float64))[part]
    colours = photo[part] / 255.0
    alpha, foreground = mask.astype(np.float32), photo.copy()
    if not (trimap == 1).any():  # nothing is certain enough to start from
        return Cutout(foreground, alpha)
    found = pymatting.estimate_alpha_cf(colours, trimap)
    alpha[part] = found
    own = pymatting.estimate_foreground_ml(colours, found)
    foreground[part] = np.rint(np.clip(own, 0, 1) * 255)
    return Cutout(foreground, alpha)


def closed_form_fixed(photo: NDArray[np.uint8], mask: Pixels, probability: Floats) -> Cutout:
    """Returns closed form matting in a band of 10 px to either side of the mask's edge."""
    return closed_form(photo, mask, near_edge(mask, 10))


def closed_form_wide(photo: NDArray[np.uint8], mask: Pixels, probability: Floats) -> Cutout:
    """Returns closed form matting where the network is between 5 and 95%, 10 px at least."""
    whole = enlarge(probability, *mask.shape)
    return closed_form(photo, mask, near_edge(mask, 10) | ((whole > 0.05) & (whole < 0.95)))


# Measures


def near_edge(mask: Pixels, reach: float) -> Pixels:
    """Returns which pixels lie within a distance in px of a mask's edge."""
    inside, outside = (
        cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 5) for area in (mask, ~mask)
    )
    return np.where(mask, inside, outside) <= reach


def gradient(alpha: Floats) -> Floats:
    """Returns the slope of alpha, blurred by 1.4 px (Rhemann et al. 2009)."""
    slopes = [
        cv2.GaussianBlur(cv2.Sobel(alpha, cv2.CV_32F, x, 1 - x, scale=1 / 8), (0, 0), 1.4)
        for x in (0, 1)
    ]
    return np.hypot(*slopes)


def errors(found: Cutout, truth: Cutout, band: Pixels) -> list[float]:
    """Returns absolute and gradient error, in px of edge, and colour error on new backgrounds."""
    car = truth.alpha >= 0.5
    length = np.count_nonzero(car & (cv2.erode(car.view(np.uint8), np.ones((3, 3))) == 0))
    absolute = np.abs(found.alpha - truth.alpha)[band].sum() / length
    slopes = np.square(gradient(found.alpha) - gradient(truth.alpha))[band].sum() / length
    colours = [
        np.abs(found.over(ground)[band].astype(int) - truth.over(ground)[band]).mean()
        for ground in (np.array(each, np.uint8) for each in GROUNDS.values())
    ]
    return [float(absolute), float(slopes), float(np.mean(colours))]


def halo(found: Cutout, photo: NDArray[np.uint8], mask: Pixels) -> list[float]:
    """Returns what is left of the old background along a cut-out's edge.

    The ring is what is seen of the outermost 3 px. The car's own colour there is taken to be that
    of 4 to 8 px inside of the mask's edge, and the old background's that of 4 to 8 px outside;
    places where the two are less than 20 Lab units apart say nothing and are left out.

    Returns:
        Share of the old background in the ring's colours, weighted by alpha; then on green, the
        distance in Lab of the ring to the new background and to the old one.
    """
    depth = np.where(mask, 1, -1) * cv2.distanceTransform(
        (~near_edge(mask, 1)).view(np.uint8), cv2.DIST_L2, 5
    )
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    own, old = (_spread(lab, (sign * depth >= 3) & (sign * depth < 8)) for sign in (1, -1))
    shown = found.alpha >= 0.5
    ring = near_edge(shown, 3) & (found.alpha > 0.1) & (np.abs(depth) < 8)
    ring &= np.linalg.norm(own - old, axis=2) > 20
    colours = cv2.cvtColor(found.foreground.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    way = (old - own)[ring]
    share = ((colours - own)[ring] * way).sum(axis=1) / np.square(way).sum(axis=1)
    weight = found.alpha[ring]
    green = np.array(GROUNDS["green"], np.uint8)
    laid = cv2.cvtColor(found.over(green).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    target = cv2.cvtColor((green / np.float32(255)).reshape(1, 1, 3), cv2.COLOR_RGB2LAB)
    to_new = np.linalg.norm(laid[ring] - target[0, 0], axis=1).mean()
    to_old = np.linalg.norm(laid[ring] - old[ring], axis=1).mean()
    left = (np.clip(share, 0, 1) * weight).sum() / weight.sum()
    return [float(left), float(to_new), float(to_old)]


def _spread(colours: Floats, where: Pixels) -> Floats:
    """Returns the mean colour near each pixel of those where a mask is true."""
    size = (25, 25)
    total = cv2.blur(colours * where[..., None], size)
    return total / np.maximum(cv2.blur(where.astype(np.float32), size), 1e-6)[..., None]


def table(names: Sequence[str], rows: Rows) -> Iterator[str]:
    """Yields a table of means in Markdown."""
    yield "| " + " | ".join(("", *names)) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for name, values in rows.items():
        cells = [f"{value:.3f}" for value in np.mean(values, axis=0)]
        yield "| " + " | ".join([name, *cells]) + " |"


def masked(photo: NDArray[np.uint8], model: ImageModel) -> tuple[NDArray[np.uint8], Pixels, Floats]:
    """Returns what candidates take: a photo, its mask and the probability on the grid."""
    probability = model.predict(photo).probability
    return photo, enlarge(probability, *photo.shape[:2]) >= model.threshold, probability


def measure_halos(
    options: argparse.Namespace, model: ImageModel, candidates: dict[str, Candidate], rows: Rows
) -> list[str]:
    """Measures halos on photos; returns the figures' names."""
    for path in sorted(options.photos.iterdir())[:: options.every]:
        photo, mask, probability = masked(read_image(path.read_bytes()), model)
        if mask.any():
            for name, candidate in candidates.items():
                rows[name].append(halo(candidate(photo, mask, probability), photo, mask))
    return ["old background left", "distance to the new one", "distance to the old one"]


def measure_edges(
    options: argparse.Namespace, model: ImageModel, candidates: dict[str, Candidate], rows: Rows
) -> list[str]:
    """Measures edges on photos whose masks people drew; returns the figure's name."""
    for sample in open_dataset(options.data).samples[:: options.every]:
        image, car = sample.read()
        photo, mask, probability = masked(image, model)
        if mask.any() and car.any():
            truth = Cutout(photo, car.astype(np.float32))
            reach = BAND * max(mask.shape)
            band = near_edge(car, reach) & near_edge(mask, reach)
            for name, candidate in candidates.items():
                inside = candidate(photo, mask, probability).alpha >= 0.5
                found = Cutout(photo, inside.astype(np.float32))
                rows[name].append(errors(found, truth, band)[:1])
    return ["distance of the edges, px"]


def measure_scenes(
    options: argparse.Namespace, model: ImageModel, candidates: dict[str, Candidate], rows: Rows
) -> list[str]:
    """Measures alpha and colours on drawn cars; returns the figures' names."""
    for image, truth in scenes(options):
        photo, mask, probability = masked(image, model)
        if options.perfect_network:
            height, width = probability.shape
            probability = cv2.resize(truth.alpha, (width, height), interpolation=cv2.INTER_AREA)
            mask = enlarge(probability, *mask.shape) >= 0.5
        if not mask.any():
            continue
        reach = BAND * max(mask.shape)
        whole = near_edge(truth.alpha >= 0.5, reach)
        band = whole & near_edge(mask, reach)
        for name, candidate in candidates.items():
            began = time.process_time()
            found = candidate(photo, mask, probability)
            seconds = time.process_time() - began
            of_all = errors(found, truth, whole)[0]
            rows[name].append([*errors(found, truth, band), of_all, seconds])
    names = ["absolute error, px", "gradient error", "colour error, levels"]
    return [*names, "absolute error, wrong masks included", "CPU seconds"]


def main() -> None:
    """Measures all candidates and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backgrounds", type=Path, help="photos without a car, *.jpg")
    parser.add_argument("--scenes", type=Path, help="where rendered scenes are stored")
    parser.add_argument("--cars", type=int, default=24, help="number of the last car plus one")
    parser.add_argument("--first", type=int, default=0, help="number of the first car")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--pymatting", action="store_true", help="measure PyMatting as well")
    parser.add_argument(
        "--perfect-network",
        action="store_true",
        help="take the true alpha, shrunk to the network's grid, for its probability",
    )
    parser.add_argument("--photos", type=Path, help="measure halos on the photos of a folder")
    parser.add_argument("--data", type=Path, help="measure edges on a data folder with masks")
    parser.add_argument("--every", type=int, default=7, metavar="N", help="take each Nth of them")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-outside")
    options = parser.parse_args()
    model = Mirrored(TorchPredictor.load(options.checkpoint, "cpu"))
    candidates: dict[str, Candidate] = {"threshold": threshold, "probability": plain_probability}
    if options.pymatting:
        candidates["closed form, 10 px (PyMatting)"] = closed_form_fixed
        candidates["closed form, the network's band (PyMatting)"] = closed_form_wide
    candidates["Carmask"] = carmask
    measure = measure_scenes
    if options.photos:
        measure = measure_halos
    elif options.data:
        measure = measure_edges
    elif not (options.scenes and options.backgrounds):
        parser.error("give --scenes and --backgrounds, --photos, or --data")
    rows: Rows = defaultdict(list)
    names = measure(options, model, candidates, rows)
    print(f"{len(rows['Carmask'])} photos")
    print("\n".join(table(names, rows)))


if __name__ == "__main__":
    main()
