"""A recipe at work: photos and masks become augmented ones.

What a sample becomes is a function of (seed, epoch, index) alone, so workers, restarts and
resumes can't change it. A mask is resampled as levels, and cut at the very end.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.preprocess import HALF_LEVEL, mask_levels, resize
from core.truth import Truth
from training.augment.build import build_step
from training.augment.drawn import drawn_values
from training.augment.recipe import Recipe, find_recipe
from training.augment.step import Step, find_transform
from training.augment.transform import Parameter


@dataclass(frozen=True, eq=False)
class Levels:
    """A true mask as levels, uint8 (H, W): 255 inside, 0 outside, in between along resampled edges.

    What is ignored goes with the car as one plane, so that no background opens between them.
    """

    car: NDArray[np.uint8]
    foreground: NDArray[np.uint8] | None = None
    """The car and what is ignored together; None: nothing is ignored."""

    @classmethod
    def of(cls, mask: AnyMask) -> Levels:
        """Returns the levels of a mask, of the car alone where it is an array."""
        if isinstance(mask, Levels):
            return mask
        if isinstance(mask, Truth):
            ignored = mask.ignored
            together = None if ignored is None else mask_levels(mask.car | ignored)
            return cls(mask_levels(mask.car), together)
        is_bits = mask.dtype == np.bool_
        return cls(mask_levels(mask.view(np.bool_)) if is_bits else mask.view(np.uint8))

    def truth(self) -> Truth:
        """Returns the mask: car is what is half car at least, never ignored."""
        car = self.car >= HALF_LEVEL
        if self.foreground is None:
            return Truth(car)
        return Truth(car, (self.foreground >= HALF_LEVEL) & ~car)


AnyMask: TypeAlias = NDArray[np.bool_ | np.uint8] | Truth | Levels
"""A mask (H, W): an array of where the car is, bool or as levels; or one with what is ignored."""


os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


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


class Still(NamedTuple):
    """One picture of a strip."""

    value: Any
    """The setting's value; of a range, both of its ends."""
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def strip(
    transform: str,
    parameter: str,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_ | np.uint8],
    steps: int,
    seed: int,
    arguments: Mapping[str, Any] | None = None,
) -> list[Still]:
    """Returns the photo with one setting at evenly spaced values, lowest to highest limit.

    All else is at its default and draws the same numbers each time.

    Args:
        transform: Name of the table.
        parameter: Name of one of its parameters that is no folder.
        image: (H, W, 3) uint8.
        mask: (H, W) bool, or levels that `resized` returned.
        steps: Pictures, 2 or more; choices and whole numbers may give fewer.
        seed: Of what is drawn besides.
        arguments: Values to take in place of defaults, as the folder of backgrounds.

    Raises:
        ConfigError: A name is unknown, or the parameter is a folder.
        DataError: A folder is missing or empty.
    """
    known = find_transform(transform)
    setting = known.parameter(parameter)
    fixed = dict(arguments or {})
    if setting.needs is not None:
        fixed[setting.needs[0]] = setting.needs[1]
    stills = []
    for value in strip_values(setting, steps):
        values = fixed | {parameter: (value, value) if setting.is_range else value}
        step = Step(transform, 1.0, tuple(values.items()))
        augment = Augmenter(Recipe("strip", "", (step,)), None)
        stills.append(Still(value, *augment(image, mask, seed=seed, epoch=1, index=0)))
    return stills


def strip_values(parameter: Parameter, steps: int) -> list[Any]:
    """Returns the values of a strip: every choice, or evenly spaced numbers with both limits.

    Raises:
        ConfigError: The parameter is a folder, or steps is below 2.
    """
    if parameter.kind == "folder":
        raise ConfigError(f"{parameter.name} is a folder; a strip needs a number or a choice.")
    if parameter.kind == "bool":
        return [False, True]
    if parameter.kind == "choice":
        return list(parameter.choices)
    if steps < 2:
        raise ConfigError(f"A strip of {steps} pictures has no lowest and highest; take 2 or more.")
    numbers = np.linspace(parameter.low, parameter.high, steps)
    if parameter.kind in ("int", "range_int"):
        return [int(number) for number in np.unique(np.rint(numbers).astype(int))]
    return [float(f"{number:.6g}") for number in numbers]
