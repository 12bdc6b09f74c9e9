"""Pictures of classes: which of their pixels are the car, by class number or by colour.

A picture says a pixel's class by a number (grey, or the place in a palette) or by a colour. Where
all colours of a picture, those of its palette included, are known, they decide: programs reorder
palettes, and grey pictures hold colours too. Else its numbers do. What is neither is refused, for
a class that nobody knows would silently become background.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import MaskError
from core.names import first_few

Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]
"""R, G, B in 0..255."""

_NO_COLOUR = 1 << 24
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Known:
    """What stands for a class in the pictures of a folder; the background and void included."""

    values: frozenset[int]
    """Class numbers."""
    colours: frozenset[Colour]
    """Colours of classes."""
    source: str
    """Where that is from, such as "labelmap.txt"."""
    numbered: bool = True
    """Whether a number tells a class; not if the order of the classes is uncertain."""


def car_pixels(
    picture: Image.Image,
    values: Collection[int],
    colours: Collection[Colour],
    known: Known | None,
    title: str,
) -> Mask:
    """Returns which pixels are the car, bool (H, W).

    Args:
        picture: The picture of classes, upright.
        values: Class numbers that are the car.
        colours: Colours that are the car.
        known: All that may be in it; None: whatever is not the car is something else.
        title: How messages call it.

    Raises:
        MaskError: It holds a number or a colour that isn't known.
    """
    cars = [_packed(*colour) for colour in colours]
    if picture.mode[0] in "IF":
        return _by_number(np.asarray(picture), values, known, title)
    if picture.mode in ("P", "L", "1"):
        places = np.asarray(picture).astype(np.uint8)
        used = np.flatnonzero(np.bincount(places.ravel(), minlength=256))
        table = _table(picture)[used]
        if _all_known(table, known):
            if not cars and table.any():
                raise _only_colours(title)
            return np.isin(places, used[np.isin(table, cars)])
        return _by_number(places, values, known, title)
    image = np.asarray(picture.convert("RGB"))
    packed = (image.astype(np.uint32) * np.array([65536, 256, 1], np.uint32)).sum(axis=2)
    used = np.unique(packed)
    if known is None or (cars and _all_known(used, known)):
        return np.isin(packed, cars)
    if np.array_equal(image.min(axis=2), image.max(axis=2)):  # numbers, saved in three channels
        return _by_number(image[:, :, 0], values, known, title)
    if not cars:
        raise _only_colours(title)
    strange = set(used.tolist()) - {_packed(*colour) for colour in known.colours}
    shown = first_few([f"#{colour:06x}" for colour in sorted(strange)], _SHOWN)
    raise MaskError(
        f"{title}: it holds colours that {known.source} gives no class ({len(strange):,}): "
        f"{shown}. List every class with its colour in labelmap.txt, and save masks as PNG without "
        "smoothed edges."
    )


@cache
def digest(known: Known | None) -> str:
    """Returns a short digest of what is known, "" of None."""
    if known is None:
        return ""
    facts = f"{sorted(known.values)}{sorted(known.colours)}{known.numbered}"
    return hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()


def _by_number(
    numbers: NDArray[np.integer], values: Collection[int], known: Known | None, title: str
) -> Mask:
    mask = np.isin(numbers, list(values))
    if known is None:
        return mask
    found = np.unique(numbers).tolist()
    shown = _listed(found)
    if not (known.numbered or values):
        raise MaskError(
            f"{title}: it holds the class numbers {shown}, but {known.source} doesn't begin with "
            "the background, so which of them is the car can't be told. List the classes in the "
            "order of their numbers, from 0, the background; or choose the car's number "
            "(--class N)."
        )
    strange = sorted(set(found) - known.values)
    if strange:
        raise MaskError(
            f"{title}: it holds the class numbers {shown}, of which {known.source} gives no class "
            f"to {_listed(strange)}. Choose the car's number (--class N), or list all classes in "
            "labelmap.txt, the background first."
        )
    return mask


def _only_colours(title: str) -> MaskError:
    return MaskError(
        f"{title}: it holds the colours of classes, so the car can't be found by a number. Choose "
        "its class by name (--class NAME)."
    )


def _all_known(packed: NDArray[np.integer], known: Known | None) -> bool:
    if known is None:
        return False
    return bool(np.isin(packed, [_packed(*colour) for colour in known.colours]).all())


def _table(picture: Image.Image) -> NDArray[np.uint32]:
    """Returns the packed colour of each pixel value, uint32 (256,); beyond a palette none."""
    table = np.full(256, _NO_COLOUR, np.uint32)
    if picture.mode == "1":
        table[:2] = _packed(0, 0, 0), _packed(255, 255, 255)
    elif picture.mode == "L":
        table[:] = [_packed(value, value, value) for value in range(256)]
    else:
        parts = picture.getpalette("RGB") or []
        colours = zip(parts[::3], parts[1::3], parts[2::3], strict=False)
        for value, colour in enumerate(colours):
            table[value] = _packed(*colour)
    return table


def _packed(red: int, green: int, blue: int) -> int:
    return red << 16 | green << 8 | blue


def _listed(numbers: Sequence[int]) -> str:
    return first_few([str(number) for number in numbers], _SHOWN)
