"""From a photo to the network's grid and back; training and prediction both call this."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError

LONGEST_SIDES = 4
"""A panorama's long side is at most this many times `size`, so that its memory is bounded."""


@dataclass(frozen=True)
class Preprocessing:
    """How a photo is scaled and normalised before the network sees it."""

    size: int = 512
    """Side of a square with as many pixels as the network's grid has; a photo keeps its shape."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted from each of R, G and B in [0, 1]."""
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    """Divides each of R, G and B after the mean was subtracted."""

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 32 <= self.size <= 4096:
            raise ConfigError(f"size is {self.size!r:.20} px; it must be from 32 to 4096.")
        try:
            mean, std = (tuple(map(float, values)) for values in (self.mean, self.std))
        except (TypeError, ValueError, OverflowError):
            mean, std = (), ()
        if len(mean) != 3 or len(std) != 3:
            raise ConfigError("mean and std need three numbers each.")
        # Beyond these float32 has no fine steps left in [0, 1]; NaN is in no range.
        if not all(-1000 <= v <= 1000 for v in mean) or not all(0.001 <= v <= 1000 for v in std):
            raise ConfigError(
                f"mean is {mean} and std {std}; they are for colours in [0, 1], mean from -1000 to "
                "1000 and std from 0.001 to 1000."
            )
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)

    def grid_shape(self, height: int, width: int) -> tuple[int, int]:
        """Returns the (height, width) in px that a photo has on the network's grid.

        The photo's shape is kept and its area becomes size x size, so every photo costs the same.
        """
        scale = self.size / math.sqrt(height * width)
        scale = min(scale, LONGEST_SIDES * self.size / max(height, width))
        return max(1, round(height * scale)), max(1, round(width * scale))

    def to_grid(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Returns the photo (H, W, 3) uint8 at its grid's size, antialiased.

        One that is enlarged keeps fractions of levels, float32 in [0, 255]: OpenCV would round
        them differently from one processor to another.
        """
        height, width = self.grid_shape(*image.shape[:2])
        if height * width <= image.shape[0] * image.shape[1]:
            return resize(image, height, width)
        exact = image.astype(np.float32)
        levels = cv2.resize(exact, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(levels, 0, 255), dtype=np.float32)

    def normalise(self, grid: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns (3, h, w) float32 input for the network from a grid picture (h, w, 3)."""
        scaled = grid.astype(np.float32) / np.float32(255)
        normalised = (scaled - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(normalised.transpose(2, 0, 1))

    def denormalise(self, tensor: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Returns the picture (h, w, 3) uint8 that `normalise` made an input (3, h, w) of."""
        centred = np.asarray(tensor, np.float32).transpose(1, 2, 0)
        scaled = centred * np.asarray(self.std, np.float32) + np.asarray(self.mean, np.float32)
        return np.ascontiguousarray(np.clip(np.rint(scaled * 255), 0, 255).astype(np.uint8))

    def to_input(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the network's input (3, h, w) float32 for a photo (H, W, 3) uint8."""
        return self.normalise(self.to_grid(image))


def resize(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Returns a uint8 picture (H, W) or (H, W, C) at another size, averaged when it shrinks."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), dtype=np.uint8)


def resize_mask(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Returns a mask (H, W) bool at another size: car is what is half car at least.

    Its edge stays where the photo's is. OpenCV's nearest neighbour is the upper left of a cell and
    would move the mask by up to half a pixel.
    """
    if mask.shape == (height, width):
        return mask
    how = cv2.INTER_AREA if height * width < mask.size else cv2.INTER_LINEAR
    return cv2.resize(mask_levels(mask), (width, height), interpolation=how) >= HALF_LEVEL


HALF_LEVEL = 128
"""The least level of a resampled mask that is car."""


def mask_levels(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns a mask as levels that can be resampled like its photo: 255 where car is, else 0."""
    return mask.view(np.uint8) * np.uint8(255)


def enlarge(probability: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Returns a probability (h, w) float32 at a photo's size, still in [0, 1].

    It is the probability that is enlarged, never the mask: thresholding first costs 0.005 Dice
    at 256 px.
    """
    if probability.shape == (height, width):
        return probability
    shrinks = height * width < probability.size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(probability, (width, height), interpolation=how), np.float32)
    return np.minimum(resized, 1, out=resized)  # a mean of ones can round to more
