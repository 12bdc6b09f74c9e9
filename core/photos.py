"""Photos to work on, from files, folders, ZIPs and uploads: listed at once, read one at a time."""

import os
import re
import struct
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NoReturn
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from core.errors import ArchiveError, CarmaskError, ImageError
from core.image import FORMATS, read_image

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
    | {".avif", ".heic", ".heif", ".hif"}
)
"""Suffixes by which a photo is known in a folder and in a ZIP, in lower case."""

MAX_MEMBERS = 2000
"""Most photos in one ZIP."""
MAX_MEMBER_BYTES = 200_000_000
"""Largest photo in a ZIP, in bytes, unpacked."""
MAX_TOTAL_BYTES = 4_000_000_000
"""All photos of one ZIP together, in bytes, unpacked."""
MAX_RATIO = 200.0
"""How many times smaller than unpacked a photo of more than 10 MB in a ZIP may be."""

_RATIO_FROM_BYTES = 10_000_000
_MAX_DIRECTORY_BYTES = 16_000_000
_STEM_LENGTH = 110  # characters, so that with "_2" and the like a stem stays under 120
_STEM_BYTES = 200  # of UTF-8: with "_overlay.jpg" it must fit into the 255 of most file systems
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
# Control characters, what is broken in a name, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufffd]")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')


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
class _Limits:
    """What a ZIP may hold; see the module's constants of the same names."""

    max_members: int
    max_member_bytes: int
    max_total_bytes: int
    max_ratio: float


@dataclass(frozen=True)
class _Found:
    """A photo before it has a unique name: the short name, the long one if that is taken."""

    name: str
    long_name: str
    reader: Callable[[], npt.NDArray[np.uint8]]


def list_photos(
    paths: Sequence[Path],
    *,
    max_members: int = MAX_MEMBERS,
    max_member_bytes: int = MAX_MEMBER_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
    max_ratio: float = MAX_RATIO,
) -> list[PhotoSource]:
    """Return the photos that files, folders and ZIPs hold, in the order of the paths.

    Folders are searched with all folders in them, ZIPs without unpacking; both in natural order
    (car2 before car10), both only for `PHOTO_SUFFIXES`, hidden files and `__MACOSX` left out. A
    file that is itself in `paths` is tried whatever its suffix. Nothing is decoded here, and
    nothing raises: a path that is missing, empty or unsafe is one source whose `read` does.

    Args:
        paths: Files, folders and ZIPs.
        max_members: Most photos in one ZIP.
        max_member_bytes: Largest photo in a ZIP, in bytes, unpacked.
        max_total_bytes: All photos of one ZIP together, in bytes, unpacked.
        max_ratio: How many times smaller a photo of more than 10 MB may be packed.
    """
    limits = _Limits(max_members, max_member_bytes, max_total_bytes, max_ratio)
    return _named(found for path in paths for found in _in_path(Path(path), limits))


def list_uploads(
    files: Sequence[tuple[str, bytes]],
    *,
    max_members: int = MAX_MEMBERS,
    max_member_bytes: int = MAX_MEMBER_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
    max_ratio: float = MAX_RATIO,
) -> list[PhotoSource]:
    """Return the photos among uploaded files, (name, bytes) each; ZIPs are looked into.

    Limits, order and errors are those of `list_photos`.
    """
    limits = _Limits(max_members, max_member_bytes, max_total_bytes, max_ratio)
    return _named(found for name, data in files for found in _in_upload(name, data, limits))


def _in_path(path: Path, limits: _Limits) -> Iterator[_Found]:
    # A path such as "." has no name of its own.
    name = _printable(path.name or path.resolve().name or str(path))
    long_name = _printable(path.as_posix())
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
        elif path.exists():
            reason = f"{name}: neither a file nor a folder. Give a photo, a folder or a ZIP."
            yield _failed(name, long_name, ImageError(reason))
        else:
            reason = f"{name}: no such file or folder ({path}). Check the path."
            yield _failed(name, long_name, ImageError(reason))
    except OSError as error:
        reason = f"{name}: can't be opened ({_reason(error)}). Check its permissions."
        yield _failed(name, long_name, ImageError(reason))


def _in_folder(folder: Path, name: str) -> Iterator[_Found]:
    unreadable: list[OSError] = []
    inner: list[str] = []
    for root, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = [each for each in folders if not _is_skipped(each)]
        place = Path(root).relative_to(folder)
        inner += [(place / each).as_posix() for each in files if _is_photo(each)]
    for path in sorted(inner, key=_natural):
        shown = _printable(path)
        yield _Found(shown, f"{name}/{shown}", partial(read_image, folder / path, name=shown))
    for error in unreadable:
        closed = Path(str(error.filename)).name
        reason = f"{closed}: the folder can't be read ({_reason(error)}). Check its permissions."
        yield _failed(closed, f"{name}/{closed}", ImageError(reason))
    if not inner and not unreadable:
        reason = f"{name}: the folder holds no photo. Put {FORMATS} files into it."
        yield _failed(name, name, ImageError(reason))


def _in_upload(name: str, data: bytes, limits: _Limits) -> Iterator[_Found]:
    name = _printable(name)
    if _is_zip(name, data[:4]):
        yield from _in_zip(data, name, limits)
    else:
        yield _Found(name, name, partial(read_image, data, name=name))


def _is_zip(name: str, head: bytes) -> bool:
    if name.lower().endswith(".zip"):
        return True
    return head in (b"PK\3\4", b"PK\5\6") and not _has_photo_suffix(name)


def _in_zip(source: Path | bytes, name: str, limits: _Limits) -> Iterator[_Found]:
    try:
        archive = _open_zip(source, name)
        files = [(_member_name(info), info) for info in archive.infolist() if not info.is_dir()]
        files.sort(key=lambda file: _natural(file[0]))
        files = [(path, info) for path, info in files if _is_listed(path)]
        _check_total(name, [info for path, info in files if _has_photo_suffix(path)], limits)
        if not files:
            raise ArchiveError(f"{name}: the ZIP holds no photo. Put {FORMATS} files into it.")
    except ArchiveError as error:
        yield _failed(name, name, error)
        return
    for path, info in files:
        problem = _problem(path, info, limits)
        if problem:
            yield _failed(path, f"{name}/{path}", ArchiveError(f"{name}: {path} {problem}"))
        else:
            yield _Found(path, f"{name}/{path}", partial(_read_member, archive, name, path, info))


def _open_zip(source: Path | bytes, name: str) -> ZipFile:
    """Return an open ZIP; it closes itself with the last source that reads from it."""
    try:
        with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
            listing = _directory_bytes(stream)
        if listing > _MAX_DIRECTORY_BYTES:
            raise ArchiveError(
                f"{name}: the ZIP's list of contents has {listing:,} bytes, so it may be a ZIP "
                f"bomb; at most {_MAX_DIRECTORY_BYTES:,} are read. Unpack it and give the folder."
            )
        return ZipFile(BytesIO(source) if isinstance(source, bytes) else source)
    except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise ArchiveError(
            f"{name}: not a ZIP, or one that is cut short or damaged ({_reason(error)}). "
            "Copy it again, or unpack it and give the folder."
        ) from error


def _directory_bytes(stream: BinaryIO) -> int:
    """Return how long a ZIP says its list of contents is, in bytes; 0 where it says nothing.

    Asked first because `ZipFile` reads the whole list at once, however long it is.

    Source: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
    """
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - 66_000))
    tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        return 0
    record = tail.rfind(b"PK\6\6", 0, end)
    if tail[max(0, end - 20) :].startswith(b"PK\6\7") and 0 <= record <= end - 76:
        return int.from_bytes(tail[record + 40 : record + 48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


def _member_name(info: ZipInfo) -> str:
    """Return a member's name with "/" between folders and its umlauts whole."""
    name = info.filename
    if not info.flag_bits & 0x800:
        # Some programs write UTF-8 without saying so, and `ZipFile` then reads code page 437.
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return _printable(name.replace("\\", "/"))


def _is_listed(path: str) -> bool:
    """Return whether a member is read or, as unsafe or a ZIP in the ZIP, reported."""
    if _is_unsafe(path):
        return True
    *folders, last = path.split("/")
    if any(_is_skipped(folder) for folder in folders if folder != "."):
        return False
    return _is_photo(last) or (last.lower().endswith(".zip") and not _is_skipped(last))


def _check_total(name: str, infos: Sequence[ZipInfo], limits: _Limits) -> None:
    if len(infos) > limits.max_members:
        raise ArchiveError(
            f"{name}: the ZIP holds {len(infos):,} photos; at most {limits.max_members:,} are "
            "read from one ZIP. Split it, or unpack it and give the folder."
        )
    total = sum(info.file_size for info in infos)
    if total > limits.max_total_bytes:
        raise ArchiveError(
            f"{name}: the ZIP unpacks to {_megabytes(total)}, so it may be a ZIP bomb; at most "
            f"{_megabytes(limits.max_total_bytes)} are read. Split it, or unpack it and give the "
            "folder."
        )


def _problem(path: str, info: ZipInfo, limits: _Limits) -> str | None:
    """Return why a member isn't read and what to do, as the rest of a sentence; None if it is."""
    if _is_unsafe(path):
        return "has an unsafe name that points outside the ZIP, so it isn't read. Rename it."
    if path.lower().endswith(".zip"):
        return "is a ZIP inside a ZIP, which isn't opened. Unpack it and give it by itself."
    if info.flag_bits & 1:
        return "is locked with a password. Unpack it and give the folder."
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        # BZip2 and LZMA also unpack without a bound on their memory.
        return "is packed in an unusual way. Pack it as an ordinary ZIP (Deflate)."
    if info.file_size > limits.max_member_bytes:
        return (
            f"unpacks to {_megabytes(info.file_size)}, so it may be a ZIP bomb; a photo may have "
            f"{_megabytes(limits.max_member_bytes)}. Unpack it and give the folder."
        )
    if info.file_size > max(_RATIO_FROM_BYTES, limits.max_ratio * info.compress_size):
        return (
            f"is packed more than {limits.max_ratio:g} times smaller, so it may be a ZIP bomb. "
            "Unpack it and give the folder."
        )
    return None


def _read_member(archive: ZipFile, name: str, path: str, info: ZipInfo) -> npt.NDArray[np.uint8]:
    """Return a ZIP's photo; `ZipExtFile` never unpacks more than the size that was checked."""
    try:
        with archive.open(info) as member:
            data = member.read(info.file_size)
            if len(data) < info.file_size:
                raise EOFError(f"{len(data):,} of {info.file_size:,} bytes")
    except (BadZipFile, EOFError, OSError, RuntimeError, ValueError, zlib.error) as error:
        raise ArchiveError(
            f"{name}: {path} is damaged in the ZIP ({_reason(error)}). Pack the ZIP again."
        ) from error
    return read_image(data, name=path)


def _named(found: Iterable[_Found]) -> list[PhotoSource]:
    """Return sources with names and stems that are unique among them."""
    photos = list(found)
    short = Counter(photo.name for photo in photos)
    names = [photo.name if short[photo.name] == 1 else photo.long_name for photo in photos]
    stems = [_safe_stem(photo.name) for photo in photos]
    return [
        PhotoSource(name, stem, photo.reader)
        for name, stem, photo in zip(
            _unique(names, "{} ({})", str),
            _unique(stems, "{}_{}", str.casefold),
            photos,
            strict=True,
        )
    ]


def _unique(wanted: Sequence[str], form: str, fold: Callable[[str], str]) -> list[str]:
    """Return the names wanted, the second of a kind with 2, the third with 3 and so on."""
    taken = {fold(name) for name in wanted}  # what is wanted plainly is given to no duplicate
    seen: Counter[str] = Counter()
    result = []
    for name in wanted:
        seen[fold(name)] += 1
        unique = name
        if seen[fold(name)] > 1:
            unique = form.format(name, seen[fold(name)])
            while fold(unique) in taken:
                seen[fold(name)] += 1
                unique = form.format(name, seen[fold(name)])
            taken.add(fold(unique))
        result.append(unique)
    return result


def _safe_stem(name: str) -> str:
    """Return a file name's stem such that every system can hold it as the start of a name."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem = re.sub(r"(?<=.)\.[A-Za-z0-9]{1,5}$", "", last)
    stem = _FORBIDDEN.sub("_", _UNPRINTABLE.sub("_", stem))
    stem = stem[:_STEM_LENGTH].encode()[:_STEM_BYTES].decode(errors="ignore").strip(" .")
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    return stem or "photo"


def _natural(path: str) -> tuple[list[list[tuple[int, str]]], str]:
    """Return a sort key by which car2 stands before car10, folder by folder."""
    folders = [re.split("([0-9]+)", folder.casefold()) for folder in path.split("/")]
    # Numbers by their length, then their digits: `int` refuses very long ones.
    keys = [
        [(len(text.lstrip("0")), text.lstrip("0")) if at % 2 else (0, text) for at, text in parts]
        for parts in map(enumerate, folders)
    ]
    return keys, path


def _is_unsafe(path: str) -> bool:
    return path.startswith("/") or path[1:2] == ":" or ".." in path.split("/")


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_photo(name: str) -> bool:
    return _has_photo_suffix(name) and not _is_skipped(name)


def _has_photo_suffix(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES


def _printable(name: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", name)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or type(error).__name__


def _failed(name: str, long_name: str, error: CarmaskError) -> _Found:
    """Return a photo whose reading raises an error of this kind and text."""
    return _Found(name, long_name, partial(_refuse, type(error), str(error)))


def _refuse(kind: type[CarmaskError], message: str) -> NoReturn:
    raise kind(message)
