"""Camera raw files and previews: what Pillow would take for a small photo, or for none."""

from dataclasses import dataclass
from typing import BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mos", ".mrw"}
    | {".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw"}
    | {".x3f"}
)
"""Suffixes of camera raw files, in lower case."""

_SIGNATURES = (
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"FOVb", "X3F"),
    (b"\0MRM", "MRW"),
    (b"IIU\0", "RW2"),
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
)
_SENSOR_COLOURS = {32803, 34892}  # a colour filter's pattern, and raw values without one
_SENSOR_PACKING = {32767, 32770, 34713, 65535}  # Sony's, Samsung's, Nikon's, Pentax's
_MOST_DIRECTORIES = 64
_TAGS = (254, 255, 256, 257, 259, 262, 330, 50706)
_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _PACKING, _COLOURS, _INNER, _DNG = _TAGS


@dataclass(frozen=True)
class _Directory:
    """What a TIFF says of one of its pictures."""

    tags: dict[int, list[int]]
    """Numbers by tag, of the tags that matter here."""
    is_page: bool
    """Whether it stands in the file's own sequence, not inside another picture's directory."""

    def first(self, tag: int) -> int:
        """Return a tag's first number, 0 where it has none."""
        return next(iter(self.tags[tag]), 0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.first(_WIDTH), self.first(_HEIGHT)

    @property
    def is_preview(self) -> bool:
        """Whether it is a smaller version of another picture in the file."""
        return bool(self.first(_SUBFILE) & 1) or self.first(_OLD_SUBFILE) == 2


@dataclass(frozen=True)
class TiffPictures:
    """Which pictures a TIFF holds."""

    raw: str
    """Kind of camera raw file that it is; "" if it is none."""
    first: tuple[int, int]
    """Width and height in px of the first picture."""
    larger: tuple[int, int] | None
    """Width and height in px of the largest picture, where the first is no more than a preview."""
    pages: int
    """Pictures of their own; previews are none."""


def raw_kind(head: bytes) -> str:
    """Return which camera raw format the first bytes of a file announce, "" for none."""
    if head[4:12] == b"ftypcrx ":
        return "CR3"
    if head[6:14] == b"HEAPCCDR":
        return "CRW"
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), "")


def tiff_pictures(stream: BinaryIO) -> TiffPictures:
    """Return which pictures a TIFF holds, by its directories alone.

    The first is no more than a preview where the file says so and holds a larger one, or where
    another has four times as many pixels.

    Source: TIFF 6.0, section 2; TIFF/EP (ISO 12234-2), 5.2; DNG 1.7, chapter 4.
    """
    try:
        directories, head = _directories(stream)
    except Exception:  # broken in a dozen ways; the reader of the pixels says which
        directories, head = [], b""
    if not directories:
        return TiffPictures("", (0, 0), None, 1)
    first, raw = directories[0], ""
    if head[8:10] == b"CR":
        raw = "CR2"
    elif first.first(_DNG):
        raw = "DNG"
    elif any(
        each.first(_COLOURS) in _SENSOR_COLOURS or each.first(_PACKING) in _SENSOR_PACKING
        for each in directories
    ):
        raw = "in a TIFF"
    largest = max(directories, key=lambda each: each.size[0] * each.size[1]).size
    times = largest[0] * largest[1] / max(1, first.size[0] * first.size[1])
    is_small = times >= 4 or (first.is_preview and times > 1)
    pages = sum(each.is_page and not each.is_preview for each in directories)
    return TiffPictures(raw, first.size, largest if is_small else None, max(1, pages))


def _directories(stream: BinaryIO) -> tuple[list[_Directory], bytes]:
    """Return a TIFF's directories, and its first bytes."""
    stream.seek(0)
    head = stream.read(16)
    header = head if head[2:4] in {b"+\0", b"\0+"} else head[:8]
    waiting = [(ImageFileDirectory_v2(header).next, True)]
    seen: set[int] = set()
    found: list[_Directory] = []
    while waiting and len(found) < _MOST_DIRECTORIES:
        place, is_page = waiting.pop(0)
        if place == 0 or place in seen:
            continue
        seen.add(place)
        directory = ImageFileDirectory_v2(header)
        stream.seek(place)
        directory.load(stream)
        tags = {tag: _numbers(directory.get(tag)) for tag in _TAGS}
        found.append(_Directory(tags, is_page))
        waiting += [(inner, False) for inner in tags[_INNER]]
        waiting.append((directory.next, is_page))
    return found, head


def _numbers(value: object) -> list[int]:
    """Return the whole numbers of a tag, which Pillow gives alone, as a tuple or as bytes."""
    values = value if isinstance(value, tuple | bytes) else (value,)
    return [number for number in values if isinstance(number, int)]
