"""Files that Carmask itself has written: the mark they carry, and how they are told from photos."""

import csv
from contextlib import suppress
from io import StringIO
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from core.names import safe_stem, unique

TABLE_NAME = "results.csv"
MASK_END, OVERLAY_END, CUTOUT_END = "_mask.png", "_overlay.jpg", "_cutout.png"
ENDS = (MASK_END, OVERLAY_END, CUTOUT_END)
HEAD_BYTES = 256
"""How much of a file `is_own` needs."""

_MAKER = "Carmask"
PROFILE_MARK = b"CRMK"
"""Creator of the colour profile in a JPEG or WebP of a listing photo."""
_PNG_MARK = b"tEXtSoftware\0" + _MAKER.encode()
_JPEG_MARK = b"\xff\xfe" + (len(_MAKER) + 2).to_bytes(2, "big") + _MAKER.encode()
_TABLE_COLUMNS = {"file", "car_share", "doubt", "error"}


def png_mark() -> PngInfo:
    """Return the text chunk that says that a PNG is a result of Carmask."""
    mark = PngInfo()
    mark.add_text("Software", _MAKER)
    return mark


def jpeg_mark() -> bytes:
    """Return the comment that says that a JPEG is a result of Carmask."""
    return _MAKER.encode()


def is_own(head: bytes) -> bool:
    """Return whether the first HEAD_BYTES of a file say that Carmask wrote it as a result."""
    return (
        (head.startswith(b"\x89PNG") and _PNG_MARK in head)
        or (head.startswith(b"\xff\xd8") and (_JPEG_MARK in head or PROFILE_MARK in head))
        or (head.startswith(b"RIFF") and PROFILE_MARK in head)
        or set(_columns(head)) >= _TABLE_COLUMNS
    )


def _columns(table: bytes) -> list[str]:
    """Return the columns of a CSV file as Carmask writes it, [""] of another file."""
    line = table.partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf")
    return line.decode("ascii", "replace").split(",")


def _unmarked_results(table: bytes) -> frozenset[str]:
    """Return the names of the results that a results.csv lists, if none of them carries a mark.

    The version that marked no files wrote no stems either; they follow from the photos' names.
    """
    columns = set(_columns(table))
    if not columns >= _TABLE_COLUMNS or "stem" in columns:
        return frozenset()
    rows = list(csv.DictReader(StringIO(table.decode("utf-8-sig", "replace"))))
    stems = unique([safe_stem(row["file"] or "") for row in rows], "{}_{}", str.casefold)
    return frozenset(
        stem + end
        for stem, row in zip(stems, rows, strict=True)
        if not row["error"]
        for end in ENDS
    )


class OwnResults:
    """Tells results from photos; reads each folder's results.csv once, where it must."""

    def __init__(self) -> None:
        self._listed: dict[Path, frozenset[str]] = {}

    def __contains__(self, path: Path) -> bool:
        """Return whether a file is there that Carmask wrote."""
        if not path.is_file():  # to open a pipe would wait for ever
            return False
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError:
            return False
        return is_own(head) or (path.name.endswith(ENDS) and path.name in self._in(path.parent))

    def _in(self, folder: Path) -> frozenset[str]:
        if folder not in self._listed:
            table = b""
            with suppress(OSError):
                table = (folder / TABLE_NAME).read_bytes()
            self._listed[folder] = _unmarked_results(table)
        return self._listed[folder]
