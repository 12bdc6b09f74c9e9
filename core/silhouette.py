"""Which pixels of a mask's picture are the car, in whoever's hand it was drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from core.errors import UnclearMaskError
from core.mask_classes import VOID, Colour, packed_rgb, palette_of, shares_of_colours, unpacked
from core.mask_values import (
    CLASS_NUMBERS,
    FEW_VALUES,
    NOISE,
    areas_of,
    is_flat,
    least_area,
    two_levels,
    values_of,
)
from core.modes import white_level, with_alpha
from core.truth import Mask, Truth

_LOSSY = {"JPEG", "WEBP", "AVIF", "HEIF"}  # formats that may change values; JPEG always does
_WITH_VOID = ([0, 1, 255], [0, 1, 65535])


def silhouette(picture: Image.Image, title: str) -> Truth:
    """Return the mask that a picture draws, by the rules of `read_mask`, not yet turned.

    Args:
        picture: A decoded picture of W x H px, of any mode.
        title: How messages call it.

    Returns:
        The car, bool (H, W), and what is ignored.

    Raises:
        UnclearMaskError: It holds class numbers or colours of which none is plainly the car.
    """
    if picture.mode == "P":
        truth = _of_palette(picture, title)
        if truth is not None:
            return truth
    rgba = with_alpha(picture)
    visible = None if rgba is None else _car_of_alpha(rgba)
    if visible is not None:
        return Truth(visible)
    if picture.mode == "P" and np.ptp(palette_of(picture)[_used(picture)], axis=1).max() > 0:
        raise _unclear(title, values_of(np.asarray(picture)).shares)
    plane, coloured = _brightness(picture)
    if coloured:
        return _of_colours(picture, plane, title)
    return _of_grey(picture, plane, title)


def _of_palette(picture: Image.Image, title: str) -> Truth | None:
    """Return the mask of one or two entries, and of 0, 1 and the void; None for others."""
    used = _used(picture)
    if used.tolist() in _WITH_VOID:
        index = np.asarray(picture)
        return Truth(index == 1, index == VOID)
    if len(used) > 2:
        return None
    index = np.asarray(picture)
    palette = palette_of(picture)
    first, last = int(used[0]), int(used[-1])
    bright = palette.max(axis=1).astype(int)
    if first == last:
        is_car = bright[first] >= bright[0] if first > 0 else bright[0] > 127
        car, other = (first, 0) if is_car else (-1, first)
    else:
        car, other = (first, last) if bright[first] > bright[last] else (last, first)
    white = palette[car].min() >= 200 or palette[car].tolist() == [car] * 3
    plain = white and bright[car] - bright[other] >= CLASS_NUMBERS
    if max(first, last) > 1 and not (plain or car < 0):
        raise _unclear(title, values_of(index).shares)
    return Truth(index == car)


def _used(picture: Image.Image) -> npt.NDArray[np.intp]:
    """Return the entries of a palette that are in use."""
    return np.flatnonzero(picture.histogram())


def _car_of_alpha(rgba: Image.Image) -> Mask | None:
    """Return the mask in a picture's alpha; None where alpha is the same everywhere."""
    alpha = np.asarray(rgba.getchannel("A"))
    if alpha.min() == alpha.max():
        return None
    visible: Mask = alpha > 127
    bright, _ = _brightness(rgba)
    shown = bright[visible]
    drawn = shown.size and shown.min() <= 127 < shown.max() and _two_valued(shown)
    return visible & (bright > 127) if drawn else visible


def _brightness(picture: Image.Image) -> tuple[npt.NDArray[Any], bool]:
    """Return (H, W): a grey picture's own values, a coloured one's brightest channel.

    Also whether it has colours, more of them than a JPEG makes of grey.
    """
    if picture.mode[0] in "IF":
        values: npt.NDArray[Any] = np.nan_to_num(np.asarray(picture))
        return values, False
    if picture.mode in {"1", "L"}:
        return np.asarray(picture.convert("L")), False
    red, green, blue = picture.convert("RGB").split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    chroma = np.asarray(ImageChops.subtract(brightest, darkest)).max()
    most = 8 * NOISE if picture.format in _LOSSY else 0
    return np.asarray(brightest), bool(chroma > most)


def _of_grey(picture: Image.Image, plane: npt.NDArray[Any], title: str) -> Truth:
    low, high = plane.min(), plane.max()
    white = 255.0 if picture.mode[0] == "I" and high <= 255 else white_level(picture)
    jpeg = picture.format == "JPEG"
    if high == 0 or (jpeg and high <= NOISE and low > 0):
        return Truth(np.zeros(plane.shape, np.bool_))
    if low >= white * (1 - NOISE / 255) or (low == high and _is_plain(0, high, white)):
        return Truth(np.ones(plane.shape, np.bool_))
    if not jpeg and low < high and _two_valued(plane) and _is_plain(low, high, white):
        return Truth(plane == high)
    found = values_of(plane)
    if not jpeg and found.values.tolist() in _WITH_VOID:
        return Truth(plane == 1, plane == high)
    if jpeg and high <= 2:
        ones = areas_of(plane, 0.0).get(1.0, 0)
        return Truth(plane >= 1 if ones else np.zeros(plane.shape, np.bool_))
    lossy = picture.format in _LOSSY
    levels = two_levels(plane, found, white, lossy=lossy) if len(found.values) > 2 else None
    if levels is None:
        raise _unclear(title, found.shares)
    return Truth(plane > _threshold(levels, white))


def _is_plain(low: float, high: float, white: float) -> bool:
    """Return whether two values are background and car, and no class numbers."""
    if (low, high) == (0, 1):
        return True
    if high == VOID and 0 < low < CLASS_NUMBERS:
        return False
    if white <= 255:
        return high - low >= CLASS_NUMBERS * white / 255
    # Of 16 bits: white as so many bits have it; others are numbers of instances.
    return low == 0 and high > 254 and (int(high) + 1) & int(high) == 0


def _threshold(levels: tuple[float, float], white: float) -> float:
    """Return half of white where it lies between the levels, else their middle."""
    dark, bright = levels
    return white / 2 if dark <= white / 2 < bright else (dark + bright) / 2


def _of_colours(picture: Image.Image, plane: npt.NDArray[Any], title: str) -> Truth:
    """Return the mask of one colour on black, whose edges may be soft."""
    rgb = picture.convert("RGB")
    few: list[Any] = [colour for _, colour in rgb.getcolors(FEW_VALUES) or ()]
    exact = bool(few) and picture.format not in _LOSSY
    levels = few if len(few) == 2 else _colours_of_areas(rgb, exact)
    if len(levels) == 2:
        dark, bright = sorted(levels, key=max)
        if max(dark) <= (0 if exact else NOISE) and _are_shades(few if exact else levels, bright):
            return Truth(plane > _threshold((max(dark), max(bright)), 255.0))
    raise _unclear(title, shares_of_colours(packed_rgb(rgb)))


def _colours_of_areas(rgb: Image.Image, exact: bool) -> list[Colour]:
    """Return the colours that cover areas; of those that nearly agree, the largest."""
    flat = np.ones((rgb.height, rgb.width), np.bool_)
    for channel in rgb.split():
        flat &= is_flat(np.asarray(channel))
    found = values_of(packed_rgb(rgb), flat)
    least = least_area(flat.size, noisy=not exact)
    order = np.argsort(-found.counts)
    kept: list[Colour] = []
    for value in found.values[order][found.counts[order] >= least].tolist():
        colour = unpacked(value)
        if exact or all(np.abs(np.subtract(colour, each)).max() > NOISE for each in kept):
            kept.append(colour)
    return kept


def _are_shades(colours: Sequence[Colour], bright: Colour) -> bool:
    """Return whether all colours lie between black and a bright one."""
    points, top = np.array(colours, float), np.array(bright, float)
    share = points @ top / (top @ top)
    return bool(np.abs(points - share[:, np.newaxis] * top).max() <= 4 * NOISE)


def _two_valued(plane: npt.NDArray[Any]) -> bool:
    return bool(((plane == plane.min()) | (plane == plane.max())).all())


def _unclear(title: str, shares: Sequence[tuple[str, float]]) -> UnclearMaskError:
    """Return the error that says what was found, and the ways out."""
    if len(shares) > FEW_VALUES:
        return UnclearMaskError(
            f"{title}: the mask holds {len(shares)} values and no two plain levels, so which part "
            "is the car is unclear. Save it with two values, 0 beside the car and 255 on it."
        )
    found = UnclearMaskError("", tuple(shares)).found
    return UnclearMaskError(
        f"{title}: the mask holds {found}. These may be classes or single cars, so which part is "
        "the car is unclear. Name the car's (--class VALUE, once for each; --class all joins all), "
        "or save the mask with two values, 0 beside the car and 255 on it.",
        tuple(shares),
    )
