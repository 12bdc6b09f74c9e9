"""Where a photo's mask comes from: a file of its own, a class in a file, outlines in a JSON."""

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
from core.truth import Truth
from training.data.outlines import draw_outline

Mask = NDArray[np.bool_]


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
