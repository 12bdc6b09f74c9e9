"""The one protocol of everything that predicts: a photo in, a `Prediction` out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError
from core.preprocess import enlarge
from core.uncertainty import UNCERTAINTY_LIMIT


@dataclass(frozen=True)
class Prediction:
    """A prediction with its uncertainty."""

    probability: NDArray[np.float32]
    """Probability of car, float32 (h, w) in [0, 1], on the network's grid: 1 MB instead of 160 MB
    for a large photo. An ensemble's has the photo's own size, for its members' grids may differ."""
    uncertainty: float | None = None
    """Disagreement of the predictions for the photo and its mirror image, in [0, 1] (see
    `core.uncertainty`); of an ensemble the mean of its members'. None after a single pass."""
    by: str = ""
    """Name of the checkpoint that predicted."""
    limit: float = UNCERTAINTY_LIMIT
    """A mask with more uncertainty than this deserves a look; see `core.uncertainty.Limits`."""
    by_fallback: bool = False
    """Whether a cascade's fallback predicted."""
    first_uncertainty: float | None = None
    """Uncertainty of a cascade's first network, where its fallback predicted for that; None where
    it did so because the photo is unlike the first one's training photos."""

    def at_size(self, height: int, width: int) -> NDArray[np.float32]:
        """Returns the probability, float32 (height, width) in [0, 1], at a size in px."""
        return enlarge(self.probability, height, width)


class ImageModel(ABC):
    """What turns a photo into a prediction; a photo's prediction depends on that photo alone."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a person calls it; "" for a network that came without a checkpoint."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Probability from which a pixel belongs to the car, in [0, 1]."""

    @abstractmethod
    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the prediction for a photo (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the probability (H, W) float32 in [0, 1] at the photo's own size."""
        return self.predict(image).at_size(*image.shape[:2])


class WrappedModel(ImageModel):
    """A model that predicts by another one, whose name and threshold it has."""

    def __init__(self, model: ImageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._model.name

    @property
    def threshold(self) -> float:
        """The model's own threshold, in [0, 1]."""
        return self._model.threshold


def require_photo(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the photo if it is (H, W, 3) uint8, else raises an ImageError."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"A photo must be RGB uint8 (H, W, 3); this array is {image.dtype} {image.shape}. "
            "Read it with core.image.read_image."
        )
    return image
