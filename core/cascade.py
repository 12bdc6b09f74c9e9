"""Two models, of which the one that knows photos of its kind predicts each photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.familiarity import Familiarity
from core.image_model import ImageModel, Prediction, WrappedModel, require_photo
from core.uncertainty import FALLBACK_LIMIT


class Cascade(WrappedModel):
    """A model, and a fallback that predicts the photos that the first one doesn't know.

    A network that learned from few kinds of photos is the better one on those. A photo that is
    plainly unlike them goes to the fallback at once. Among the others the first one's uncertainty
    tells which ones it doesn't know. Measured by `benchmarks/doubt.py`; docs/doubt.md has the
    figures. The fallback's probabilities are moved to the first model's threshold.
    """

    def __init__(
        self,
        first: ImageModel,
        load_fallback: Callable[[], ImageModel],
        familiar: Familiarity | None = None,
    ) -> None:
        """Takes the first model, and how to load the other one.

        Args:
            first: One with an uncertainty, such as `Mirrored`.
            load_fallback: Called once, when the fallback is first needed.
            familiar: What the first one's training photos are like; None if that is not known, and
                it predicts every photo.
        """
        super().__init__(first)
        self._load_fallback = load_fallback
        self._familiar = familiar
        self._fallback: ImageModel | None = None

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the first model's prediction, or the fallback's where that one is uncertain.

        Raises:
            ConfigError: The first model does not say how uncertain it is.
            ImageError: The array is not an RGB uint8 picture.
            CheckpointError: The fallback can't be loaded.
        """
        if self._familiar and not self._familiar.covers(require_photo(image)):
            return self._by_fallback(image, None)
        prediction = self._model.predict(image)
        if prediction.uncertainty is None:
            raise ConfigError("A cascade's first model must know its uncertainty; use Mirrored.")
        if prediction.uncertainty <= FALLBACK_LIMIT:
            return prediction
        return self._by_fallback(image, prediction.uncertainty)

    def _by_fallback(self, image: NDArray[np.uint8], uncertainty: float | None) -> Prediction:
        """Returns the fallback's prediction, with the first one's uncertainty if that is known."""
        if self._fallback is None:
            self._fallback = self._load_fallback()
        other = self._fallback.predict(image)
        moved = move_threshold(other.probability, self._fallback.threshold, self.threshold)
        return replace(other, probability=moved, by_fallback=True, first_uncertainty=uncertainty)


def move_threshold(probability: NDArray[np.float32], old: float, new: float) -> NDArray[np.float32]:
    """Returns probabilities, float32 in [0, 1], of which those at `old` became `new`.

    Odds are multiplied by one factor, so order and both ends stay; 0 and 1 as a threshold have no
    odds, and change nothing.
    """
    if old == new or not (0 < old < 1 and 0 < new < 1):
        return probability
    factor = np.float32(new / (1 - new) * (1 - old) / old)
    return np.asarray(probability * factor / (1 - probability + probability * factor), np.float32)
