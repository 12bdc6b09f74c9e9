"""The end of a growing file: what was appended since the last look, in whole lines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.files import parse_json

_MARK = 256
"""Bytes before the offset that are compared, to notice a file rewritten in between."""


@dataclass(frozen=True)
class Appended:
    """What came since the last look."""

    data: bytes
    """Whole lines."""
    afresh: bool
    """The file was replaced, rewritten or shortened: forget what came before, this is all."""


class Tail:
    """Reads one file of JSON lines bit by bit.

    A last line without its newline waits for the next look, unless it is a whole object already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, ...] = ()
        self._offset = 0
        self._mark = b""

    def read(self) -> Appended:
        """Returns what was appended; a missing file is an empty one.

        Raises:
            OSError: The file is there and can't be read.
        """
        try:
            with self._path.open("rb") as file:
                return self._read(file)
        except FileNotFoundError:
            afresh = self._offset > 0
            self._stamp, self._offset, self._mark = (), 0, b""
            return Appended(b"", afresh)

    def _read(self, file: IO[bytes]) -> Appended:
        found = os.fstat(file.fileno())
        stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if stamp == self._stamp:
            return Appended(b"", afresh=False)
        # A new inode is a new file. An old one may be reused, so the bytes are compared too.
        afresh = stamp[:2] != self._stamp[:2] or not self._goes_on(file, found.st_size)
        if afresh:
            self._offset, self._mark = 0, b""
        file.seek(self._offset)
        data = file.read()
        data = data[: _whole(data)]
        self._stamp = stamp
        self._offset += len(data)
        self._mark = (self._mark + data[-_MARK:])[-_MARK:]
        return Appended(data, afresh)

    def _goes_on(self, file: IO[bytes], size: int) -> bool:
        """Tells whether what was read before still stands in the file."""
        if size < self._offset:
            return False
        file.seek(self._offset - len(self._mark))
        return file.read(len(self._mark)) == self._mark


def _whole(data: bytes) -> int:
    """Returns how many bytes are whole lines."""
    end = data.rfind(b"\n") + 1
    rest = data[end:].strip()
    if not rest.endswith(b"}"):
        return end
    try:
        parse_json(rest)
    except ValueError:
        return end
    return len(data)
