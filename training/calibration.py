"""What a checkpoint's uncertainty means, and what its training photos are like, from data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.familiarity import FIGURES, SIDE, Familiarity, surroundings
from core.uncertainty import Limits
from training.data.folder import Sample

GOOD, USELESS, USEFUL = 0.9, 0.8, 0.5
"""IoU from which a mask is good; below which it is useless; below which the car is missed."""
WARNED = 0.1
"""Share of good masks that come with a warning."""
SAFETY = 1.25
"""The limit for photos without a car, in uncertainties of the least certain useful mask."""
KNOWN = 0.999
"""Share of the training photos that are like the training photos."""
LEAST = 10
"""Photos of a kind that a limit needs."""
_COPIES = 2
"""Changed copies of each training photo: other light, other borders."""


@dataclass(frozen=True)
class Seen:
    """A photo that the checkpoint was not trained on, and what it made of it."""

    uncertainty: float
    """Disagreement of photo and mirror image, in [0, 1]."""
    iou: float | None
    """Of the mask, in [0, 1]; None for a photo without a car."""


def limits_of(photos: Sequence[Seen]) -> Limits:
    """Returns the limits that photos bear out.

    A tenth of the good masks come with a warning, whatever is usual for the network. Where photos
    without a car are among them there is a second limit, a quarter above the uncertainty of the
    least certain mask that is of use: beyond it lie hardly any cars.

    Raises:
        DataError: There are too few good masks.
    """
    good = [each.uncertainty for each in photos if each.iou is not None and each.iou >= GOOD]
    useful = [each.uncertainty for each in photos if each.iou is not None and each.iou >= USEFUL]
    without = sum(each.iou is None for each in photos)
    if len(good) < LEAST:
        raise DataError(
            f"{len(good)} masks have an IoU of {GOOD} or more; limits need {LEAST}. Give more "
            "photos of the kind that the checkpoint is for."
        )
    check = float(np.quantile(good, 1 - WARNED))
    no_car = min(1.0, SAFETY * max(useful)) if without >= LEAST else 1.0
    return Limits(round(check, 4), round(max(check, no_car), 4))


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Returns the photos of every other car, and those of the cars between: to choose and to judge.

    Cars are counted by source and name, so the halves are the same in whatever order they come.
    """
    cars = sorted({(sample.source, sample.car) for sample in samples})
    first = set(cars[::2])
    sides: tuple[list[Sample], list[Sample]] = ([], [])
    for sample in samples:
        sides[(sample.source, sample.car) not in first].append(sample)
    return sides


def how_they_hold(limits: Limits, photos: Sequence[Seen]) -> list[str]:
    """Returns, a line a kind of photo, how limits do on photos that they were not chosen on."""
    kinds: dict[str, list[Seen]] = {
        f"masks with an IoU of {GOOD} or more": [],
        f"masks below {USELESS}": [],
        "masks between": [],
        "photos without a car": [],
    }
    good, useless, between, without = kinds.values()
    for each in photos:
        if each.iou is None:
            without.append(each)
        else:
            (good if each.iou >= GOOD else useless if each.iou < USELESS else between).append(each)
    lines = []
    for kind, seen in kinds.items():
        gone = sum(each.uncertainty > limits.no_car for each in seen)
        warned = sum(limits.check < each.uncertainty <= limits.no_car for each in seen)
        lines.append(f"{kind}: of {len(seen)}, {warned} with a warning, {gone} taken for no car")
    return lines


def familiarity_of(thumbnails: Sequence[NDArray[np.uint8]]) -> Familiarity:
    """Returns what photos have in common.

    Mean and covariance are those of the photos and of changed copies, so that other light or other
    borders are no reason to be unlike them; all but one photo in a thousand lie below
    the limit.

    Args:
        thumbnails: Of the training photos, (SIDE, SIDE, 3) uint8; see `core.familiarity`.

    Raises:
        DataError: There are too few photos for the covariance.
    """
    if len(thumbnails) < 2 * FIGURES:
        raise DataError(
            f"{len(thumbnails)} training photos were found; what they have in common needs "
            f"{2 * FIGURES}."
        )
    random = np.random.default_rng(0)
    figures = [surroundings(small) for small in thumbnails]
    for _ in range(_COPIES):
        figures += [surroundings(_changed(small, random)) for small in thumbnails]
    covariance = np.cov(np.asarray(figures).T) + 1e-5 * np.eye(FIGURES)
    mean = np.mean(figures, axis=0)
    precision = np.linalg.inv(covariance)
    told = Familiarity(_rounded(mean), tuple(_rounded(row) for row in precision), 1.0)
    distances = [told.distance(small) for small in thumbnails]
    limit = 1.01 * float(np.quantile(distances, KNOWN))  # rounding takes no photo away
    return replace(told, limit=float(f"{limit:.3g}"))


def _changed(small: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Returns a thumbnail in other light, with other borders and noise, mirrored or not."""
    top, bottom, left, right = random.integers(0, SIDE // 8, 4)
    inner = small[top : SIDE - bottom, left : SIDE - right].astype(np.float32)
    enlarged = cv2.resize(inner, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    part = np.asarray(enlarged, np.float64)
    part = part * random.uniform(0.75, 1.2) * (1 + random.uniform(-0.1, 0.1, 3))
    part = 255 * (np.clip(part, 0, 255) / 255) ** random.uniform(0.8, 1.25)
    part += random.normal(0, random.uniform(0, 3), part.shape)
    if random.random() < 0.5:
        part = part[:, ::-1]
    return np.clip(part, 0, 255).astype(np.uint8)


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Returns values with six digits: a checkpoint's header stays small."""
    return tuple(float(f"{value:.6g}") for value in values)
