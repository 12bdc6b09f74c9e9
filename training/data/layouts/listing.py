"""What a layout's reader hands back, and the listing of pictures that several of them need."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import DataError, reason
from core.names import composed, is_hidden, printable
from core.photos import PHOTO_SUFFIXES
from training.data.mask_source import MaskSource

_COPY = re.compile(r"(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Remark:
    """What a reader took for granted, to be confirmed by a person."""

    kind: str
    """A word for programs."""
    title: str
    """What it is, with its count."""
    names: tuple[str, ...]
    """Where: photos by their names, or files."""
    advice: str
    """What to do if it is wrong."""
    details: tuple[str, ...] = ()
    """What was found for each name; empty if the title says it all."""


@dataclass
class Listing:
    """The photos and masks of a folder by name, before they are paired."""

    photos: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, MaskSource] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    """Files left out because another file has their name or content, below the root."""
    remarks: list[Remark] = field(default_factory=list)
    cars: dict[str, str] = field(default_factory=dict)
    """The car by name, where the layout says it."""
    origins: dict[str, str] = field(default_factory=dict)
    """The name of the photo that a photo was made from, by name."""
    family: str = ""
    """Name of the data folder that it was made from."""
    classes: tuple[str, ...] = ()
    """Classes that are the car."""
    all_classes: tuple[str, ...] = ()
    """Classes that there were to choose from."""


@dataclass(frozen=True)
class Pictures:
    """The picture files below a folder, one for each name."""

    folder: Path
    files: dict[str, Path]
    """The file by its name: its path below the folder in NFC, with "/", without suffix and mark."""
    originals: dict[str, str]
    """Of a name that says copy, such as `x (1)`: the name of what it would be a copy of."""
    doubled: list[str]
    """Files whose name another file has, by their paths below the folder's parent."""

    def place(self, name: str) -> str:
        """Returns a file's path below the folder's parent."""
        return place_of(self.files[name], self.folder)


def list_pictures(folder: Path, mark: str = "") -> Pictures:
    """Returns the pictures below a folder and all folders in it, one for each name.

    Of `x.jpg` and `x.png` the first by name stands.

    Args:
        folder: May be missing; then there are none.
        mark: What a name must end with, such as "_mask", in upper or lower case; it is taken off.
            Files without it are no masks and left out.

    Raises:
        DataError: A folder can't be read.
    """
    pictures = Pictures(folder, {}, {}, [])
    # Of two names that are one in NFC, that in NFC stands.
    for place, path in sorted(
        walk_pictures(folder), key=lambda each: (composed(each[0]) != each[0], each[0])
    ):
        stem = composed(place[: place.rindex(".")])
        name = without_ending(stem, mark)
        original = _original(stem if name is None else name)
        if name is None:  # x_mask (1): not by its name, but maybe a copy of x_mask
            name, original = stem, without_ending(original, mark) or ""
            if not original:
                continue
        if pictures.files.setdefault(name, path) is not path:
            pictures.doubled.append(place_of(path, folder))
        elif original != name:
            pictures.originals[name] = original
    return pictures


def place_of(path: Path, folder: Path) -> str:
    """Returns a path below a folder's parent, with "/", fit to be shown."""
    return printable(path.relative_to(folder.parent).as_posix())


def without_ending(name: str, ending: str) -> str | None:
    """Returns a name without its ending, whatever its case; None if it has another."""
    return name[: len(name) - len(ending)] if name.lower().endswith(ending) else None


def _original(name: str) -> str:
    """Returns a name without what says copy."""
    return _COPY.sub("", name) if " " in name or "(" in name else name


def walk_pictures(folder: Path, below: str = "") -> Iterator[tuple[str, Path]]:
    """Yields all pictures below a folder, each with its path relative to it, unsorted.

    What `is_hidden` names is left out, links to folders are not followed, and a folder is none,
    even if it is called x.jpg.

    Args:
        folder: May be missing; then there are none.
        below: What to put before each relative path.

    Raises:
        DataError: A folder can't be read.
    """
    try:
        with os.scandir(folder) as entries:
            folders = {entry.name: entry.is_symlink() for entry in entries if entry.is_dir()}
        # Paths from `iterdir` cost a quarter of those put together; it counts at 100,000.
        paths = [path for path in folder.iterdir() if not is_hidden(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise DataError(
            f"The folder {folder} can't be read ({reason(error)}); check its permissions."
        ) from error
    for path in paths:
        name = path.name
        dot = name.rfind(".")
        if name in folders:
            if not folders[name]:
                yield from walk_pictures(path, f"{below}{name}/")
        elif dot > 0 and name[dot:].lower() in PHOTO_SUFFIXES:
            yield below + name, path
