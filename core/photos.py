"""Photos to work on, from files, folders, ZIPs and uploads: listed at once, read one at a time."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from core.archive import ArchiveLimits, Member, list_members
from core.decode import FORMATS
from core.errors import ArchiveError, CarmaskError, ImageError, reason
from core.image import read_image
from core.names import is_hidden, natural_order, printable, safe_stem, unique

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
    | {".avif", ".heic", ".heif", ".hif"}
)
"""Suffixes by which a photo is known in a folder and in a ZIP, in lower case."""


@dataclass(frozen=True)
class PhotoSource:
    """One photo that can be read, or the reason why it can't."""

    name: str
    """What a person knows it by, such as its path inside a folder; unique in one listing."""
    stem: str
    """The start of its results' file names: safe on every system, unique in one listing also
    where upper and lower case are the same."""
    reader: Callable[[], npt.NDArray[np.uint8]] = field(repr=False, compare=False)
    """What `read` calls."""

    def read(self) -> npt.NDArray[np.uint8]:
        """Return the photo as upright RGB, uint8 (H, W, 3).

        Raises:
            ImageError: The photo is missing, damaged, too large or too small.
            ArchiveError: Its ZIP, or its place in it, is unsafe or damaged.
        """
        return self.reader()


@dataclass(frozen=True)
class _Found:
    """A photo before it has a unique name: the short name, the long one if that is taken."""

    name: str
    long_name: str
    reader: Callable[[], npt.NDArray[np.uint8]]


def list_photos(paths: Sequence[Path], *, limits: ArchiveLimits | None = None) -> list[PhotoSource]:
    """Return the photos that files, folders and ZIPs hold, in the order of the paths.

    Folders are searched with all folders in them, ZIPs without unpacking; both in natural order
    (car2 before car10), both only for `PHOTO_SUFFIXES`, what `is_hidden` names left out. A
    file that is itself in `paths` is tried whatever its suffix. Nothing is decoded here, and
    nothing raises: a path that is missing, empty or unsafe is one source whose `read` does.

    Args:
        paths: Files, folders and ZIPs.
        limits: What each ZIP may hold; by default what `ArchiveLimits` says.
    """
    limits = limits or ArchiveLimits()
    return _named(found for path in paths for found in _in_path(Path(path), limits))


def list_uploads(
    files: Sequence[tuple[str, bytes]], *, limits: ArchiveLimits | None = None
) -> list[PhotoSource]:
    """Return the photos among uploaded files, (name, bytes) each; ZIPs are looked into.

    Order, errors and default limits are those of `list_photos`. Of an uploaded folder, whose files
    have their path in it as name, what is hidden is left out.
    """
    limits = limits or ArchiveLimits()
    return _named(found for name, data in files for found in _in_upload(name, data, limits))


def _in_path(path: Path, limits: ArchiveLimits) -> Iterator[_Found]:
    # A path such as "." has no name of its own.
    name = printable(path.name or path.resolve().name or str(path))
    long_name = printable(path.as_posix())
    try:
        if path.is_dir():
            yield from _in_folder(path, name)
        elif path.is_file():
            with path.open("rb") as file:
                head = file.read(4)
            if _is_zip(name, head):
                yield from _in_zip(path, name, limits)
            else:
                yield _Found(name, long_name, partial(read_image, path, name=name))
        else:
            what = "neither a file nor a folder. Give a photo, a folder or a ZIP."
            if not path.exists():
                what = f"no such file or folder ({path}). Check the path."
            yield _failed(name, long_name, ImageError(f"{name}: {what}"))
    except OSError as error:
        what = f"can't be opened ({reason(error)}). Check its permissions."
        yield _failed(name, long_name, ImageError(f"{name}: {what}"))


def _in_folder(folder: Path, name: str) -> Iterator[_Found]:
    unreadable: list[OSError] = []
    inner: list[str] = []
    for root, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = [each for each in folders if not is_hidden(each)]
        place = Path(root).relative_to(folder)
        inner += [(place / each).as_posix() for each in files if _is_photo(each)]
    for path in sorted(inner, key=natural_order):
        shown = printable(path)
        yield _Found(shown, f"{name}/{shown}", partial(read_image, folder / path, name=shown))
    for error in unreadable:
        closed = Path(str(error.filename)).name
        what = f"the folder can't be read ({reason(error)}). Check its permissions."
        yield _failed(closed, f"{name}/{closed}", ImageError(f"{closed}: {what}"))
    if not inner and not unreadable:
        what = f"the folder holds no photo. Put {FORMATS} files into it."
        yield _failed(name, name, ImageError(f"{name}: {what}"))


def _in_upload(name: str, data: bytes, limits: ArchiveLimits) -> Iterator[_Found]:
    name = printable(name)
    *folders, last = name.split("/")
    if folders and any(is_hidden(each) for each in (*folders, last)):
        return
    if _is_zip(name, data[:4]):
        yield from _in_zip(data, name, limits)
    else:
        yield _Found(name, name, partial(read_image, data, name=name))


def _is_zip(name: str, head: bytes) -> bool:
    if name.lower().endswith(".zip"):
        return True
    return head in (b"PK\3\4", b"PK\5\6") and not _has_photo_suffix(name)


def _in_zip(source: Path | bytes, name: str, limits: ArchiveLimits) -> Iterator[_Found]:
    try:
        members = list_members(source, name, suffixes=PHOTO_SUFFIXES, limits=limits)
    except ArchiveError as error:
        yield _failed(name, name, error)
        return
    for member in members:
        yield _Found(member.path, f"{name}/{member.path}", partial(_read_member, member))


def _read_member(member: Member) -> npt.NDArray[np.uint8]:
    return read_image(member.read(), name=member.path)


def _named(found: Iterable[_Found]) -> list[PhotoSource]:
    """Return sources with names and stems that are unique among them."""
    photos = list(found)
    short = Counter(photo.name for photo in photos)
    names = [photo.name if short[photo.name] == 1 else photo.long_name for photo in photos]
    stems = [safe_stem(photo.name) for photo in photos]
    return [
        PhotoSource(name, stem, photo.reader)
        for name, stem, photo in zip(
            unique(names, "{} ({})"),
            unique(stems, "{}_{}", str.casefold),
            photos,
            strict=True,
        )
    ]


def _is_photo(name: str) -> bool:
    return _has_photo_suffix(name) and not is_hidden(name)


def _has_photo_suffix(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES


def _failed(name: str, long_name: str, error: CarmaskError) -> _Found:
    """Return a photo whose reading raises an error of this kind and text."""
    return _Found(name, long_name, partial(_refuse, type(error), str(error)))


def _refuse(kind: type[CarmaskError], message: str) -> NoReturn:
    raise kind(message)
