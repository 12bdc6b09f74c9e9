"""What a layout's reader hands back, and the listing of pictures that several of them need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from core.errors import DataError, reason
from core.names import is_hidden, printable
from core.photos import PHOTO_SUFFIXES
from training.mask_source import MaskSource

_COPY = re.compile(r"(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)$", re.IGNORECASE)


@dataclass
class Listing:
    """The photos and masks of a folder by name, before they are paired."""

    photos: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, MaskSource] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    """Files that stand for a photo or mask that another file stands for already, below the root."""
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
    """The picture files below a folder, one for each stem."""

    files: dict[str, Path]
    """The file by its path below the folder, with "/", without suffix and closing mark."""
    doubled: list[str]
    """Paths below the folder's parent of files for whose stem another file stands."""


def list_pictures(folder: Path, mark: str = "") -> Pictures:
    """Returns the pictures below a folder and all folders in it, one for each stem.

    Of `x.jpg` and `x.png` the first by name stands. `x (1).jpg`, `x(1).jpg` and `x - Copy.jpg` are
    doubled where there is an `x`, and pictures of their own where there is none.

    Args:
        folder: May be missing; then there are none.
        mark: What a stem must end with, such as "_mask"; it is taken off. Files without it are no
            masks and left out.

    Raises:
        DataError: A folder can't be read.
    """
    files: dict[str, Path] = {}
    doubled: list[str] = []
    copies: list[tuple[str, str, Path]] = []
    for name, path in sorted(walk_pictures(folder), key=itemgetter(0)):
        stem = name[: name.rindex(".")]
        if (" " in stem or "(" in stem) and (copy := _COPY.search(stem)):
            copies.append((name, stem[: copy.start()], path))
        elif not stem.endswith(mark):
            continue
        elif files.setdefault(stem.removesuffix(mark), path) is not path:
            doubled.append(f"{folder.name}/{name}")
    _sort_copies(copies, mark, folder.name, files, doubled)
    return Pictures(files, doubled)


def _sort_copies(
    copies: Iterable[tuple[str, str, Path]],
    mark: str,
    folder: str,
    files: dict[str, Path],
    doubled: list[str],
) -> None:
    """Puts each file whose name says copy to the doubled ones, or to the files if it is alone."""
    firsts = set(files)
    for name, first, path in copies:
        stem = name[: name.rindex(".")]
        if not (first.endswith(mark) or stem.endswith(mark)):
            continue
        if first.removesuffix(mark) in firsts or stem.removesuffix(mark) in files:
            doubled.append(f"{folder}/{name}")
        else:
            files[stem.removesuffix(mark)] = path


def walk_pictures(folder: Path, below: str = "") -> list[tuple[str, Path]]:
    """Returns all pictures below a folder, each with its path relative to it, unsorted.

    Hidden files and folders are left out, and links to folders are not followed.

    Args:
        folder: May be missing; then there are none.
        below: What to put before each relative path.

    Raises:
        DataError: A folder can't be read.
    """
    found: list[tuple[str, Path]] = []
    folders: list[Path] = []
    try:
        # Paths from `iterdir` cost a quarter of those put together; it counts at 100,000.
        for path in folder.iterdir():
            name = path.name
            dot = name.rfind(".")
            if dot > 0 and name[dot:].lower() in PHOTO_SUFFIXES:
                if name[0] != ".":
                    found.append((printable(below + name), path))
            elif not is_hidden(name) and path.is_dir() and not path.is_symlink():
                folders.append(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(
            f"The folder {folder} can't be read ({reason(error)}); check its permissions."
        ) from error
    for path in folders:
        found += walk_pictures(path, f"{below}{path.name}/")
    return found
