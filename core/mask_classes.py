"""The pixels of chosen classes in a picture of class numbers or class colours."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.errors import MaskError, UnclearMaskError
from core.mask_values import values_of
from core.truth import Mask, Truth

Colour: TypeAlias = tuple[int, int, int]
"""R, G, B of 0..255."""

VOID = 255
"""Class number of what is not judged, in a picture whose values reach no further."""
_WIDE_VOID = 65535
_VOID_COLOUR: Colour = (224, 224, 192)  # of 255 in Pascal VOC's colours
_ALL = "all"
_NUMBER = re.compile(r"\d{1,10}")
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")
_DECIMAL = re.compile(r"(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})")


@dataclass(frozen=True)
class MaskClasses:
    """Classes of a mask that are the car."""

    numbers: tuple[int, ...] = ()
    colours: tuple[Colour, ...] = ()
    """Used where a picture holds colours, or no numbers are given."""
    all: bool = False
    """Whether every class is the car: all numbers but 0 and the void, all colours but black."""

    @classmethod
    def parsed(cls, words: Iterable[str]) -> "MaskClasses":
        """Return the classes that words name: "7", "64,0,128", "#400080" or "all".

        Other words, such as names, are left out: a mask knows none.
        """
        texts = [word.strip().lower() for word in words]
        numbers = [int(text) for text in texts if _NUMBER.fullmatch(text)]
        colours = [colour for text in texts if (colour := _colour(text)) is not None]
        return cls(tuple(numbers), tuple(colours), _ALL in texts)

    def __bool__(self) -> bool:
        """Whether there is any class."""
        return bool(self.numbers or self.colours or self.all)

    @property
    def words(self) -> tuple[str, ...]:
        """The classes as `parsed` reads them."""
        return (*map(str, self.numbers), *map(text_of, self.colours), *([_ALL] if self.all else []))

    def __str__(self) -> str:
        """The `words`, joined by spaces."""
        return " ".join(self.words)

    def pixels(self, picture: Image.Image, title: str) -> Truth:
        """Return which pixels belong to one of the classes, of which there is one or more.

        The void, which is 255 (65535 where values reach beyond 255) or Pascal VOC's colour of it,
        is ignored, unless it is one of the classes. All else is not the car.

        Args:
            picture: A decoded picture of W x H px. A palette's entries are class numbers.
            title: How messages call it.

        Raises:
            MaskError: It is a JPEG, which keeps no class exactly, or holds colours where a number
                is given, or the other way round.
        """
        refuse_jpeg(picture, title)
        if picture.mode in ("P", "L", "1") or picture.mode[0] == "I":
            return _of_plane(picture, title, self)
        return _of_colours(picture, title, self)


def text_of(colour: Sequence[int]) -> str:
    """Return a colour as `MaskClasses.parsed` and every shell read it: "64,0,128"."""
    return ",".join(map(str, colour))


def refuse_jpeg(picture: Image.Image, title: str) -> None:
    """Raise a MaskError if a picture of classes is a JPEG, which keeps no value exactly."""
    if picture.format == "JPEG":
        raise MaskError(
            f"{title}: a JPEG does not keep class numbers exactly; save the mask as PNG."
        )


def palette_of(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """Return a picture's palette as (256, 3); entries that the file leaves out are black."""
    listed = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return np.concatenate([listed, np.zeros((256 - len(listed), 3), np.uint8)])


def packed_rgb(picture: Image.Image) -> npt.NDArray[np.uint32]:
    """Return each pixel's colour as one number, R * 65536 + G * 256 + B, uint32 (H, W)."""
    rgb = np.asarray(picture.convert("RGB")).astype(np.uint32)
    return np.asarray(rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2])


def packed(colour: Colour) -> int:
    """Return a colour as `packed_rgb` has it."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def grey_of(colours: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32] | None:
    """Return the grey values of a picture that `packed_rgb` made; None if it has a colour."""
    grey = np.asarray(colours & 255, np.uint32)
    return grey if (colours == grey * 0x010101).all() else None


def unpacked(value: int) -> Colour:
    """Return the colour of a number that `packed_rgb` makes."""
    return value >> 16, value >> 8 & 255, value & 255


def _of_plane(picture: Image.Image, title: str, classes: MaskClasses) -> Truth:
    plane = np.asarray(picture)
    numbers: tuple[int, ...] = classes.numbers
    if not numbers and classes.colours:
        if picture.mode == "P":
            palette = map(tuple, palette_of(picture).tolist())
            numbers = tuple(place for place, each in enumerate(palette) if each in classes.colours)
        else:
            numbers = tuple(c[0] for c in classes.colours if c[0] == c[1] == c[2])
        if not numbers:
            raise UnclearMaskError(
                f"{title}: the mask holds numbers, none of them of the colour {classes}. Give the "
                "number of the car's class.",
                values_of(plane).shares,
            )
    void = _WIDE_VOID if plane.dtype.itemsize > 1 and plane.max(initial=0) > VOID else VOID
    return _split(plane, numbers, void, classes.all)


def _of_colours(picture: Image.Image, title: str, classes: MaskClasses) -> Truth:
    pixels = packed_rgb(picture)
    if classes.colours or classes.all:
        wanted = [packed(colour) for colour in classes.colours]
        return _split(pixels, wanted, packed(_VOID_COLOUR), classes.all)
    grey = grey_of(pixels)
    if grey is None:
        raise UnclearMaskError(
            f"{title}: the mask holds colours and no class {classes}. Give the colour of the "
            "car's class, such as 64,0,128.",
            shares_of_colours(pixels),
        )
    return _split(grey, classes.numbers, VOID, every=False)


def shares_of_colours(pixels: npt.NDArray[np.uint32]) -> tuple[tuple[str, float], ...]:
    """Return each colour of `packed_rgb`, such as "64,0,128", with its share of the pixels."""
    found = values_of(pixels)
    shares = (found.counts / pixels.size).tolist()
    names = (text_of(unpacked(int(value))) for value in found.values)
    return tuple(zip(names, shares, strict=True))


def _split(plane: npt.NDArray[Any], wanted: Sequence[int], void: int, every: bool) -> Truth:
    """Return where a plane has a wanted value, or any but 0, and where it has the void."""
    ignored = None if void in wanted else plane == void
    if ignored is not None and not ignored.any():
        ignored = None
    if not every:
        return Truth(np.isin(plane, wanted), ignored)
    car: Mask = plane != 0
    if ignored is None or np.array_equal(car, ignored):  # 0 and 255 alone: a plain mask
        return Truth(car)
    return Truth(car & ~ignored, ignored)


def _colour(text: str) -> Colour | None:
    if found := _HEX.fullmatch(text):
        red, green, blue = (int(part, 16) for part in found.groups())
    elif found := _DECIMAL.fullmatch(text):
        red, green, blue = (int(part) for part in found.groups())
    else:
        return None
    return (red, green, blue) if max(red, green, blue) <= 255 else None
