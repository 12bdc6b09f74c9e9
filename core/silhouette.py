"""Which pixels of a mask's picture are the car, in whoever's hand it was drawn."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from core.errors import MaskError
from core.modes import white_level, with_alpha

Mask: TypeAlias = npt.NDArray[np.bool_]

_CLASS_NUMBERS = 16  # a mask with three values or more, all below this, counts classes


def silhouette(picture: Image.Image, title: str) -> Mask:
    """Return the mask that a picture draws, by the rules of `read_mask`, not yet turned.

    Args:
        picture: A decoded picture of W x H px, of any mode.
        title: How messages call it.

    Returns:
        The car, bool (H, W).

    Raises:
        MaskError: It holds class numbers or colours of which none is plainly the car.
    """
    if picture.mode == "P":
        index = np.asarray(picture)
        used = np.flatnonzero(picture.histogram())
        if len(used) <= 2:
            car: Mask = index == _car_index(_palette(picture), used)
            return car
    rgba = with_alpha(picture)
    visible = None if rgba is None else _car_of_alpha(rgba)
    if visible is not None:
        return visible
    if picture.mode == "P" and np.ptp(_palette(picture)[used], axis=1).max() > 0:
        raise MaskError(_unclear(title, f"{len(used)} colours"))
    plane = _brightness(picture)
    low, high = plane.min(), plane.max()
    if picture.format != "JPEG":
        if low == high:
            return np.full(plane.shape, high > 0)
        if _two_valued(plane):
            larger: Mask = plane == high
            return larger
        if plane.dtype.kind in "iu" and high < _CLASS_NUMBERS:
            raise MaskError(_unclear(title, f"values from {low} to {high}"))
    brighter: Mask = plane > white_level(picture) / 2
    return brighter


def _car_index(palette: npt.NDArray[np.uint8], used: npt.NDArray[np.intp]) -> int:
    """Return which of the one or two palette entries in use is the car; -1 for none."""
    bright = palette.max(axis=1).astype(int)
    first, last = int(used[0]), int(used[-1])
    if first != last:
        return first if bright[first] > bright[last] else last
    is_car = bright[first] >= bright[0] if first > 0 else bright[0] > 127
    return first if is_car else -1


def _car_of_alpha(rgba: Image.Image) -> Mask | None:
    """Return the mask in a picture's alpha; None where alpha is the same everywhere."""
    alpha = np.asarray(rgba.getchannel("A"))
    if alpha.min() == alpha.max():
        return None
    visible: Mask = alpha > 127
    bright = _brightness(rgba)
    shown = bright[visible]
    drawn = shown.size and shown.min() <= 127 < shown.max() and _two_valued(shown)
    return visible & (bright > 127) if drawn else visible


def _palette(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """Return a picture's palette as (256, 3); entries that the file leaves out are black."""
    listed = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return np.concatenate([listed, np.zeros((256 - len(listed), 3), np.uint8)])


def _brightness(picture: Image.Image) -> npt.NDArray[Any]:
    """Return (H, W): a grey picture's own values, a coloured one's brightest channel."""
    if picture.mode[0] in "IF":
        values: npt.NDArray[Any] = np.nan_to_num(np.asarray(picture))
        return values
    if picture.mode in {"1", "L"}:
        return np.asarray(picture.convert("L"))
    red, green, blue = picture.convert("RGB").split()
    return np.asarray(ImageChops.lighter(ImageChops.lighter(red, green), blue))


def _two_valued(plane: npt.NDArray[Any]) -> bool:
    return bool(((plane == plane.min()) | (plane == plane.max())).all())


def _unclear(title: str, found: str) -> str:
    return (
        f"{title}: the mask holds {found}, so which part is the car is unclear. "
        "Save it with two values, 0 beside the car and 255 on it."
    )
