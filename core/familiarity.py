"""Whether a photo is like those that a network was trained on, from a thumbnail alone.

What surrounds a car tells a studio from a street: how bright, even and colourful the four margins
of a photo are. A network remembers these figures of its training photos; a photo whose figures lie
far from them (Mahalanobis distance) is unlike them. It costs a millisecond, where the network's own
uncertainty costs two passes. Made by `training.calibration`; docs/doubt.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from core.facts import STRICT
from core.preprocess import resize

SIDE = 64
"""Side in px of the thumbnail, whatever the photo's shape."""
_BAND, _EDGE = 10, 8
"""Rows of the thumbnail's upper and lower margin; columns of its left and right one."""
_MARGINS = (
    np.s_[:_BAND, :],
    np.s_[-_BAND:, :],
    np.s_[_BAND:-_BAND, :_EDGE],
    np.s_[_BAND:-_BAND, -_EDGE:],
)
FIGURES = 4 * len(_MARGINS)
"""Brightness, its spread, colourfulness and the logarithm of the contrast of each margin."""

_Value = Annotated[float, Field(ge=-1e9, le=1e9)]
_Row = Annotated[tuple[_Value, ...], Field(min_length=FIGURES, max_length=FIGURES)]
_Square = Annotated[tuple[_Row, ...], Field(min_length=FIGURES, max_length=FIGURES)]


@dataclass(frozen=True)
class Familiarity:
    """The surroundings that a network's training photos have."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    mean: _Row
    """Means of the figures, `FIGURES` of them."""
    precision: _Square
    """The inverse of their covariance, `FIGURES` x `FIGURES`."""
    limit: Annotated[float, Field(gt=0)]
    """A photo that is further away is unlike the training photos."""

    def distance(self, image: NDArray[np.uint8]) -> float:
        """Returns how far a photo (H, W, 3) uint8 is from the training photos; 0 is the middle."""
        away = surroundings(thumbnail(image)) - np.asarray(self.mean)
        return float(np.sqrt(max(0.0, away @ np.asarray(self.precision) @ away)))

    def covers(self, image: NDArray[np.uint8]) -> bool:
        """Whether a photo (H, W, 3) uint8 is like the training photos."""
        return self.distance(image) <= self.limit


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the photo (H, W, 3) uint8 squeezed to `SIDE` x `SIDE`."""
    return resize(image, SIDE, SIDE)


def surroundings(small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns the `FIGURES` figures of a thumbnail (SIDE, SIDE, 3) uint8."""
    levels = small.astype(np.float64) / 255
    grey, colour = levels.mean(axis=2), np.ptp(levels, axis=2)
    steps = np.pad(np.abs(np.diff(grey, axis=1)), ((0, 0), (0, 1)), mode="edge")
    steps += np.pad(np.abs(np.diff(grey, axis=0)), ((0, 1), (0, 0)), mode="edge")
    figures = [
        (
            grey[part].mean(),
            grey[part].std(),
            colour[part].mean(),
            np.log(steps[part].mean() + 1e-3),
        )
        for part in _MARGINS
    ]
    return np.asarray(figures).ravel()
