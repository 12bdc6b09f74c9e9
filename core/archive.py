"""Photos in a ZIP, which may be hostile: listed within limits, unpacked one at a time."""

import os
import struct
import zlib
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from core.decode import FORMATS
from core.errors import ArchiveError, reason
from core.names import is_hidden, natural_order, printable

_RATIO_FROM_BYTES = 10_000_000
_MAX_DIRECTORY_BYTES = 16_000_000
_MAX_ENTRIES = 20_000
_UNPACKING_ERRORS = (BadZipFile, EOFError, OSError, RuntimeError, ValueError, zlib.error)


@dataclass(frozen=True)
class ArchiveLimits:
    """What a ZIP may hold."""

    max_members: int = 2000
    """Most photos."""
    max_member_bytes: int = 200_000_000
    """Largest photo, in bytes, unpacked."""
    max_total_bytes: int = 4_000_000_000
    """All photos together, in bytes, unpacked."""
    max_ratio: float = 200.0
    """How many times smaller than unpacked a photo of more than 10 MB may be."""


@dataclass(frozen=True)
class Member:
    """A photo in a ZIP that can be unpacked, or the reason why it can't."""

    path: str
    """Its path in the ZIP, with "/" between folders, fit to be shown."""
    problem: str | None
    """Why it isn't unpacked and what to do, as the rest of a sentence; None if it is."""
    zip_name: str
    """How messages call the ZIP."""
    archive: ZipFile = field(repr=False)
    """The open ZIP; it closes itself with the last member that reads from it."""
    info: ZipInfo = field(repr=False)
    """Its entry in the ZIP's list of contents."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process read it, from the same file; a ZIP in memory stays in this one."""
        if self.archive.filename is None:
            raise TypeError("A photo of a ZIP in memory can't be sent to another process.")
        zip_file = Path(self.archive.filename).absolute()
        return _reopened, (self.path, self.problem, self.zip_name, zip_file, self.info)

    def head(self, length: int) -> bytes:
        """Return the file's first bytes, none of them where it can't be unpacked."""
        if not self.problem:
            with suppress(*_UNPACKING_ERRORS), self.archive.open(self.info) as member:
                return member.read(length)
        return b""

    def read(self) -> bytes:
        """Return the unpacked file, never more of it than the size that was checked.

        Raises:
            ArchiveError: The member is unsafe or damaged.
        """
        if self.problem:
            raise ArchiveError(f"{self.zip_name}: {self.path} {self.problem}")
        size = self.info.file_size
        try:
            with self.archive.open(self.info) as member:
                data = member.read(size)
                if len(data) < size:
                    raise EOFError(f"{len(data):,} of {size:,} bytes")
        except _UNPACKING_ERRORS as error:
            raise ArchiveError(
                f"{self.zip_name}: {self.path} is damaged in the ZIP ({reason(error)}). "
                "Pack the ZIP again."
            ) from error
        return data


def list_members(
    source: Path | bytes, name: str, *, suffixes: Set[str], limits: ArchiveLimits
) -> list[Member]:
    """Return the photos of a ZIP in natural order (car2 before car10); nothing is unpacked.

    What `is_hidden` names is left out. What isn't read but may be missed, such as a ZIP in
    the ZIP, is a member whose `read` raises.

    Args:
        source: A ZIP, or the bytes of one.
        name: How messages call it.
        suffixes: Suffixes by which a photo is known, in lower case.
        limits: What it may hold.

    Raises:
        ArchiveError: It is no ZIP, is damaged, or holds no photo, or more than the limits allow.
    """
    archive = _open(source, name)
    files = [(_path(info), info) for info in archive.infolist() if not info.is_dir()]
    files = [(path, info) for path, info in files if _is_listed(path, suffixes)]
    files.sort(key=lambda file: natural_order(file[0]))
    _check_total(name, [info for _, info in files], limits)
    if not files:
        raise ArchiveError(f"{name}: the ZIP holds no photo. Put {FORMATS} files into it.")
    return [Member(path, _problem(path, info, limits), name, archive, info) for path, info in files]


def _reopened(path: str, problem: str | None, name: str, zip_file: Path, info: ZipInfo) -> Member:
    return Member(path, problem, name, _shared(zip_file), info)


@lru_cache(maxsize=4)
def _shared(zip_file: Path) -> ZipFile:
    return ZipFile(zip_file)


def _open(source: Path | bytes, name: str) -> ZipFile:
    try:
        with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
            _check_directory(stream, name)
        return ZipFile(BytesIO(source) if isinstance(source, bytes) else source)
    except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise ArchiveError(
            f"{name}: not a ZIP, or one that is cut short or damaged ({reason(error)}). "
            "Copy it again, or unpack it and give the folder."
        ) from error


def _check_directory(stream: BinaryIO, name: str) -> None:
    """Refuse a ZIP by the length of its list of contents, before `ZipFile` makes objects of it.

    Source: PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16.
    """
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - 66_000))
    tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        return  # `ZipFile` says that it is damaged
    record = tail.rfind(b"PK\6\6", 0, end)
    if tail[max(0, end - 20) :].startswith(b"PK\6\7") and 0 <= record <= end - 76:
        size = int.from_bytes(tail[record + 40 : record + 48], "little")
        last = record
    else:
        size = int.from_bytes(tail[end + 12 : end + 16], "little")
        last = end
    if size > _MAX_DIRECTORY_BYTES:
        raise ArchiveError(
            f"{name}: the ZIP's list of contents has {size:,} bytes, so it may be a ZIP "
            f"bomb; at most {_MAX_DIRECTORY_BYTES:,} are read. Unpack it and give the folder."
        )
    # Counted, not read from the record, which can say what it likes.
    stream.seek(max(0, length - len(tail) + last - size))
    entries = stream.read(size).count(b"PK\1\2")
    if entries > _MAX_ENTRIES:
        raise ArchiveError(
            f"{name}: the ZIP holds {entries:,} files and folders; at most {_MAX_ENTRIES:,} are "
            "looked through. Split it, or unpack it and give the folder."
        )


def _path(info: ZipInfo) -> str:
    """Return a member's path with "/" between folders and its umlauts whole."""
    path = info.filename
    if not info.flag_bits & 0x800:
        # Some programs write UTF-8 without saying so, and `ZipFile` then reads code page 437.
        with suppress(UnicodeError):
            path = path.encode("cp437").decode("utf-8")
    return printable(path.replace("\\", "/"))


def _is_listed(path: str, suffixes: Set[str]) -> bool:
    """Return whether a member is read or, as unsafe or a ZIP in the ZIP, reported."""
    if _is_unsafe(path):
        return True
    *folders, last = path.split("/")
    if is_hidden(last) or any(is_hidden(folder) for folder in folders if folder != "."):
        return False
    return _suffix(last) in suffixes or last.lower().endswith(".zip")


def _is_unsafe(path: str) -> bool:
    return path.startswith("/") or path[1:2] == ":" or ".." in path.split("/")


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _check_total(name: str, infos: Sequence[ZipInfo], limits: ArchiveLimits) -> None:
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


def _problem(path: str, info: ZipInfo, limits: ArchiveLimits) -> str | None:
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


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
