"""Photos of one to several cars, each of which is known: what clicks are simulated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.cutout import Cutout
from core.errors import MaskError
from core.preprocess import mask_levels, resize
from core.truth import IGNORED, Mask
from training.augment.composite import Backgrounds
from training.augment.cutout import blend, cut_by_levels, ground_shadow, match_colours
from training.data.folder import Sample

LONGEST = 640
"""Longer side of a scene in px; most photos of cars in the open have fewer."""
_VISIBLE = 0.5
"""Every car of a composite shows at least this share of itself."""
_TRIES = 8
"""For a place at which a car hides no other one too much."""


@dataclass
class Scene:
    """A photo and its cars."""

    photo: NDArray[np.uint8]
    """RGB (H, W, 3)."""
    cars: NDArray[np.uint8]
    """Number of the car that each pixel shows, (H, W): from 1; 0 is background, 255 is ignored."""
    apart: bool
    """Whether each car has a number of its own; else each connected part of the mask has one."""
    guesses: list[Mask] = field(default_factory=list)
    """Masks (H, W) of the photo by networks, as starts to correct."""

    @property
    def numbers(self) -> list[int]:
        """The numbers in use, rising."""
        return [int(number) for number in np.unique(self.cars) if 0 < number < IGNORED]


def photo_scene(sample: Sample, instances: Path | None = None) -> Scene:
    """Returns a photo of a data folder as a scene.

    Args:
        sample: The photo with its mask.
        instances: Folder with a PNG file for some photos, named as they are, whose values are the
            numbers of the cars.

    Raises:
        ImageError: The photo can't be read.
        MaskError: A mask can't be read or has another size than the photo.
    """
    photo, truth = sample.read_truth()
    numbers = _instances_of(sample, instances, truth.car.shape)
    apart = numbers is not None
    if numbers is None:
        _, parts = cv2.connectedComponents(truth.car.view(np.uint8), connectivity=8)
        numbers = np.minimum(parts, IGNORED - 1).astype(np.uint8)
    cars = np.where(truth.car, numbers, 0).astype(np.uint8)
    if truth.ignored is not None:
        cars[truth.ignored] = IGNORED
    return _shrunk(Scene(photo, cars, apart))


def _instances_of(
    sample: Sample, folder: Path | None, shape: tuple[int, ...]
) -> NDArray[np.uint8] | None:
    path = folder / f"{sample.name}.png" if folder else None
    if path is None or not path.is_file():
        return None
    with Image.open(path) as picture:
        numbers = np.asarray(picture)
    if numbers.shape != shape:
        raise MaskError(f"{path.name} has the shape {numbers.shape}, its photo {shape}.")
    return numbers.astype(np.uint8)


def _shrunk(scene: Scene) -> Scene:
    height, width = scene.cars.shape
    scale = LONGEST / max(height, width)
    if scale >= 1:
        return scene
    shape = round(height * scale), round(width * scale)
    cars = np.zeros(shape, np.uint8)
    for number in np.unique(scene.cars[scene.cars > 0]):
        cars[resize(mask_levels(scene.cars == number), *shape) >= 128] = number
    return Scene(resize(scene.photo, *shape), cars, scene.apart)


def composite_scene(
    samples: Sequence[Sample],
    backgrounds: Backgrounds,
    rng: np.random.Generator,
    stretch: tuple[float, float] = (1.3, 1.55),
) -> Scene:
    """Returns two to five cars on a photo without cars, the nearer ones before the others.

    Args:
        samples: Photos of one whole car each, which are drawn from.
        backgrounds: Photos without cars.
        rng: Source of all draws.
        stretch: Range of the width that a car gets, for photos that were squeezed into a square.

    Raises:
        ImageError: A photo can't be read.
        MaskError: A mask can't be read.
    """
    ground = _ground(backgrounds, rng)
    shape = (ground.shape[0], ground.shape[1])
    wanted = int(rng.integers(2, 6))
    size = rng.uniform(0.25, 0.6)
    cars = np.zeros(shape, np.uint8)
    whole = [0]  # area of each car, hidden or not
    # A car that stands lower in the picture is nearer.
    for bottom in np.sort(rng.uniform(0.5, 1.02, wanted)):
        sample = samples[int(rng.integers(len(samples)))]
        photo, mask = sample.read()
        wide = round(photo.shape[1] * rng.uniform(*stretch))
        photo = resize(photo, photo.shape[0], wide)
        levels = resize(mask_levels(mask), photo.shape[0], wide)
        if rng.random() < 0.5:
            photo, levels = np.ascontiguousarray(photo[:, ::-1]), levels[:, ::-1].copy()
        cutout = cut_by_levels(photo, levels)
        if cutout is None:
            continue
        placed = _placed(cutout, cars, whole, size * rng.uniform(0.75, 1.25), bottom, rng)
        if placed is None:
            continue
        colours = match_colours(placed, photo, levels >= 128, ground, rng.uniform(0.1, 0.7))
        shaded = ground_shadow(ground, placed.alpha, rng.uniform(0.4, 0.9))
        ground = blend(shaded, colours, placed.alpha, rng.uniform(0.4, 1.2))
        cars[placed.alpha >= 0.5] = len(whole)
        whole.append(int((placed.alpha >= 0.5).sum()))
    return Scene(ground, cars, apart=True)


def _ground(backgrounds: Backgrounds, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns a random part of a random background, its longer side 640 px."""
    photo = backgrounds.read(int(rng.integers(len(backgrounds))))
    height, width = (round(side * rng.uniform(0.7, 1.0)) for side in photo.shape[:2])
    top = int(rng.integers(photo.shape[0] - height + 1))
    left = int(rng.integers(photo.shape[1] - width + 1))
    part = photo[top : top + height, left : left + width]
    scale = LONGEST / max(height, width)
    return resize(np.ascontiguousarray(part), round(height * scale), round(width * scale)).copy()


def _placed(
    cutout: Cutout,
    cars: NDArray[np.uint8],
    whole: Sequence[int],
    size: float,
    bottom: float,
    rng: np.random.Generator,
) -> Cutout | None:
    """Returns a car where it hides no other one too much; None where no such place was found.

    Args:
        cutout: The car.
        cars: Numbers of the cars that are there, (H, W).
        whole: Their areas in px, hidden or not.
        size: The car's width as a share of the picture's.
        bottom: Where it stands, as a share of the picture's height.
        rng: Source of the draws.
    """
    height, width = cars.shape
    box = cutout.box()
    factor = min(size * width / (box[3] - box[1]), 0.8 * height / (box[2] - box[0]), 1.4)
    for _ in range(_TRIES):
        middle = rng.uniform(0.05, 0.95) * width
        x = middle - factor * (box[1] + box[3]) / 2
        placed = cutout.moved(factor, x, bottom * height - factor * box[2], (height, width))
        new = placed.alpha >= 0.5
        left = np.bincount(cars[~new], minlength=len(whole))
        if new.any() and all(left[k] >= _VISIBLE * whole[k] for k in range(1, len(whole))):
            return placed
    return None
