"""The pictures that show a mask on its photo: overlay, heat map, errors.

Every function works at the photo's own size, up to 160 megapixels, and changes none of its inputs.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from core.errors import ConfigError
from core.masks import Mask, Probability, require_pair, require_probability, require_range

Image: TypeAlias = npt.NDArray[np.uint8]

_ROWS_AT_ONCE = 512  # a strip of a 100 megapixel photo then takes 18 MB instead of 300
_GREY_SHARE = 2 / 3  # dims the photo behind an error picture, so that the colours stand out


@dataclass(frozen=True)
class OverlayStyle:
    """How a mask is drawn on its photo.

    Raises:
        ConfigError: A value is outside its range, or a colour isn't of the form #RRGGBB.
    """

    colour: str = "#00C2FF"
    """Colour of the car's area, as #RRGGBB."""
    opacity: float = 0.45
    """How much of the colour covers the photo, in [0, 1]; 0 shows the outline alone."""
    outline: float = 2.0
    """Width of the line along the edge, in px of a photo whose longest side is 1000 px, in
    [0, 50]; it grows with the photo, is 1 px at least, and 0 draws none."""
    outline_colour: str | None = None
    """Colour of the line, as #RRGGBB; None takes `colour`."""

    def __post_init__(self) -> None:
        require_range("opacity", self.opacity, 0, 1)
        require_range("outline", self.outline, 0, 50)
        rgb("colour", self.colour)
        if self.outline_colour is not None:
            rgb("outline_colour", self.outline_colour)


@dataclass(frozen=True)
class ErrorColours:
    """Colours of an error picture, for the picture and its legend alike.

    They are of the palette that people with any kind of colour blindness can tell apart.

    Source: Okabe and Ito, "Color universal design", 2008.
    """

    right: str = "#009E73"
    """Car in both masks (bluish green, half transparent)."""
    missed: str = "#F0E442"
    """Car in truth that the mask lacks (yellow)."""
    wrong: str = "#D55E00"
    """Background in truth that the mask calls car (vermilion)."""


ERROR_COLOURS = ErrorColours()


def overlay(image: Image, mask: Mask, style: OverlayStyle) -> Image:
    """The photo with the car tinted and its edge drawn.

    The line lies half inside and half outside of the mask's edge, and doesn't follow the
    picture's border, where a car that goes on beyond it has no edge.

    Args:
        image: The photo, uint8 RGB (H, W, 3).
        mask: The car, bool (H, W).
        style: Colours, opacity and width.

    Returns:
        A new image, uint8 RGB (H, W, 3).

    Raises:
        ImageError: The photo has a wrong shape or dtype.
        MaskError: The mask has a wrong shape or dtype, or another size than the photo.
    """
    require_pair(image, mask)
    picture = image.copy()
    _tint(picture, mask, rgb("colour", style.colour), style.opacity)
    if style.outline > 0:
        width = max(1, round(style.outline * max(mask.shape) / 1000))
        _draw_outline(picture, mask, width, rgb("colour", style.outline_colour or style.colour))
    return picture


def heatmap(probability: Probability) -> Image:
    """The probability as a picture, from dark violet (0) over green (0.5) to yellow (1).

    The colours are viridis: equal steps of probability look equally large, in grey as well.

    Args:
        probability: Probability of car, float32 (H, W) in [0, 1].

    Returns:
        An image, uint8 RGB (H, W, 3).

    Raises:
        MaskError: The probability has a wrong shape or dtype, or values outside [0, 1].
    """
    require_probability(probability)
    levels = cv2.convertScaleAbs(probability, alpha=255)
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    viridis = cv2.cvtColor(cv2.applyColorMap(ramp, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.applyColorMap(levels, viridis), np.uint8)


def error_picture(
    image: Image, mask: Mask, truth: Mask, colours: ErrorColours = ERROR_COLOURS
) -> Image:
    """The dimmed grey photo with the right, the missed and the wrong pixels of a mask in colour.

    Args:
        image: The photo, uint8 RGB (H, W, 3).
        mask: The mask to judge, bool (H, W).
        truth: The true mask, bool (H, W).
        colours: Colours of the three kinds; a legend takes them from here.

    Returns:
        A new image, uint8 RGB (H, W, 3).

    Raises:
        ImageError: The photo has a wrong shape or dtype.
        MaskError: A mask has a wrong shape or dtype, or another size than the photo.
        ConfigError: A colour isn't of the form #RRGGBB.
    """
    require_pair(image, mask)
    require_pair(image, truth, "true mask")
    return marked_picture(
        image,
        (
            Area(mask & truth, colours.right, 0.5),
            Area(truth & ~mask, colours.missed, 0.9),
            Area(mask & ~truth, colours.wrong, 0.9),
        ),
    )


@dataclass(frozen=True)
class Area:
    """A part of a picture that is shown in a colour."""

    where: Mask
    """Its pixels, bool (H, W)."""
    colour: str
    """As #RRGGBB."""
    opacity: float = 0.9
    """How much of the colour covers the photo, in [0, 1]."""


def marked_picture(image: Image, areas: Sequence[Area]) -> Image:
    """The dimmed grey photo with areas in colour, the later ones over the earlier ones.

    Args:
        image: The photo, uint8 RGB (H, W, 3).
        areas: What to mark.

    Returns:
        A new image, uint8 RGB (H, W, 3).

    Raises:
        ImageError: The photo has a wrong shape or dtype.
        MaskError: An area has a wrong shape or dtype, or another size than the photo.
        ConfigError: A colour isn't of the form #RRGGBB.
    """
    for area in areas:
        require_pair(image, area.where, "area")
    grey = cv2.convertScaleAbs(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), alpha=_GREY_SHARE)
    picture = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    for area in areas:
        _tint(picture, area.where, rgb("colour", area.colour), area.opacity)
    return picture


def rgb(name: str, colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour #RRGGBB; raises ConfigError, which names it."""
    if not isinstance(colour, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise ConfigError(
            f"{name} is {colour!r}; it must be a colour of the form #RRGGBB. "
            "Try #00C2FF, a light blue."
        )
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _box(mask: Mask, margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns of the box that holds the mask, widened inside the picture."""
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return (
        slice(max(top - margin, 0), top + height + margin),
        slice(max(left - margin, 0), left + width + margin),
    )


def _tint(picture: Image, where: Mask, colour: tuple[int, int, int], opacity: float) -> None:
    """Blend a colour over part of a picture, in place, strip by strip and without floats."""
    box = _box(where)
    area, inside = picture[box], where[box].view(np.uint8)
    levels = np.arange(256)[:, None] * (1 - opacity) + np.array(colour) * opacity
    table = np.rint(levels).astype(np.uint8)[None]
    for top in range(0, len(area), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        strip = np.ascontiguousarray(area[rows])
        area[rows] = cv2.copyTo(cv2.LUT(strip, table), inside[rows], dst=strip)


def _draw_outline(picture: Image, mask: Mask, width: int, colour: tuple[int, int, int]) -> None:
    """Draw a line along the mask's edge, in place: the odd pixel of its width lies inside."""
    box = _box(mask, margin=width + 1)
    inside = np.ascontiguousarray(mask[box])
    line = _within(inside, math.ceil(width / 2))
    if width > 1:
        line |= _within(np.logical_not(inside), width // 2)
    _tint(picture[box], line, colour, 1.0)


def _within(area: Mask, reach: int) -> Mask:
    """The pixels of an area that lie at most `reach` px from the pixels that are not in it."""
    if area.all():  # nothing to measure to, which OpenCV leaves undefined
        return np.zeros_like(area)
    distance = cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(cv2.inRange(distance, 1.0, float(reach)), np.uint8).astype(np.bool_)
