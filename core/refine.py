"""From coarse to fine: a small car is predicted again in a crop, a large photo on a finer grid."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.image_model import ImageModel, Prediction, WrappedModel
from core.preprocess import enlarge

MARGIN = 0.2
"""Added on each side of the car, in sides of its bounding box: a network needs the surroundings."""
LONGEST = 0.85
"""A crop that is longer than this share of the photo's side would show nothing new."""
_LEVEL = 0.3
"""Probability from which a pixel is within the bounding box: thin parts belong to it."""
_SMALLEST = 0.05
"""Parts below this share of the largest one play no part in the box."""
_SHARE = 0.5
"""Weight of the closer prediction; the other one saw more of the surroundings."""
_SEAM = 0.08
"""Share of the crop's side in which fine and coarse probability blend into each other."""


class _CloserLook(WrappedModel):
    """A model that predicts a part of some photos again, where it is certain both times."""

    def __init__(self, model: ImageModel, finer: ImageModel) -> None:
        super().__init__(model)
        self._finer = finer

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the model's prediction, finer in the part; the uncertainty stays.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        coarse = self._model.predict(image)
        if not _is_certain(coarse, coarse.limit):
            return coarse
        height, width = image.shape[:2]
        crop = self._part(coarse.probability, height, width)
        if crop is None:
            return coarse
        part = image[crop.top : crop.bottom, crop.left : crop.right]
        fine = self._finer.predict(np.ascontiguousarray(part))
        if not _is_certain(fine, coarse.limit):
            return coarse
        merged = merge(coarse.probability, fine.probability, crop, height, width)
        return replace(coarse, probability=merged)

    @abstractmethod
    def _part(self, probability: NDArray[np.float32], height: int, width: int) -> Crop | None:
        """Returns what is predicted again, of a photo of this size in px; None for nothing."""


class Refined(_CloserLook):
    """A model that looks again, closer, where the car is small and the first mask is certain.

    An uncertain mask may have missed half of the car, and its box would cut it off. Measured on
    photos outside the studio; docs/cutouts.md has the figures.
    """

    def __init__(self, model: ImageModel) -> None:
        """Takes a model with an uncertainty, such as `core.predict.Mirrored`."""
        super().__init__(model, model)

    def _part(self, probability: NDArray[np.float32], height: int, width: int) -> Crop | None:
        return crop_around(probability, height, width)


class Detailed(_CloserLook):
    """A model that predicts a large photo once more on a finer grid, where the mask is certain.

    A photo of many pixels shows edges that the usual grid does not have. Measured on Carvana's
    photos at their full size; docs/cutouts.md has the figures.
    """

    def __init__(self, model: ImageModel, finer: ImageModel, size: int) -> None:
        """Takes two models of one network.

        Args:
            model: On the usual grid, with an uncertainty.
            finer: On the finer grid.
            size: Of the finer grid, as `core.preprocess.Preprocessing.size`; photos with fewer
                pixels are predicted once.
        """
        super().__init__(model, finer)
        self._size = size

    def _part(self, probability: NDArray[np.float32], height: int, width: int) -> Crop | None:
        return None if height * width < self._size**2 else Crop(0, 0, height, width)


@dataclass(frozen=True)
class Crop:
    """A part of a photo, in px from its upper left; bottom and right are the first beyond it."""

    top: int
    left: int
    bottom: int
    right: int


def crop_around(probability: NDArray[np.float32], height: int, width: int) -> Crop | None:
    """Returns the part of a photo around its cars; None if there is no car, or most is car.

    Args:
        probability: Of car, float32 (h, w) in [0, 1], on any grid.
        height: Of the photo in px.
        width: Of the photo in px.
    """
    parts = np.ascontiguousarray(probability >= _LEVEL).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(parts, connectivity=8)
    boxes = stats[1:]  # label 0 is the background
    if not len(boxes):
        return None
    areas = boxes[:, cv2.CC_STAT_AREA]
    boxes = boxes[areas >= _SMALLEST * areas.max()]
    start = boxes[:, [cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT]]
    end = (start + boxes[:, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]]).max(axis=0)
    start = start.min(axis=0)
    margin, grid = MARGIN * (end - start), np.asarray(probability.shape)
    first = np.maximum(0, (start - margin) / grid)
    last = np.minimum(1, (end + margin) / grid)
    if (last - first).max() > LONGEST:
        return None
    photo = np.array([height, width])
    top, left = np.floor(first * photo + 1e-9).astype(int).tolist()
    bottom, right = np.ceil(last * photo - 1e-9).astype(int).tolist()
    return Crop(top, left, bottom, right)


def merge(
    coarse: NDArray[np.float32], fine: NDArray[np.float32], crop: Crop, height: int, width: int
) -> NDArray[np.float32]:
    """Returns the probability (h, w) float32 of a photo, in a crop the mean with the finer one.

    Its grid is as fine as the crop's, but never finer than the photo. Along sides of the crop that
    are not the photo's the two blend into each other.

    Args:
        coarse: Of the whole photo, float32 in [0, 1], on any grid.
        fine: Of the crop, on any grid.
        crop: Where it lies in the photo.
        height: Of the photo in px.
        width: Of the photo in px.
    """
    density = math.sqrt(fine.size / ((crop.bottom - crop.top) * (crop.right - crop.left)))
    scale = min(1.0, density)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    merged = enlarge(coarse, rows, columns).copy()
    first, last = round(crop.top * rows / height), round(crop.bottom * rows / height)
    left, right = round(crop.left * columns / width), round(crop.right * columns / width)
    inner = merged[first:last, left:right]
    if not inner.size:
        return merged
    down = _blend(last - first, first > 0, last < rows)[:, None]
    weight = np.float32(_SHARE) * down * _blend(right - left, left > 0, right < columns)
    inner += weight * (enlarge(fine, *inner.shape) - inner)
    return np.clip(merged, 0, 1, out=merged)


def _blend(length: int, before: bool, after: bool) -> NDArray[np.float32]:
    """Returns the weights (length,) of the fine one: less towards ends with something beyond."""
    places = (np.arange(length, dtype=np.float32) + 0.5) / np.float32(_SEAM * length)
    weights = np.ones(length, np.float32)
    if before:
        weights = np.minimum(weights, places)
    if after:
        weights = np.minimum(weights, places[::-1])
    return weights


def _is_certain(prediction: Prediction, limit: float) -> bool:
    return prediction.uncertainty is not None and prediction.uncertainty <= limit
