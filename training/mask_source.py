"""Where a photo's mask comes from: a file of its own, a class in a file, outlines in a JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

from core.decode import decode
from core.errors import ImageError, MaskError
from core.image import MAX_PIXELS, MIN_SIDE, read_mask
from training.outlines import draw_outline

Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]

_NUMBERED = ("P", "L", "1", "I", "I;16")


class MaskSource(Protocol):
    """How one photo's mask is read. Sources are frozen, hashable and can be pickled."""

    @property
    def path(self) -> Path:
        """The file that it lies in; with COCO many photos share one."""

    @property
    def selector(self) -> str:
        """What of the file it is, "" for all of it; changes whenever the mask would."""

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns the mask, bool (H, W), True where the car is.

        Args:
            shape: (height, width) of the upright photo.

        Raises:
            MaskError: It can't be read, or has another size than its photo.
        """


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A mask in a file of its own, told from its background as `core.image.read_mask` says."""

    path: Path

    @property
    def selector(self) -> str:
        """Always "": the whole file is the mask."""
        return ""

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns the mask, bool (H, W); see `MaskSource.read`."""
        return read_mask(self.path, shape=shape)


@dataclass(frozen=True, slots=True)
class ClassMask:
    """The pixels of some classes in a picture of class numbers, or of class colours.

    Everything else is not the car: other classes, the background 0 and the void 255.
    """

    path: Path
    values: tuple[int, ...]
    """Class numbers that are the car."""
    colours: tuple[Colour, ...] = ()
    """Their colours, R, G, B of 0..255, for pictures without palette that hold colours."""

    @property
    def selector(self) -> str:
        """The class numbers, and their colours."""
        colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in self.colours]
        return ",".join([*map(str, self.values), *colours])

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns the mask, bool (H, W); see `MaskSource.read`."""
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
        if picture.mode in _NUMBERED:
            mask = np.isin(np.asarray(picture), self.values)
        else:
            mask = _of_colours(np.asarray(picture.convert("RGB")), self.colours)
        _check_size(title, mask.shape, shape)
        return mask


@dataclass(frozen=True, slots=True)
class CocoMask:
    """The outlines that a COCO file holds of one photo's cars, all of them as one mask."""

    path: Path
    """The COCO file."""
    photo: str
    """The photo as the file calls it, for messages."""
    height: int
    """Of the photo as the file says, in px; 0 if it does not."""
    width: int
    outlines: str
    """JSON of a list with the "segmentation" of each annotation: polygons or RLE."""

    @property
    def selector(self) -> str:
        """The size and a digest of the outlines."""
        digest = hashlib.blake2b(self.outlines.encode(), digest_size=8).hexdigest()
        return f"{self.width}x{self.height}:{digest}"

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns the mask, bool (H, W), empty without outlines; see `MaskSource.read`."""
        title = f"{self.path.name}, {self.photo}"
        if self.height:
            _check_size(title, (self.height, self.width), shape)
        mask = np.zeros(shape, np.bool_)
        outlines: list[Any] = json.loads(self.outlines)
        for outline in outlines:
            mask |= draw_outline(outline, shape, title)
        return mask


def _of_colours(image: NDArray[np.uint8], colours: Sequence[Colour]) -> Mask:
    """Returns where an image (H, W, 3) uint8 has one of some colours, bool (H, W)."""
    packed = (image.astype(np.uint32) * np.array([65536, 256, 1], np.uint32)).sum(axis=2)
    return np.isin(packed, [red * 65536 + green * 256 + blue for red, green, blue in colours])


def _check_size(title: str, size: tuple[int, ...], shape: tuple[int, int]) -> None:
    if tuple(size) != tuple(shape):
        raise MaskError(
            f"{title}: the mask is {size[1]} x {size[0]} px, its photo {shape[1]} x {shape[0]} px; "
            "both must be the same. Make the mask from the photo as it is, turned upright."
        )
