"""Augmentation recipes; the only place that knows albumentations.

What a sample becomes is a function of (seed, epoch, index) alone, so workers, restarts and
resumes can't change it.
"""

from __future__ import annotations

import os
import random

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError


class Augmenter:
    """A recipe ready to use: photos and masks become training squares."""

    def __init__(self, recipe: str, size: int) -> None:
        """Builds the recipe's transforms.

        Args:
            recipe: "none", "light" or "robust".
            size: Side of the square in px.

        Raises:
            ConfigError: The recipe is unknown.
        """
        if recipe not in _RECIPES:
            raise ConfigError(f"recipe is {recipe!r}; choose one of: {', '.join(_RECIPES)}.")
        self._compose = A.Compose(
            [
                A.Resize(size, size, interpolation=cv2.INTER_AREA),
                *_RECIPES[recipe](),
            ],
            strict=True,
        )

    def __call__(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        *,
        seed: int,
        epoch: int,
        index: int,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the augmented square: image (size, size, 3) uint8, mask (size, size) bool.

        Args:
            image: (H, W, 3) uint8.
            mask: (H, W) bool.
            seed: The run's seed.
            epoch: The epoch, from 1.
            index: The sample's place in the training set.
        """
        # One pair of generators for all transforms: `set_random_seed` would give each transform
        # the same numbers, so that all of them or none of them would be applied.
        state = [seed, epoch, index]
        self._compose.set_random_state(np.random.default_rng(state), random.Random(str(state)))
        out = self._compose(image=image, mask=mask.astype(np.uint8))
        return out["image"], out["mask"].astype(bool)


def _light() -> list[A.BasicTransform]:
    """Small changes: flip, a little scale and turn, brightness and contrast."""
    return [
        A.HorizontalFlip(p=0.5),
        A.Affine(
            scale=(0.9, 1.1),
            translate_percent=(-0.05, 0.05),
            rotate=(-5, 5),
            border_mode=cv2.BORDER_REPLICATE,
            p=0.5,
        ),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5),
    ]


def _robust() -> list[A.BasicTransform | A.BaseCompose]:
    """For photos of any shape and light.

    The square squeezes a 3:2 photo; half of the samples are stretched again by unequal scales in
    x and y, so that a photo that keeps its shape later is nothing new.
    """
    return [
        A.HorizontalFlip(p=0.5),
        A.Affine(
            scale={"x": (0.7, 1.3), "y": (0.55, 1.15)},
            translate_percent=(-0.06, 0.06),
            rotate=(-7, 7),
            shear=(-4, 4),
            border_mode=cv2.BORDER_REPLICATE,
            p=0.5,
        ),
        A.RandomBrightnessContrast(brightness_limit=0.25, contrast_limit=0.25, p=0.5),
        A.RandomGamma(gamma_limit=(70, 140), p=0.25),
        A.HueSaturationValue(hue_shift_limit=15, sat_shift_limit=30, val_shift_limit=0, p=0.25),
        A.ToGray(p=0.05),
        A.OneOf(
            [
                A.GaussianBlur(blur_limit=(3, 5)),
                A.GaussNoise(std_range=(0.02, 0.06)),
                A.ImageCompression(quality_range=(50, 90)),
            ],
            p=0.15,
        ),
    ]


_RECIPES = {"none": list, "light": _light, "robust": _robust}
