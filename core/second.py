"""A network, and a second one that is asked where the first one doubts.

A network that learned from few kinds of photos is the better one on those, and knows that it does
not know the others: its doubt tells them apart. Measured by `benchmarks/doubt.py --second`;
docs/doubt.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.doubt import ASK_LIMIT
from core.predict import Answer, Predictor


class SecondOpinion:
    """Two networks that answer as one; asked like a `Predictor`."""

    def __init__(self, first: Predictor, load_second: Callable[[], Predictor]) -> None:
        """Takes the first network, and how to load the other one.

        Args:
            first: Answers every photo.
            load_second: Called once, when the first one doubts for the first time.
        """
        self._first = first
        self._load_second = load_second
        self._second: Predictor | None = None

    def answer(self, image: NDArray[np.uint8]) -> Answer:
        """Returns what the first network says of a photo, or the second where the first doubts.

        The second one's probabilities are moved so that its own threshold becomes the first one's.

        Args:
            image: (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
            CheckpointError: The second network can't be loaded.
        """
        answer = self._first.answer(image)
        if answer.doubt <= ASK_LIMIT:
            return answer
        if self._second is None:
            self._second = self._load_second()
        other = self._second.answer(image)
        moved = move_threshold(other.probability, self._second.threshold, self._first.threshold)
        return replace(other, probability=moved, first_doubt=answer.doubt)


def move_threshold(probability: NDArray[np.float32], old: float, new: float) -> NDArray[np.float32]:
    """Returns probabilities, float32 in [0, 1], of which those at `old` became `new`.

    Odds are multiplied by one factor, so order and both ends stay; 0 and 1 as a threshold have no
    odds, and change nothing.
    """
    if old == new or not (0 < old < 1 and 0 < new < 1):
        return probability
    factor = np.float32(new / (1 - new) * (1 - old) / old)
    return np.asarray(probability * factor / (1 - probability + probability * factor), np.float32)
