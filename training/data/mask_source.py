"""Where a photo's mask comes from: a file of its own, a class in a file, outlines in a JSON.

Outlines are COCO's: polygons, and run lengths plain or packed into text. Source: the format as
github.com/cocodataset/cocoapi keeps it (common/maskApi.c). What a file says is checked here before
pycocotools sees it, since C code that trusts its input can take the whole process down.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import MaskError
from core.image import read_truth
from core.mask_classes import MaskClasses
from core.rle import from_coco
from core.truth import Truth

Mask = NDArray[np.bool_]

_FAR = 10  # sides that a corner may lie outside: beyond, the file is damaged and drawing slow


def draw_outline(outline: Any, shape: tuple[int, int], title: str) -> Mask:
    """Returns what an annotation's "segmentation" covers, bool (H, W).

    Args:
        outline: A list of polygons, each [x0, y0, x1, y1, ...] or [[x0, y0], [x1, y1], ...] in
            px, or one such polygon; or an RLE {"size": [H, W], "counts": list or str}. Polygons of
            fewer than three corners have no area and are passed over.
        shape: (height, width) of the mask in px.
        title: How messages call it.

    Raises:
        MaskError: It is neither, damaged, or an RLE of another size.
    """
    if isinstance(outline, dict):
        return from_coco(outline, shape, title)
    if isinstance(outline, list):
        if _is_polygon(outline):
            outline = [outline]  # some programs leave out the outer list
        return _draw_polygons([_corners(each, shape, title) for each in outline], shape, title)
    raise _damaged(title, "an outline is neither a list of polygons nor an RLE")


def _is_polygon(outline: list[Any]) -> bool:
    """Returns whether a list is one polygon, of numbers or of three or more pairs of numbers."""
    if outline and isinstance(outline[0], (int, float)):
        return True
    return len(outline) > 2 and all(
        isinstance(each, list) and len(each) == 2 and isinstance(each[0], (int, float))
        for each in outline
    )


def _draw_polygons(
    polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int], title: str
) -> Mask:
    from pycocotools import mask as coco  # only where COCO is read

    drawn = [polygon.tolist() for polygon in polygons if len(polygon) >= 6]
    if not drawn:
        return np.zeros(shape, np.bool_)
    runs = coco.merge(coco.frPyObjects(drawn, shape[0], shape[1]))
    # Not its own `decode`, which warns with every numpy from 2 on.
    return from_coco({"size": list(shape), "counts": runs["counts"].decode()}, shape, title)


def _corners(polygon: Any, shape: tuple[int, int], title: str) -> NDArray[np.float64]:
    try:
        corners = np.array(polygon, np.float64)
    except (ValueError, TypeError, OverflowError):
        corners = np.array([[]])
    if corners.ndim == 2 and corners.shape[1] == 2:
        corners = corners.ravel()
    if corners.ndim != 1 or len(corners) % 2:
        raise _damaged(title, "a polygon is not a list of pairs of numbers")
    if len(corners) and not np.all(np.abs(corners) <= _FAR * max(shape)):  # also NaN
        raise _damaged(title, "a polygon has corners far outside the photo")
    return corners


def _damaged(title: str, what: str) -> MaskError:
    return MaskError(f"{title}: {what}. Export the annotations again.")


class MaskSource(Protocol):
    """How one photo's mask is read. Sources are frozen, hashable and can be pickled."""

    @property
    def path(self) -> Path:
        """The file that it lies in; with COCO many photos share one."""

    @property
    def selector(self) -> str:
        """What of the file it is, "" for all of it; changes whenever the mask would."""

    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns the mask, (H, W): where the car is, and what is ignored.

        Args:
            shape: (height, width) of the upright photo.

        Raises:
            MaskError: It can't be read, or has another size than its photo.
        """

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns where the car is, bool (H, W); see `read_truth`."""


class Source:
    """What all sources share."""

    __slots__ = ()

    @abstractmethod
    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns the mask; see `MaskSource.read_truth`."""

    def read(self, shape: tuple[int, int]) -> Mask:
        """Returns where the car is, bool (H, W); see `MaskSource.read_truth`."""
        return self.read_truth(shape).car


@dataclass(frozen=True, slots=True)
class MaskFile(Source):
    """A mask in a file of its own, told from its background as `core.image.read_truth` says."""

    path: Path

    @property
    def selector(self) -> str:
        """Always "": the whole file is the mask."""
        return ""

    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns the mask; see `MaskSource.read_truth`."""
        return read_truth(self.path, shape=shape)


@dataclass(frozen=True, slots=True)
class ClassMask(Source):
    """The pixels of some classes in a picture of class numbers, or of class colours.

    The void is ignored (see `core.mask_classes`); all else is not the car.
    """

    path: Path
    classes: MaskClasses
    """The classes that are the car."""

    @property
    def selector(self) -> str:
        """The class numbers, and their colours."""
        return f"{self.classes}, void ignored"

    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns the mask; see `MaskSource.read_truth`."""
        return read_truth(self.path, shape=shape, rule=self.classes.pixels)


@dataclass(frozen=True, slots=True)
class InvertedMask(Source):
    """A mask that was drawn the wrong way round: what it calls the car is all but the car."""

    drawn: MaskSource

    @property
    def path(self) -> Path:
        """The file that it lies in."""
        return self.drawn.path

    @property
    def selector(self) -> str:
        """That of the mask as it was drawn, and that it is inverted."""
        return f"{self.drawn.selector} inverted"

    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns the mask the right way round; see `MaskSource.read_truth`."""
        return self.drawn.read_truth(shape).inverted()


def is_guessed(mask: MaskSource) -> bool:
    """Returns whether a mask's values alone say which of them is the car (`core.silhouette`)."""
    return isinstance(mask.drawn if isinstance(mask, InvertedMask) else mask, MaskFile)


def source_of_files(classes: Sequence[str]) -> Callable[[Path], MaskSource]:
    """Returns what makes the source of a mask of its file, where masks have a file each.

    Args:
        classes: What is the car in them, as words (see `MaskClasses.parsed`); where none is a
            number, a colour or "all", they show nothing but the car.
    """
    wanted = MaskClasses.parsed(classes)
    if not wanted:
        return MaskFile
    return lambda path: ClassMask(path, wanted)


@dataclass(frozen=True, slots=True)
class CocoMask(Source):
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

    def read_truth(self, shape: tuple[int, int]) -> Truth:
        """Returns the mask, empty without outlines; see `MaskSource.read_truth`."""
        title = f"{self.path.name}, {self.photo}"
        if self.height:
            _check_size(title, (self.height, self.width), shape)
        mask = np.zeros(shape, np.bool_)
        outlines: list[Any] = json.loads(self.outlines)
        for outline in outlines:
            mask |= draw_outline(outline, shape, title)
        return Truth(mask)


def written_mask(path: Path, line: dict[str, Any]) -> MaskSource:
    """Returns how a mask of an augmented set is read, by the line of the set's manifest."""
    return ClassMask(path, MaskClasses((1,))) if line.get("ignored") else MaskFile(path)


def _check_size(title: str, size: tuple[int, ...], shape: tuple[int, int]) -> None:
    if tuple(size) != tuple(shape):
        raise MaskError(
            f"{title}: the mask is {size[1]} x {size[0]} px, its photo {shape[1]} x {shape[0]} px; "
            "both must be the same. Make the mask from the photo as it is, turned upright."
        )
