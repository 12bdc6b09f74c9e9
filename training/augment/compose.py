"""A recipe at work: photos and masks become augmented ones.

What a sample becomes is a function of (seed, epoch, index) alone, so workers, restarts and
resumes can't change it.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from core.preprocess import resize
from core.truth import Truth
from training.augment.build import build_step
from training.augment.drawn import drawn_values
from training.augment.levels import AnyMask, Levels
from training.augment.recipe import Recipe, find_recipe

_FOREGROUND = "foreground"  # what albumentations calls the plane of `Levels`


def resized(
    image: NDArray[np.uint8], mask: NDArray[np.bool_ | np.uint8], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns photo and mask as the squares that an Augmenter of this size begins with.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool, or levels that this function returned.
        size: Side of the square in px.

    Returns:
        The photo (S, S, 3), and the mask (S, S) as levels: 255 where car is, less along its edge.
    """
    square, levels = resized_truth(image, mask, size)
    return square, levels.car


def resized_truth(
    image: NDArray[np.uint8], mask: AnyMask, size: int
) -> tuple[NDArray[np.uint8], Levels]:
    """Returns what `resized` returns, together with what is ignored.

    Where both sides grow, the photo grows as for a prediction and the mask along smooth edges.
    """
    levels = Levels.of(mask)
    grows = max(image.shape[:2]) < size
    square = resize(image, size, size) if grows else _square(image, size)

    def of_mask(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not grows:
            return _square(plane, size)
        grown = cv2.resize(plane, (size, size), interpolation=cv2.INTER_LINEAR)
        return np.asarray(grown, np.uint8)

    foreground = None if levels.foreground is None else of_mask(levels.foreground)
    return square, Levels(of_mask(levels.car), foreground)


_UNEVEN = 1.5
"""Beyond, a side that shrinks while the other one grows drifts by more than 0.05 px in OpenCV."""


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Returns a picture, one of whose sides at least does not grow, as a square."""
    rows, columns = picture.shape[:2]
    if (rows, columns) == (size, size):
        return picture
    if min(rows, columns) < size and max(rows, columns) > _UNEVEN * size:
        # OpenCV averages only where both sides shrink, so the side that grows comes second.
        picture = resize(picture, min(rows, size), min(columns, size))
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class Applied:
    """A transform that was applied, with what it drew."""

    transform: str
    parameters: dict[str, Any]
    """Names and values of JSON's kinds; a long array is summarised."""


@dataclass(frozen=True)
class Augmented:
    """An augmented photo, and how it came about."""

    image: NDArray[np.uint8]
    """(H, W, 3)."""
    truth: Truth
    """(H, W)."""
    applied: tuple[Applied, ...]
    """In the order in which they were applied."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where the car is, bool (H, W)."""
        return self.truth.car


class Augmenter:
    """A recipe ready to use."""

    def __init__(self, recipe: str | Recipe, size: int | None) -> None:
        """Builds the recipe's transforms.

        Args:
            recipe: The recipe, its name, or the path of its JSON file.
            size: Side in px of the square that photos become; None keeps their size (a quarter
                turn then swaps the sides).

        Raises:
            ConfigError: The recipe is unknown or its file is wrong.
            DataError: A folder that the recipe names is missing or empty.
        """
        self.recipe = find_recipe(recipe) if isinstance(recipe, str) else recipe
        self.size = size
        built = [build_step(step) for step in self.recipe.steps]
        self._leaves = [leaf for _, leaves in built for leaf in leaves]
        # Masks go through as levels, resampled as the photo is, and are cut at the very end.
        self._compose = A.Compose(
            [transform for transform, _ in built],
            additional_targets={_FOREGROUND: "mask"},
            strict=True,
            mask_interpolation=cv2.INTER_LINEAR,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.recipe, self.size)

    def __call__(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_ | np.uint8],
        *,
        seed: int,
        epoch: int,
        index: int,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the augmented image (H, W, 3) uint8 and mask (H, W) bool.

        Args:
            image: (H, W, 3) uint8.
            mask: (H, W) bool, or levels that `resized` returned.
            seed: The run's seed.
            epoch: The epoch, from 1.
            index: The sample's place in the training set.
        """
        image, truth = self.of_truth(image, mask, seed=seed, epoch=epoch, index=index)
        return image, truth.car

    def of_truth(
        self, image: NDArray[np.uint8], mask: AnyMask, *, seed: int, epoch: int, index: int
    ) -> tuple[NDArray[np.uint8], Truth]:
        """Returns the augmented image and mask; what is ignored moves with them."""
        # One pair of generators for all transforms: `set_random_seed` would give each transform
        # the same numbers, so that all of them or none of them would be applied.
        state = [seed, epoch, index]
        self._compose.set_random_state(np.random.default_rng(state), random.Random(str(state)))
        levels = Levels.of(mask)
        if self.size:  # every step then works on the small picture
            image, levels = resized_truth(image, levels, self.size)
        planes = {"mask": levels.car}
        if levels.foreground is not None:
            planes[_FOREGROUND] = levels.foreground
        out = self._compose(image=image, **planes)
        return out["image"], Levels(out["mask"], out.get(_FOREGROUND)).truth()

    def traced(
        self,
        image: NDArray[np.uint8],
        mask: AnyMask,
        *,
        seed: int,
        epoch: int,
        index: int,
    ) -> Augmented:
        """Returns what `of_truth` returns for the same arguments, with what was applied."""
        for _, transform in self._leaves:
            transform.params = {}  # those that a OneOf passed over keep an earlier sample's
        out, moved = self.of_truth(image, mask, seed=seed, epoch=epoch, index=index)
        applied = tuple(
            Applied(name, drawn_values(transform.params))
            for name, transform in self._leaves
            if transform.params
        )
        return Augmented(out, moved, applied)
