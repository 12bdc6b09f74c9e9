"""Means of probabilities: of several networks, and of a photo and its mirror image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.predict import Predictor

Dtype = TypeVar("Dtype", bound=np.generic)


class Ensemble:
    """Several networks that answer as one; called like a `Predictor`."""

    def __init__(self, predictors: Sequence[Predictor], *, flips: bool = False) -> None:
        """Takes predictors of any sizes.

        Args:
            predictors: The members, at least one.
            flips: Whether each is also asked about the mirrored photo.

        Raises:
            ConfigError: There is no member.
        """
        if not predictors:
            raise ConfigError("An ensemble needs at least one checkpoint; none was given.")
        self.predictors = tuple(predictors)
        self.flips = flips

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the probability (H, W) float32 in [0, 1] for a photo (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        asked = [image, mirrored(image)] if self.flips else [image]
        return mean_probability(
            mirrored(probability) if flipped else probability
            for predictor in self.predictors
            for flipped, probability in enumerate(predictor.predict_many(asked))
        )


def mean_probability(probabilities: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Returns the mean of one or more probabilities (H, W) float32 in [0, 1], itself in [0, 1].

    They are added up one by one, so that two of them are held at a time.
    """
    each = iter(probabilities)
    total, number = next(each).copy(), 1
    for probability in each:
        total += probability
        number += 1
    return np.asarray(total / np.float32(number), np.float32)


def mirrored(picture: NDArray[Dtype]) -> NDArray[Dtype]:
    """Returns a photo (H, W, 3), or a probability (H, W), with left and right exchanged."""
    return np.ascontiguousarray(picture[:, ::-1])
