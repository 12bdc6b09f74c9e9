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
from training.augment.recipe import Recipe, find_recipe

_IGNORED = "ignored"  # what albumentations is to call the ignored pixels


def resized(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns photo and mask as the squares that an Augmenter of this size begins with.

    Where both sides grow, the photo grows as for a prediction and the mask along smooth edges.
    """
    if image.shape[:2] == (size, size):
        return image, mask
    bits = mask.astype(np.uint8)
    if max(image.shape[:2]) < size:
        level = cv2.resize(bits.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
        return resize(image, size, size), level > 0.5
    square = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    nearest = cv2.resize(bits, (size, size), interpolation=cv2.INTER_NEAREST)
    return np.asarray(square, np.uint8), nearest.astype(bool)


def resized_truth(
    image: NDArray[np.uint8], truth: Truth, size: int
) -> tuple[NDArray[np.uint8], Truth]:
    """Returns what `resized` returns, with the ignored pixels resized like the mask."""
    square, car = resized(image, truth.car, size)
    if truth.ignored is None:
        return square, Truth(car)
    return square, Truth(car, resized(image, truth.ignored, size)[1] & ~car)


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
    mask: NDArray[np.bool_]
    """(H, W)."""
    applied: tuple[Applied, ...]
    """In the order in which they were applied."""
    ignored: NDArray[np.bool_] | None = None
    """Pixels that nobody judges, (H, W); None: there are none."""


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
        self._compose = A.Compose(
            [transform for transform, _ in built],
            additional_targets={_IGNORED: "mask"},
            strict=True,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.recipe, self.size)

    def __call__(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        *,
        seed: int,
        epoch: int,
        index: int,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the augmented image (H, W, 3) uint8 and mask (H, W) bool.

        Args:
            image: (H, W, 3) uint8.
            mask: (H, W) bool.
            seed: The run's seed.
            epoch: The epoch, from 1.
            index: The sample's place in the training set.
        """
        image, truth = self.of_truth(image, Truth(mask), seed=seed, epoch=epoch, index=index)
        return image, truth.car

    def of_truth(
        self, image: NDArray[np.uint8], truth: Truth, *, seed: int, epoch: int, index: int
    ) -> tuple[NDArray[np.uint8], Truth]:
        """Returns the augmented image and mask; what is ignored moves with them."""
        # One pair of generators for all transforms: `set_random_seed` would give each transform
        # the same numbers, so that all of them or none of them would be applied.
        state = [seed, epoch, index]
        self._compose.set_random_state(np.random.default_rng(state), random.Random(str(state)))
        if self.size:  # every step then works on the small picture
            image, truth = resized_truth(image, truth, self.size)
        planes = {"mask": truth.car.astype(np.uint8)}
        if truth.ignored is not None:
            planes[_IGNORED] = truth.ignored.astype(np.uint8)
        out = self._compose(image=image, **planes)
        car = out["mask"].astype(bool)
        ignored = None if truth.ignored is None else out[_IGNORED].astype(bool) & ~car
        return out["image"], Truth(car, ignored)

    def traced(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        ignored: NDArray[np.bool_] | None = None,
        *,
        seed: int,
        epoch: int,
        index: int,
    ) -> Augmented:
        """Returns what `of_truth` returns for the same arguments, with what was applied."""
        for _, transform in self._leaves:
            transform.params = {}  # those that a OneOf passed over keep an earlier sample's
        out, moved = self.of_truth(image, Truth(mask, ignored), seed=seed, epoch=epoch, index=index)
        applied = tuple(
            Applied(name, drawn_values(transform.params))
            for name, transform in self._leaves
            if transform.params
        )
        return Augmented(out, moved.car, applied, moved.ignored)
