"""How still a spin stands, whether shadows touch the wheels, and what listing photos cost.

python benchmarks/listing.py                      # drawn spins, exact masks
python benchmarks/listing.py --network            # the same, cut out by the default network
python benchmarks/listing.py --network --data DIR --only CAR  # photos, masks that people drew
python benchmarks/listing.py --cost 4             # time and memory of 4 photos of 12 megapixels
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.cli_photos import add_network_options, chosen_checkpoints  # noqa: E402
from core.image import encode_jpeg  # noqa: E402
from core.listing.car import Car, cut_car  # noqa: E402
from core.listing.compose import compose  # noqa: E402
from core.listing.ground import draw_shadow  # noqa: E402
from core.listing.place import measure_series, place_car  # noqa: E402
from core.listing.recipe import ListingRecipe, presets  # noqa: E402
from core.listing.steps import Output, Place, Shadow  # noqa: E402
from training.data.folder import open_dataset  # noqa: E402
from training.synthetic import VIEWS, render_view, sample_car  # noqa: E402

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Finder = Callable[[Image], tuple[Mask, NDArray[np.float32] | None]]


@dataclass(frozen=True)
class View:
    """One picture of a spin."""

    image: Image
    mask: Mask
    """The true car."""
    zoom: float = 1.0
    """How much larger the car is than a camera that stands still would have it."""


def spin(car: int, height: int, *, by_hand: bool) -> list[View]:
    """Returns the sixteen views of a drawn car, the camera on a tripod or in a hand."""
    random, views = np.random.default_rng(car), []
    for view in range(1, VIEWS + 1):
        drawn = render_view(sample_car(0, car), view, height=height, width=height * 3 // 2)
        zoom, shift = 1.0, np.zeros(2)
        if by_hand:
            zoom, shift = random.uniform(0.86, 1.0), random.uniform(-0.02, 0.02, 2)
        middle = np.array([height * 0.75, height * 0.5])
        move = np.column_stack([np.eye(2) * zoom, middle * (1 - zoom) + shift * height])
        size = (height * 3 // 2, height)
        image = cv2.warpAffine(drawn.image, move, size, borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(drawn.mask.astype(np.float32), move, size) >= 0.5
        views.append(View(np.asarray(image, np.uint8), mask, zoom))
    return views


def cars_of(views: list[View], recipe: ListingRecipe, find: Finder | None) -> list[Car]:
    """Returns the cut-out cars of a spin, by their true masks or by a network."""
    cars = []
    for view in views:
        mask, probability = find(view.image) if find else (view.mask, None)
        car = cut_car(view.image, mask, probability, recipe)
        assert car is not None
        cars.append(car)
    return cars


def boxes_in(cars: list[Car], recipe: ListingRecipe) -> NDArray[np.float64]:
    """Returns left, top, right and bottom of each car in its finished picture, in px."""
    width, height = recipe.get(Output).frame(*cars[0].photo)
    series = measure_series(recipe.find(Place), [car.box for car in cars], height / width)
    bare = recipe.without_step("background").without_step("shadow")
    bare = bare.with_step(Output(width=width, height=height))
    found = []
    for car in cars:
        alpha = compose(car, bare, series=series).pixels[..., 3]
        left, top, wide, high = cv2.boundingRect((alpha > 127).view(np.uint8))
        found.append((left, top, left + wide, top + high))
    return np.array(found, float)


def true_boxes(views: list[View]) -> NDArray[np.float64]:
    """Returns left, top, right and bottom of each true car in its photo, in px."""
    rects = [cv2.boundingRect(view.mask.view(np.uint8)) for view in views]
    return np.array([(x, y, x + wide, y + high) for x, y, wide, high in rects], float)


def jitter_of_camera(cars: list[Car], recipe: ListingRecipe) -> list[float]:
    """Returns the largest departure from one movement of all photos, in shares of the width.

    Of the car's middle (place) and of its width (scale), by what was cut out of each photo.
    """
    made, true = boxes_in(cars, recipe), np.array([astuple(car.box)[:4] for car in cars])
    true = true * cars[0].photo[0]
    width = recipe.get(Output).width
    middle, wide = (made[:, 0] + made[:, 2]) / 2, made[:, 2] - made[:, 0]
    true_middle, true_wide = (true[:, 0] + true[:, 2]) / 2, true[:, 2] - true[:, 0]
    scale = np.median(wide / true_wide)
    place = middle - scale * true_middle
    return [
        float(np.abs(place - np.median(place)).max() / width),
        float(np.abs(wide - scale * true_wide).max() / width),
    ]


def photographed(data: Path, car: str) -> list[View]:
    """Returns the photos of a car in a data folder, the camera on a tripod.

    Aerials are taken from the masks: people drew them in most views, and a car's size is without.
    """
    views = []
    for sample in (each for each in open_dataset(data).samples if each.car == car):
        image, mask = sample.read()
        wide = np.ones((1, round(0.015 * mask.shape[1])), np.uint8)
        body = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, wide)
        views.append(View(image, body > 0))
    return views


def jitter_of_truth(views: list[View], cars: list[Car], recipe: ListingRecipe) -> list[float]:
    """Returns how far true cars depart where found masks place them, in shares of the width.

    Of its middle and its scale: by one movement of all photos for a tripod, else by one height.
    """
    width, height = recipe.get(Output).frame(*cars[0].photo)
    step = recipe.find(Place)
    series = measure_series(step, [car.box for car in cars], height / width)
    places = [place_car(step, car.box, height / width, series) for car in cars]
    true = true_boxes(views) / cars[0].photo[0]
    scales = np.array([place.scale for place in places])
    left, right = (np.array([place.x for place in places]) + scales * true[:, i] for i in (0, 2))
    ground = np.array([place.y for place in places]) + scales * true[:, 3]
    high = scales * (true[:, 3] - true[:, 1])
    if series.box is not None:  # a car that turns has another middle in each view
        made = boxes_in(cars, recipe) / width
        found = [(made[:, 0] + made[:, 2] - left - right) / 2, made[:, 3] - ground]
        found.append(made[:, 2] - made[:, 0] - (right - left))
    else:
        found = [each - np.median(each) for each in ((left + right) / 2, ground, high)]
    return [float(np.abs(each).max()) for each in found]


def jitter_by_hand(views: list[View], cars: list[Car], recipe: ListingRecipe) -> list[float]:
    """Returns how far middle, ground and height depart in shares of the width, and true scale.

    The last is the standard deviation of the scale that a car really has, in shares of it: seen
    from the front it is nearer to the camera, so that one height is not quite one scale.
    """
    made = boxes_in(cars, recipe)
    width = recipe.get(Output).width
    middle, ground, high = (made[:, 0] + made[:, 2]) / 2, made[:, 3], made[:, 3] - made[:, 1]
    true = true_boxes(views)
    scales = high / (true[:, 3] - true[:, 1]) * np.array([view.zoom for view in views])
    spread = [np.abs(each - np.median(each)).max() / width for each in (middle, ground, high)]
    return [float(each) for each in [*spread, scales.std() / scales.mean()]]


def shadow_gap(car: Car) -> float:
    """Returns the rows between the lowest pixel of a car and its shadow, in its heights."""
    alpha, step = car.alpha, Shadow()
    margin = alpha.shape[0] // 4
    size = (alpha.shape[1] + 2 * margin, alpha.shape[0] + 2 * margin)
    dark = draw_shadow(alpha, margin, margin, size, step)
    solid = alpha > 127
    lowest = int(np.flatnonzero(solid.any(1))[-1])
    columns = np.flatnonzero(solid[lowest])
    below = dark[margin + lowest + 1 :, margin + int(columns[len(columns) // 2])]
    seen = np.flatnonzero(below > step.contact / 4)
    return float(seen[0] / alpha.shape[0]) if seen.size else float("inf")


def default_finder(options: argparse.Namespace) -> Finder:
    """Returns what finds cars by the networks that the command line would take."""
    from core.masks import MaskSettings, mask_from_probability
    from core.predict import load_model

    model = load_model(*chosen_checkpoints(options), options.device)

    def find(image: Image) -> tuple[Mask, NDArray[np.float32] | None]:
        prediction = model.predict(image)
        probability = prediction.at_size(*image.shape[:2])
        settings = MaskSettings(model.threshold, keep_largest=True)
        return mask_from_probability(probability, settings), prediction.probability

    return find


def show_spins(options: argparse.Namespace) -> None:
    """Prints the jitter and the gaps of some spins."""
    find = default_finder(options) if options.network else None
    recipe = presets()["spin"]
    by_hand = recipe.with_step(Place(car_width=0.8, series="height"))
    rows: dict[str, list[list[float]]] = {"camera": [], "by hand": [], "gap": []}
    for car in range(options.cars):
        views = spin(car, options.height, by_hand=False)
        cars = cars_of(views, recipe, find)
        rows["camera"].append(jitter_of_camera(cars, recipe))
        rows["gap"].append([max(map(shadow_gap, cars))])
        views = spin(car, options.height, by_hand=True)
        rows["by hand"].append(jitter_by_hand(views, cars_of(views, by_hand, find), by_hand))
    names = {
        "camera": ("place", "scale"),
        "by hand": ("middle", "ground", "height", "true scale, std"),
        "gap": ("shadow below the wheels",),
    }
    print(f"{options.cars} cars, {VIEWS} views each; the largest value of all views and cars")
    for kind, titles in names.items():
        worst = np.array(rows[kind]).max(0)
        print(kind + ": " + ", ".join(f"{t} {v:.2%}" for t, v in zip(titles, worst, strict=True)))


def show_photographed(options: argparse.Namespace) -> None:
    """Prints the jitter and the gaps of photographed spins."""
    recipe = presets()["spin"]
    by_hand = recipe.with_step(Place(car_width=0.8, series="height"))
    find = default_finder(options) if options.network else None
    for name in options.only:
        views = photographed(options.data, name)
        cars = cars_of(views, recipe, find)
        print(f"{name}, {len(views)} views; the largest value of all")
        of_camera = jitter_of_camera(cars, recipe)
        for title, names, values in (
            ("camera", ("place", "scale"), of_camera),
            (
                "camera, outline beside the true one",
                ("middle", "ground", "width"),
                jitter_of_truth(views, cars, recipe),
            ),
            (
                "height, of the true car",
                ("middle", "ground", "height"),
                jitter_of_truth(views, cars, by_hand),
            ),
            ("gap", ("shadow below the wheels",), [max(map(shadow_gap, cars))]),
        ):
            print(
                f"{title}: " + ", ".join(f"{n} {v:.2%}" for n, v in zip(names, values, strict=True))
            )


def show_cost(options: argparse.Namespace) -> None:
    """Prints time and memory of photos of 12 megapixels, beside the mask alone.

    Then what became of a run that was killed when half of the pictures were there, and continued.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        for view in range(options.cost):
            car = sample_car(0, 2 + view // VIEWS)
            drawn = render_view(car, 1 + view % VIEWS, height=1000, width=1333)
            large = cv2.resize(drawn.image, (4000, 3000), interpolation=cv2.INTER_CUBIC)
            (folder / "photos" / f"car_{view:02}.jpg").write_bytes(encode_jpeg(large))
        for title, more in (
            ("mask alone", ["segment"]),
            ("listing photo", ["cutout", "--recipe", options.recipe]),
        ):
            figures = [_run(more, folder, count) for count in (1, options.cost)]
            (one, _), (all_of_them, memory) = figures
            a_photo = (all_of_them - one) / (options.cost - 1)
            print(f"{title}: {a_photo:.2f} s of CPU a photo, at most {memory / 1e6:.0f} MB")
        whole, killed = folder / f"cutout_{options.cost}", folder / "killed"
        process = subprocess.Popen(_command(more, folder, options.cost, killed), cwd=ROOT)
        while process.poll() is None and len(list(killed.glob("car_*"))) < options.cost // 2:
            time.sleep(0.2)
        process.kill()
        process.wait()
        there = len(list(killed.glob("car_*")))
        seconds, _ = _run(more, folder, options.cost, killed)
        pictures = sorted(whole.glob("car_*"))
        same = sum(each.read_bytes() == (killed / each.name).read_bytes() for each in pictures)
        print(f"killed after {there} pictures; the rest took {seconds:.0f} s of CPU, ", end="")
        print(f"all of them {all_of_them:.0f} s")
        print(f"{same} of {len(pictures)} files are those of the run that was not killed")


def _command(command: list[str], folder: Path, count: int, out: Path) -> list[str]:
    """Returns the command line that works on some of the photos."""
    photos = sorted(map(str, (folder / "photos").glob("*.jpg")))[:count]
    return [sys.executable, "-m", "core", command[0], *photos, "--out", str(out), *command[1:]]


def _run(
    command: list[str], folder: Path, count: int, out: Path | None = None
) -> tuple[float, float]:
    """Runs a command on some photos; returns seconds of CPU and the largest memory in bytes."""
    out = out or folder / f"{command[0]}_{count}"
    process = subprocess.Popen(
        _command(command, folder, count, out),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cars", type=int, default=4)
    parser.add_argument("--height", type=int, default=1024, help="of the drawn photos, px")
    parser.add_argument("--network", action="store_true", help="masks of the default network")
    parser.add_argument("--data", type=Path, help="data folder with photographed spins")
    parser.add_argument("--only", nargs="+", metavar="CAR", default=[], help="its cars")
    parser.add_argument("--cost", type=int, metavar="PHOTOS", help="measure time and memory")
    parser.add_argument("--recipe", default="showroom")
    add_network_options(parser)
    options = parser.parse_args()
    if options.cost:
        show_cost(options)
    elif options.data:
        show_photographed(options)
    else:
        show_spins(options)


if __name__ == "__main__":
    main()
