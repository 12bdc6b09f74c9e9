"""Photos to work on, from files, folders, ZIPs and uploads: listed at once, read one at a time."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Generic, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from core.archive import ArchiveLimits, Member, list_members
from core.decode import FORMATS
from core.errors import ArchiveError, CarmaskError, ImageError, reason
from core.image import MAX_PIXELS, ReadPhoto, read_photo
from core.names import first_few, is_hidden, natural_order, printable, safe_stem, unique
from core.own_results import HEAD_BYTES, OwnResults, is_own
from core.raw import RAW_SUFFIXES

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
    | {".avif", ".heic", ".heif", ".hif"}
)
"""Suffixes by which a photo is known in a folder and in a ZIP, in lower case."""
LISTED_SUFFIXES = PHOTO_SUFFIXES | RAW_SUFFIXES
"""Those, and the suffixes of camera raw files, which are refused with a reason, not passed over."""

_RESULT, _RAW = "results of Carmask", "camera raw files whose photo lies beside them"
Listed = TypeVar("Listed")


class Listing(list[Listed], Generic[Listed]):
    """Photos, and what was found beside them but is not to be worked on."""

    def __init__(self, photos: Iterable[Listed], left_out: Sequence[str] = ()) -> None:
        super().__init__(photos)
        self.left_out = tuple(left_out)
        """Sentences that name what was left out, and why."""


@dataclass(frozen=True)
class PhotoSource:
    """One photo that can be read, or the reason why it can't."""

    name: str
    """What a person knows it by, such as its path inside a folder; unique in one listing."""
    stem: str
    """The start of its results' file names: safe on every system, unique in one listing also
    where upper and lower case are the same."""
    reader: Callable[[], ReadPhoto] = field(repr=False, compare=False)
    """What `load` calls."""
    place: tuple[int, int] = (0, 0)
    """Number of the path or upload that it comes from, and its number in that one, from 0."""
    stamp: str = ""
    """Changes when the photo does: time and size of its file, checksum in its ZIP; "" of an
    upload."""

    def read(self) -> npt.NDArray[np.uint8]:
        """Return the photo as upright RGB, uint8 (H, W, 3); see `load`."""
        return self.load().pixels

    def load(self) -> ReadPhoto:
        """Return the photo, and what should be known of how it was read.

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
    reader: Callable[[], ReadPhoto]
    left_out: str = ""
    """What it is instead of a photo, in the plural; "" for a photo."""
    stamp: str = ""
    """See `PhotoSource`."""


def list_photos(
    paths: Sequence[Path], *, limits: ArchiveLimits | None = None
) -> Listing[PhotoSource]:
    """Return the photos that files, folders and ZIPs hold, in the order of the paths.

    Folders are searched with all folders in them, ZIPs without unpacking; both in natural order
    (car2 before car10), both only for `LISTED_SUFFIXES`, what `is_hidden` names left out. A
    file that is itself in `paths` is tried whatever its suffix. Files that Carmask wrote are left
    out wherever they lie, and camera raw files beside their photo; the listing says so. Nothing is
    decoded here, and nothing raises: a path that is missing, empty or unsafe is one source whose
    `read` does.

    Args:
        paths: Files, folders and ZIPs.
        limits: What each ZIP may hold; by default what `ArchiveLimits` says.
    """
    limits = limits or ArchiveLimits()
    own = OwnResults()
    return _named([list(_in_path(Path(path), limits, own)) for path in paths])


def list_uploads(
    files: Sequence[tuple[str, bytes | Path]],
    *,
    limits: ArchiveLimits | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Listing[PhotoSource]:
    """Return the photos among uploaded files; ZIPs are looked into.

    Order, errors and default limits are those of `list_photos`. Of an uploaded folder, whose files
    have their path in it as name, what is hidden is left out.

    Args:
        files: Each one's name, and its bytes or the file that they were stored in.
        limits: What each ZIP may hold; by default what `ArchiveLimits` says.
        max_pixels: Largest photo, in pixels.
    """
    limits = limits or ArchiveLimits()
    return _named([list(_in_upload(name, data, limits, max_pixels)) for name, data in files])


def _in_path(path: Path, limits: ArchiveLimits, own: OwnResults) -> Iterator[_Found]:
    # A path such as "." has no name of its own.
    name = printable(path.name or path.resolve().name or str(path))
    long_name = printable(path.as_posix())
    try:
        if path.is_dir():
            yield from _in_folder(path, name, own)
        elif path.is_file():
            with path.open("rb") as file:
                head = file.read(4)
            if _is_zip(name, head):
                yield from _in_zip(path, name, limits)
            else:
                reader = partial(read_photo, path, name=name)
                left_out = _RESULT if path in own else ""
                yield _Found(name, long_name, reader, left_out, _stamp(path))
        else:
            what = "neither a file nor a folder. Give a photo, a folder or a ZIP."
            if not path.exists():
                what = f"no such file or folder ({path}). Check the path."
            yield _failed(name, long_name, ImageError(f"{name}: {what}"))
    except OSError as error:
        what = f"can't be opened ({reason(error)}). Check its permissions."
        yield _failed(name, long_name, ImageError(f"{name}: {what}"))


def photo_files(folder: Path, on_error: Callable[[OSError], None] | None = None) -> list[str]:
    """Return the files in a folder and its sub-folders that may be photos, in natural order.

    Args:
        folder: The folder; what `is_hidden` names is left out.
        on_error: Called for each folder that can't be read.

    Returns:
        Paths inside the folder, with "/" between folders.
    """
    inner: list[str] = []
    for root, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = [each for each in folders if not is_hidden(each)]
        place = Path(root).relative_to(folder)
        inner += [(place / each).as_posix() for each in files if _is_listed(each)]
    return sorted(inner, key=natural_order)


def _in_folder(folder: Path, name: str, own: OwnResults) -> Iterator[_Found]:
    unreadable: list[OSError] = []
    inner = photo_files(folder, unreadable.append)
    for path in inner:
        shown, reader = printable(path), partial(read_photo, folder / path, name=printable(path))
        left_out = _RESULT if folder / path in own else ""
        yield _Found(shown, f"{name}/{shown}", reader, left_out, _stamp(folder / path))
    for error in unreadable:
        closed = Path(str(error.filename)).name
        what = f"the folder can't be read ({reason(error)}). Check its permissions."
        yield _failed(closed, f"{name}/{closed}", ImageError(f"{closed}: {what}"))
    if not inner and not unreadable:
        what = f"the folder holds no photo. Put {FORMATS} files into it."
        yield _failed(name, name, ImageError(f"{name}: {what}"))


def _in_upload(
    name: str, data: bytes | Path, limits: ArchiveLimits, max_pixels: int
) -> Iterator[_Found]:
    name = printable(name)
    *folders, last = name.split("/")
    if folders and any(is_hidden(each) for each in (*folders, last)):
        return
    head = data[:HEAD_BYTES] if isinstance(data, bytes) else _head(data)
    if _is_zip(name, head[:4]):
        yield from _in_zip(data, name, limits, max_pixels)
    else:
        reader = partial(read_photo, data, name=name, max_pixels=max_pixels)
        yield _Found(name, name, reader, _RESULT if is_own(head) else "")


def _head(path: Path) -> bytes:
    """Return the first bytes of a file; none of one that can't be read, which reading it tells."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _is_zip(name: str, head: bytes) -> bool:
    if name.lower().endswith(".zip"):
        return True
    return head in (b"PK\3\4", b"PK\5\6") and _suffix(name) not in PHOTO_SUFFIXES


def _in_zip(
    source: Path | bytes, name: str, limits: ArchiveLimits, max_pixels: int = MAX_PIXELS
) -> Iterator[_Found]:
    try:
        members = list_members(source, name, suffixes=LISTED_SUFFIXES, limits=limits)
    except ArchiveError as error:
        yield _failed(name, name, error)
        return
    for member in members:
        what = _RESULT if is_own(member.head(HEAD_BYTES)) else ""
        reader = partial(_read_member, member, max_pixels)
        stamp = f"{member.info.CRC}/{member.info.file_size}"
        yield _Found(member.path, f"{name}/{member.path}", reader, what, stamp)


def _stamp(path: Path) -> str:
    """Return time and size of a file; "" where it is gone, which its reader says."""
    try:
        facts = path.stat()
    except OSError:
        return ""
    return f"{facts.st_mtime_ns}/{facts.st_size}"


def _read_member(member: Member, max_pixels: int) -> ReadPhoto:
    return read_photo(member.read(), name=member.path, max_pixels=max_pixels)


def _named(groups: Sequence[Sequence[_Found]]) -> Listing[PhotoSource]:
    """Return sources with names and stems that are unique among them, and what was left out.

    Args:
        groups: What was found in each path or upload.
    """
    placed = [
        ((number, place), photo)
        for number, group in enumerate(_without_raw_twins(groups))
        for place, photo in enumerate(group)
    ]
    sentences = [
        f"Left out, {what} ({len(names)}): {first_few(names, 3)}"
        for what in (_RESULT, _RAW)
        if (names := [photo.name for _, photo in placed if photo.left_out == what])
    ]
    if placed and all(photo.left_out for _, photo in placed):
        name = placed[0][1].name
        more = f", like the {len(placed) - 1} others" if len(placed) > 1 else ""
        what = f"a result of Carmask, not a photo{more}. Give the photos that results are of, or"
        error = ImageError(f"{name}: {what} save it anew in an image program.")
        placed, sentences = [((0, 0), _failed(name, name, error))], []
    places = [place for place, photo in placed if not photo.left_out]
    photos = [photo for _, photo in placed if not photo.left_out]
    short = Counter(photo.name for photo in photos)
    names = [photo.name if short[photo.name] == 1 else photo.long_name for photo in photos]
    stems = [safe_stem(photo.name) for photo in photos]
    sources = (
        PhotoSource(name, stem, photo.reader, place, photo.stamp)
        for name, stem, photo, place in zip(
            unique(names, "{} ({})"),
            unique(stems, "{}_{}", str.casefold),
            photos,
            places,
            strict=True,
        )
    )
    return Listing(sources, sentences)


def _without_raw_twins(groups: Sequence[Sequence[_Found]]) -> list[list[_Found]]:
    """Return what was found, camera raw files left out where a photo of their name is beside."""

    def beside(number: int, each: _Found) -> tuple[int, str]:
        # Of a folder and a ZIP only its own; files that were given one by one are all together.
        group = number if len(groups[number]) > 1 else -1
        return group, each.long_name.removesuffix(PurePosixPath(each.name).suffix).casefold()

    photos = {
        beside(number, each)
        for number, group in enumerate(groups)
        for each in group
        if not each.left_out and _suffix(each.name) in PHOTO_SUFFIXES
    }
    return [
        [
            replace(each, left_out=_RAW)
            if _suffix(each.name) in RAW_SUFFIXES and beside(number, each) in photos
            else each
            for each in group
        ]
        for number, group in enumerate(groups)
    ]


def _is_listed(name: str) -> bool:
    return _suffix(name) in LISTED_SUFFIXES and not is_hidden(name)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _failed(name: str, long_name: str, error: CarmaskError) -> _Found:
    """Return a photo whose reading raises an error of this kind and text."""
    return _Found(name, long_name, partial(_refuse, type(error), str(error)))


def _refuse(kind: type[CarmaskError], message: str) -> NoReturn:
    raise kind(message)
