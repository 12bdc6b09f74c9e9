"""Masks of a folder that says what its class numbers and colours stand for.

A picture gives a pixel's class by a number (grey, or the place in a palette) or by a colour. Where
all colours of a picture, those of its palette included, are known, they decide: programs reorder
palettes, and grey pictures hold colours too. Else its numbers do. What is neither is refused, for
a class that nobody knows would silently become background.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import MaskError
from core.image import read_truth
from core.mask_classes import Colour, grey_of, packed, packed_rgb, refuse_jpeg
from core.names import first_few
from core.truth import Truth
from training.data.mask_source import Source

_NO_COLOUR = 1 << 24
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Known:
    """What stands for a class in the masks of a folder."""

    values: frozenset[int]
    """Class numbers, those of the background and the void included."""
    colours: frozenset[Colour]
    """Colours of classes, likewise."""
    void_values: frozenset[int]
    """Those of the numbers that mean that nobody judges the pixel."""
    void_colours: frozenset[Colour]
    """Those of the colours."""
    source: str
    """Where that is from, such as "labelmap.txt"."""
    numbered: bool = True
    """Whether a number tells a class; not if the order of the classes is uncertain."""


@dataclass(frozen=True, slots=True)
class LabelMask(Source):
    """The pixels of some classes in a picture of known class numbers or colours."""

    path: Path
    values: tuple[int, ...]
    """Class numbers that are the car."""
    colours: tuple[Colour, ...]
    """Colours that are the car."""
    known: Known
    """All numbers and colours that may be in it."""

    @property
    def selector(self) -> str:
        """The class numbers and colours, and a digest of what is known."""
        colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in self.colours]
        return ",".join([*map(str, self.values), *colours, _digest(self.known)])

    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns where the car is, and the void as ignored.

        Args:
            shape: (height, width) of the upright photo.

        Raises:
            MaskError: It can't be read, has another size than its photo, is a JPEG, or holds a
                number or a colour that isn't known.
        """
        return read_truth(self.path, shape=shape, rule=self._pixels)

    def _pixels(self, picture: Image.Image, title: str) -> Truth:
        return label_pixels(picture, self.values, self.colours, self.known, title)


def label_pixels(
    picture: Image.Image,
    values: Collection[int],
    colours: Collection[Colour],
    known: Known,
    title: str,
) -> Truth:
    """Returns which pixels are the car, and the void as ignored.

    Args:
        picture: The picture of classes.
        values: Class numbers that are the car.
        colours: Colours that are the car.
        known: All that may be in it.
        title: How messages call it.

    Raises:
        MaskError: It is a JPEG, or holds a number or a colour that isn't known.
    """
    refuse_jpeg(picture, title)
    if picture.mode[0] in "IF":
        return _by_number(np.asarray(picture), values, known, title)
    if picture.mode in ("P", "L", "1"):
        places = np.asarray(picture).astype(np.uint8)
        used = np.flatnonzero(np.bincount(places.ravel(), minlength=256))
        table = _table(picture)
        if not _all_known(table[used], known):
            return _by_number(places, values, known, title)
        if not colours and table[used].any():
            raise _only_colours(title)
        return _split(table[places], colours, known.void_colours)
    pixels = packed_rgb(picture)
    used = np.unique(pixels)
    if colours and _all_known(used, known):
        return _split(pixels, colours, known.void_colours)
    grey = grey_of(pixels)
    if grey is not None:  # numbers, saved in three channels
        return _by_number(grey, values, known, title)
    if not colours:
        raise _only_colours(title)
    strange = set(used.tolist()) - {packed(colour) for colour in known.colours}
    shown = first_few([f"#{colour:06x}" for colour in sorted(strange)], _SHOWN)
    raise MaskError(
        f"{title}: it holds colours that {known.source} gives no class ({len(strange):,}): "
        f"{shown}. List every class with its colour in labelmap.txt, and save masks as PNG without "
        "smoothed edges."
    )


@cache
def _digest(known: Known) -> str:
    sets = (known.values, known.colours, known.void_values, known.void_colours)
    facts = f"{[sorted(each) for each in sets]}{known.numbered}, void ignored"
    return hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()


def _split(
    pixels: NDArray[np.uint32], colours: Collection[Colour], void: Collection[Colour]
) -> Truth:
    return _told(pixels, list(map(packed, colours)), list(map(packed, void)))


def _told(pixels: NDArray[np.integer], cars: Sequence[int], voids: Sequence[int]) -> Truth:
    """Returns where pixels have a value of the car, and where one of the void."""
    car = np.isin(pixels, cars)
    ignored = np.isin(pixels, voids) & ~car
    return Truth(car, ignored if ignored.any() else None)


def _by_number(
    numbers: NDArray[np.integer], values: Collection[int], known: Known, title: str
) -> Truth:
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
    return _told(numbers, list(values), list(known.void_values))


def _only_colours(title: str) -> MaskError:
    return MaskError(
        f"{title}: it holds the colours of classes, so the car can't be found by a number. Choose "
        "its class by name (--class NAME)."
    )


def _all_known(pixels: NDArray[np.integer], known: Known) -> bool:
    return bool(np.isin(pixels, [packed(colour) for colour in known.colours]).all())


def _table(picture: Image.Image) -> NDArray[np.uint32]:
    """Returns the packed colour of each pixel value, uint32 (256,); beyond a palette none."""
    table = np.full(256, _NO_COLOUR, np.uint32)
    if picture.mode == "1":
        table[:2] = 0, packed((255, 255, 255))
    elif picture.mode == "L":
        table[:] = [packed((value, value, value)) for value in range(256)]
    else:
        parts = picture.getpalette("RGB") or []
        colours = zip(parts[::3], parts[1::3], parts[2::3], strict=False)
        for value, colour in enumerate(colours):
            table[value] = packed(colour)
    return table


def _listed(numbers: Sequence[int]) -> str:
    return first_few([str(number) for number in numbers], _SHOWN)
