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
from PIL import Image, ImageOps

from core.decode import decode
from core.errors import ImageError, MaskError
from core.image import MAX_PIXELS, MIN_SIDE
from core.names import first_few

Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]
"""R, G, B in 0..255."""

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
class LabelMask:
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

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns the mask, bool (H, W); see `MaskSource.read`."""
        return self.read_with_void(shape)[0]

    def read_with_void(self, shape: tuple[int, int]) -> tuple[Mask, Mask]:
        """Returns where the car is and where nobody judges, both bool (H, W).

        Args:
            shape: (height, width) of the upright photo.

        Raises:
            MaskError: It can't be read, has another size than its photo, is a JPEG, or holds a
                number or a colour that isn't known.
        """
        title = self.path.name
        try:
            decoded = decode(self.path, title, max_pixels=MAX_PIXELS, min_side=MIN_SIDE)
        except ImageError as error:
            raise MaskError(str(error)) from error
        picture = decoded.picture
        if picture.format == "JPEG":
            raise MaskError(
                f"{title}: a JPEG does not keep class numbers exactly; save the mask as PNG."
            )
        if decoded.orientation != 1:
            picture = ImageOps.exif_transpose(picture)
        if picture.size != (shape[1], shape[0]):
            raise MaskError(
                f"{title}: the mask is {picture.width} x {picture.height} px, its photo {shape[1]} "
                f"x {shape[0]} px; both must be the same. Make the mask from the photo as it is, "
                "turned upright."
            )
        return label_pixels(picture, self.values, self.colours, self.known, title)


def label_pixels(
    picture: Image.Image,
    values: Collection[int],
    colours: Collection[Colour],
    known: Known,
    title: str,
) -> tuple[Mask, Mask]:
    """Returns which pixels are the car and which nobody judges, both bool (H, W).

    Args:
        picture: The picture of classes, upright.
        values: Class numbers that are the car.
        colours: Colours that are the car.
        known: All that may be in it.
        title: How messages call it.

    Raises:
        MaskError: It holds a number or a colour that isn't known.
    """
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
        car, void = _split(table, colours, known.void_colours)
        return car[places], void[places]
    image = np.asarray(picture.convert("RGB"))
    packed = (image.astype(np.uint32) * np.array([65536, 256, 1], np.uint32)).sum(axis=2)
    used = np.unique(packed)
    if colours and _all_known(used, known):
        return _split(packed, colours, known.void_colours)
    if np.array_equal(image.min(axis=2), image.max(axis=2)):  # numbers, saved in three channels
        return _by_number(image[:, :, 0], values, known, title)
    if not colours:
        raise _only_colours(title)
    strange = set(used.tolist()) - {_packed(colour) for colour in known.colours}
    shown = first_few([f"#{colour:06x}" for colour in sorted(strange)], _SHOWN)
    raise MaskError(
        f"{title}: it holds colours that {known.source} gives no class ({len(strange):,}): "
        f"{shown}. List every class with its colour in labelmap.txt, and save masks as PNG without "
        "smoothed edges."
    )


@cache
def _digest(known: Known) -> str:
    sets = (known.values, known.colours, known.void_values, known.void_colours)
    facts = f"{[sorted(each) for each in sets]}{known.numbered}"
    return hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()


def _split(
    packed: NDArray[np.uint32], colours: Collection[Colour], void: Collection[Colour]
) -> tuple[Mask, Mask]:
    """Returns where packed colours are the car, and where the void."""
    cars, voids = ([_packed(colour) for colour in each] for each in (colours, void))
    car = np.isin(packed, cars)
    return car, np.isin(packed, voids) & ~car


def _by_number(
    numbers: NDArray[np.integer], values: Collection[int], known: Known, title: str
) -> tuple[Mask, Mask]:
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
    car = np.isin(numbers, list(values))
    return car, np.isin(numbers, list(known.void_values)) & ~car


def _only_colours(title: str) -> MaskError:
    return MaskError(
        f"{title}: it holds the colours of classes, so the car can't be found by a number. Choose "
        "its class by name (--class NAME)."
    )


def _all_known(packed: NDArray[np.integer], known: Known) -> bool:
    return bool(np.isin(packed, [_packed(colour) for colour in known.colours]).all())


def _table(picture: Image.Image) -> NDArray[np.uint32]:
    """Returns the packed colour of each pixel value, uint32 (256,); beyond a palette none."""
    table = np.full(256, _NO_COLOUR, np.uint32)
    if picture.mode == "1":
        table[:2] = 0, _packed((255, 255, 255))
    elif picture.mode == "L":
        table[:] = [_packed((value, value, value)) for value in range(256)]
    else:
        parts = picture.getpalette("RGB") or []
        colours = zip(parts[::3], parts[1::3], parts[2::3], strict=False)
        for value, colour in enumerate(colours):
            table[value] = _packed(colour)
    return table


def _packed(colour: Colour) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _listed(numbers: Sequence[int]) -> str:
    return first_few([str(number) for number in numbers], _SHOWN)
