"""Simulated clicks: a scene, a mask that is wrong, and the click of a person who corrects it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.clicks import Click, crop_round, target_crop
from core.preprocess import mask_levels
from core.refine import Crop
from core.truth import IGNORED, Mask
from training.clicks.scenes import Scene

_LEAST_ERROR = 24
"""Px of a part that is wrong from which a person would click on it."""
_EARLIER = 3
"""Most clicks of before that a sample has."""


@dataclass(frozen=True)
class Task:
    """A mask to correct."""

    photo: NDArray[np.uint8]
    """RGB (H, W, 3)."""
    truth: Mask
    """What the mask should be, bool (H, W)."""
    ignored: Mask
    """Where nobody judges, bool (H, W)."""
    mask: Mask
    """The present mask, bool (H, W)."""
    clicks: tuple[Click, ...]
    """Those of before, then the one that is to be answered."""

    @property
    def error(self) -> Mask:
        """Where the mask is wrong, bool (H, W)."""
        return (self.mask ^ self.truth) & ~self.ignored


def draw_task(scene: Scene, rng: np.random.Generator) -> Task | None:
    """Returns a mask of a scene to correct, with a click; None where the draw had no error.

    The truth is one car, some, or all of them. The mask is empty, a network's own, or the truth
    with parts missing and others too many.
    """
    ignored = scene.cars == IGNORED
    truth, mask = _start(scene, rng)
    mask = mask & ~ignored
    click = error_click(truth & ~ignored, mask, rng)
    if click is None:
        return None
    if not mask.any() and not scene.apart:  # one click is one part of several that don't touch
        truth = scene.cars == scene.cars[click.y, click.x]
    clicks = (*_earlier_clicks(truth, mask, rng), click)
    return Task(scene.photo, truth, ignored, mask, clicks)


def single_car_task(scene: Scene, rng: np.random.Generator) -> Task:
    """Returns the task to mask one car of a scene from a click on it; the mask is empty."""
    truth = scene.cars == rng.choice(scene.numbers)
    click = click_in(truth, truth, rng, least=0.25)
    return Task(scene.photo, truth, scene.cars == IGNORED, np.zeros_like(truth), (click,))


def error_click(truth: Mask, mask: Mask, rng: np.random.Generator) -> Click | None:
    """Returns a click in a part of a mask that is wrong, mostly a large one; None without a part.

    Args:
        truth: What the mask should be, bool (H, W).
        mask: The present mask, bool (H, W).
        rng: Draws the part and the place.
    """
    parts = list(_wrong_parts(truth, mask))
    if not parts:
        return None
    ranks = [area * rng.uniform(0.2, 1.0) ** 2 for area, _ in parts]
    return click_in(parts[int(np.argmax(ranks))][1], truth, rng, least=0.25)


def worst_click(truth: Mask, mask: Mask, rng: np.random.Generator) -> Click | None:
    """Returns a click in the largest part that is wrong, as a person would give it; see above."""
    parts = list(_wrong_parts(truth, mask))
    return click_in(max(parts, key=lambda part: part[0])[1], truth, rng) if parts else None


def click_in(part: Mask, truth: Mask, rng: np.random.Generator, least: float = 0.5) -> Click:
    """Returns a click at a random place well inside of a part.

    Args:
        part: Where to click, bool (H, W) with a true pixel.
        truth: What the mask should be, bool (H, W).
        rng: Draws the place.
        least: Depth of the place as a share of the greatest one, drawn from here to 1.
    """
    # The photo's border counts as an edge: people click where they see what they click on.
    padded = np.pad(part.view(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= depth.max() * rng.uniform(least, 1.0))
    place = int(rng.integers(len(rows)))
    y, x = int(rows[place]), int(columns[place])
    return Click(x, y, bool(truth[y, x]))


def _wrong_parts(truth: Mask, mask: Mask) -> Iterator[tuple[int, Mask]]:
    """Yields area and pixels of each connected part that is missing or too many."""
    for wrong in (truth & ~mask, mask & ~truth):
        count, parts, stats, _ = cv2.connectedComponentsWithStats(
            np.ascontiguousarray(wrong).view(np.uint8), connectivity=8
        )
        for number in range(1, count):
            area = int(stats[number, cv2.CC_STAT_AREA])
            if area >= _LEAST_ERROR:
                yield area, parts == number


def draw_crop(task: Task, rng: np.random.Generator, aspect: float) -> Crop:
    """Returns a part of the photo as a prediction has it: round the target, or round the change.

    Args:
        task: The mask to correct.
        rng: Source of the draws.
        aspect: Width over height that the crop gets, where the photo allows it.
    """
    click = task.clicks[-1]
    if rng.random() < 0.5:
        crop = target_crop(task.mask, click, rng.uniform(0.15, 0.5))
    else:
        margin = rng.uniform(0.2, 0.8)
        crop = crop_round(_box_of(_part_at(task.error, click)), click, task.mask.shape, margin)
    return _with_aspect(crop, click, task.mask.shape, aspect * rng.uniform(0.85, 1.18))


def _with_aspect(crop: Crop, click: Click, shape: tuple[int, int], aspect: float) -> Crop:
    """Returns a crop that was grown to an aspect, or cut round its click where the photo ends."""
    high, wide = float(crop.bottom - crop.top), float(crop.right - crop.left)
    high, wide = max(high, wide / aspect), max(wide, high * aspect)
    shrink = min(1.0, shape[0] / high, shape[1] / wide)
    starts, ends = [], []
    for middle, at, length, side in (
        ((crop.top + crop.bottom) / 2, click.y, high, shape[0]),
        ((crop.left + crop.right) / 2, click.x, wide, shape[1]),
    ):
        long = min(side, max(8, round(length * shrink)))
        start = min(max(round(middle - long / 2), at + 1 - long, 0), at, side - long)
        starts.append(start)
        ends.append(start + long)
    return Crop(starts[0], starts[1], ends[0], ends[1])


def _part_at(error: Mask, click: Click) -> Mask:
    _, parts = cv2.connectedComponents(np.ascontiguousarray(error).view(np.uint8), connectivity=8)
    return np.asarray(parts == parts[click.y, click.x])


def _box_of(part: Mask) -> Crop:
    left, top, wide, high = cv2.boundingRect(part.view(np.uint8))
    return Crop(top, left, top + high, left + wide)


def _start(scene: Scene, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """Returns a truth and the mask that is to become it."""
    numbers = scene.numbers
    every = (scene.cars > 0) & (scene.cars < IGNORED)
    kind = rng.random()
    if scene.guesses and kind < 0.5:
        guess = scene.guesses[int(rng.integers(len(scene.guesses)))]
        chosen = every
        if scene.apart and len(numbers) > 1 and rng.random() < 0.5:  # one of the cars is meant
            chosen = scene.cars == rng.choice(numbers)
        if rng.random() < 0.3:
            guess = spoiled(scene.photo, guess, rng)
        return chosen, guess
    if not numbers:  # a photo without a car: what is marked there has to go
        return every, spoiled(scene.photo, every, rng)
    if kind < 0.7:
        return scene.cars == rng.choice(numbers), np.zeros_like(every)
    if scene.apart and len(numbers) > 1:
        some = rng.permutation(numbers)[: int(rng.integers(1, len(numbers) + 1))]
        truth = np.isin(scene.cars, some)
        mask = truth
        if rng.random() < 0.5:  # another car's mask too many, or too few
            other = scene.cars == rng.choice(numbers)
            mask = (mask & ~other) if (other & mask).any() else mask | other
            if rng.random() < 0.5:
                return truth, mask
        return truth, spoiled(scene.photo, mask, rng)
    return every, spoiled(scene.photo, every, rng)


def spoiled(photo: NDArray[np.uint8], mask: Mask, rng: np.random.Generator) -> Mask:
    """Returns a mask with one to three of the faults that masks have.

    Parts are missing or too many, along an edge or by colour, with a hole, a straight cut, or the
    whole mask shifted, grown or shrunk.
    """
    result = mask.copy()
    for _ in range(int(rng.integers(1, 4))):
        result = _FAULTS[int(rng.integers(len(_FAULTS)))](photo, result, rng)
    return result


def _blob(photo: NDArray[np.uint8], mask: Mask, rng: np.random.Generator, near_edge: bool) -> Mask:
    """Returns a round, ragged or even-coloured region somewhere at a mask, bool (H, W)."""
    height, width = mask.shape
    bits = mask.view(np.uint8)
    where = bits if mask.any() else np.ones_like(bits)
    if near_edge:
        gradient = cv2.morphologyEx(bits, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        edge = np.asarray(gradient, np.uint8)
        where = edge if edge.any() else where
    rows, columns = np.nonzero(where)
    place = int(rng.integers(len(rows)))
    y, x = int(rows[place]), int(columns[place])
    length = float(np.sqrt(mask.sum())) if mask.any() else 0.4 * min(height, width)
    radius = max(4.0, length * rng.uniform(0.06, 0.5))
    blob = np.zeros((height, width), np.uint8)
    axes = round(radius * rng.uniform(0.5, 1.5)), round(radius * rng.uniform(0.5, 1.5))
    cv2.ellipse(blob, (x, y), axes, rng.uniform(0, 180), 0, 360, 1, -1)
    kind = rng.random()
    if kind < 0.35:  # ragged: smooth noise decides
        noise = rng.random((9, 9)).astype(np.float32)
        blob &= cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) > 0.4
    elif kind < 0.75:  # what has the colour of the place
        smooth = cv2.blur(photo, (5, 5)).astype(np.int16)
        away = np.abs(smooth - smooth[y, x]).max(axis=2)
        blob &= cv2.medianBlur((away < rng.uniform(15, 50)).view(np.uint8), 5)
    return blob > 0


def _missing(photo: NDArray[np.uint8], mask: Mask, rng: np.random.Generator) -> Mask:
    return mask & ~_blob(photo, mask, rng, near_edge=rng.random() < 0.7)


def _too_many(photo: NDArray[np.uint8], mask: Mask, rng: np.random.Generator) -> Mask:
    return mask | _blob(photo, mask, rng, near_edge=True)


def _cut(photo: NDArray[np.uint8], mask: Mask, rng: np.random.Generator) -> Mask:
    """A straight line takes away what is beyond it."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return mask
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    result = mask.copy()
    gone = along > np.quantile(along, rng.uniform(0.5, 0.97))
    result[rows[gone], columns[gone]] = False
    return result


def _moved(photo: NDArray[np.uint8], mask: Mask, rng: np.random.Generator) -> Mask:
    """Shifted, grown or shrunk by a few pixels."""
    bits = mask.view(np.uint8)
    kind = rng.random()
    if kind < 0.3:
        shift = rng.uniform(-0.03, 0.03, 2) * max(mask.shape)
        move = np.array([[1, 0, round(shift[0])], [0, 1, round(shift[1])]], np.float64)
        return np.asarray(cv2.warpAffine(bits, move, mask.shape[::-1]) > 0)
    side = int(rng.integers(1, 5)) * 2 + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray((cv2.dilate if kind < 0.65 else cv2.erode)(bits, disk) > 0)


_FAULTS = (_missing, _missing, _too_many, _too_many, _cut, _moved)


def _earlier_clicks(truth: Mask, mask: Mask, rng: np.random.Generator) -> Sequence[Click]:
    """Returns up to three clicks of before, where the mask is right by now."""
    count = int(rng.integers(_EARLIER + 1)) if rng.random() < 0.5 else 0
    clicks = []
    for _ in range(count):
        if rng.random() < 0.6 or not mask.any():
            where = truth & mask
        else:
            near = cv2.dilate(mask_levels(mask), np.ones((41, 41), np.uint8)) > 0
            where = near & ~truth & ~mask
        rows, columns = np.nonzero(where)
        if len(rows):
            place = int(rng.integers(len(rows)))
            y, x = int(rows[place]), int(columns[place])
            clicks.append(Click(x, y, bool(truth[y, x])))
    return clicks
