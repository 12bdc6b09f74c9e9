"""From the network's probability to a mask.

Every function works at the photo's own size, up to 160 megapixels, and changes none of its inputs.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, ImageError, MaskError
from core.truth import Mask as Mask

Probability: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MaskSettings:
    """How a probability becomes a mask; see `mask_from_probability` for the order of the steps.

    Raises:
        ConfigError: A value is outside its range.
    """

    threshold: float = 0.5
    """Least probability that counts as car, in [0, 1]; higher makes the mask smaller."""
    keep_largest: bool = False
    """Keep the largest connected part and remove all others."""
    fill_holes: bool = False
    """Fill the background that the mask encloses, such as a window that shows the studio."""
    min_area: float = 0.0
    """Connected parts below this share of the picture are removed, in [0, 1]; 0 keeps all."""

    def __post_init__(self) -> None:
        require_range("threshold", self.threshold, 0, 1)
        require_range("min_area", self.min_area, 0, 1)


def mask_from_probability(probability: Probability, settings: MaskSettings) -> Mask:
    """The mask of a probability: threshold, smallest area, largest part, holes, in this order.

    Parts are connected over edges and corners (8 neighbours), holes over edges (4 neighbours); a
    background that touches the picture's border is no hole.

    Args:
        probability: Probability of car, float32 (H, W) in [0, 1].
        settings: Threshold and clean-up.

    Returns:
        The mask, bool (H, W), true where the probability is at least the threshold.

    Raises:
        MaskError: The probability has a wrong shape or dtype, or values outside [0, 1].
    """
    require_probability(probability)
    mask = np.ascontiguousarray(probability >= settings.threshold)
    if settings.keep_largest or settings.min_area > 0:
        mask = _without_small_parts(mask, settings.min_area, settings.keep_largest)
    return _with_holes_filled(mask) if settings.fill_holes else mask


def car_share(mask: Mask) -> float:
    """The car's share of the picture, in [0, 1], from a bool mask (H, W); raises MaskError."""
    require_mask(mask)
    return int(np.count_nonzero(mask)) / mask.size


def require_mask(mask: Mask, what: str = "mask") -> None:
    """Refuse anything but a bool array (H, W) that has pixels.

    Args:
        mask: The array to check.
        what: Its name in the message.

    Raises:
        MaskError: The array is no mask; the message says what came.
    """
    _require_plane(mask, what)
    if mask.dtype != np.bool_:
        raise MaskError(
            f"The {what} holds {mask.dtype} values; it must be bool, true where the car is. "
            "Compare it with a threshold first."
        )


def require_pair(image: npt.NDArray[np.uint8], mask: Mask, what: str = "mask") -> None:
    """Refuse anything but a photo, uint8 (H, W, 3), and a bool mask (H, W) of its size.

    Args:
        image: The photo to check.
        mask: The mask to check.
        what: The mask's name in the message.

    Raises:
        ImageError: The photo has a wrong shape or dtype.
        MaskError: The mask has a wrong shape or dtype, or another size than the photo.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"The photo is {image.dtype} of shape {image.shape}; it must be uint8 RGB of shape "
            "(height, width, 3). Read it with read_image."
        )
    require_mask(mask, what)
    if mask.shape != image.shape[:2]:
        raise MaskError(
            f"The {what} is {mask.shape[1]} x {mask.shape[0]} px and the photo is "
            f"{image.shape[1]} x {image.shape[0]} px; they must have one size. "
            f"Choose the {what} that belongs to this photo."
        )


def _require_plane(array: npt.NDArray[np.generic], what: str) -> None:
    if array.ndim != 2 or array.size == 0:
        raise MaskError(
            f"The {what} has the shape {array.shape}; it must be (height, width), both above 0."
        )


def require_probability(probability: Probability) -> None:
    """Refuse anything but a float array (H, W) in [0, 1] that has pixels; raises MaskError."""
    _require_plane(probability, "probability")
    if probability.dtype not in (np.float32, np.float64):
        raise MaskError(
            f"The probability holds {probability.dtype} values; it must be float32 in [0, 1]. "
            "Pass what the predictor returned."
        )
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0 and high <= 1):  # also refuses NaN, which no comparison holds for
        raise MaskError(
            f"The probability reaches from {low:g} to {high:g}; it must lie in [0, 1]. "
            "Apply the sigmoid to logits first."
        )


def require_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a setting that is no number from low to high; raises ConfigError."""
    # bool is an int to Python; True as a threshold is a slip, not a 1.
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        raise ConfigError(
            f"{name} is {value!r}; it must be a number from {low:g} to {high:g}. "
            "Choose a value in this range."
        )


def _without_small_parts(mask: Mask, min_area: float, keep_largest: bool) -> Mask:
    number, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]  # label 0 is the background
    keep = areas / mask.size >= min_area
    if keep_largest and number > 1:
        # Of several largest parts the upper left one stays, however the labels were given out.
        largest = np.lexsort((stats[1:, cv2.CC_STAT_LEFT], stats[1:, cv2.CC_STAT_TOP], -areas))[0]
        keep &= np.arange(number - 1) == largest
    kept: Mask = np.concatenate(([False], keep))[labels]
    return kept


def _with_holes_filled(mask: Mask) -> Mask:
    # The frame joins all background at the border, so one flood from a corner finds it.
    framed = np.pad(mask.view(np.uint8), 1)
    cv2.floodFill(framed, None, (0, 0), 2, flags=4)
    return np.ascontiguousarray(framed[1:-1, 1:-1] != 2)
