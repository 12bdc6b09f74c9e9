"""Files that grow: what was appended, their last lines, and metrics.jsonl line by line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Required

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from core.errors import RunError, reason
from core.facts import Count
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


_BYTES_A_LINE = 400


def last_lines(path: Path, count: int = 200) -> list[str]:
    """Returns the last lines of a text file; a missing file has none. It may be of any length.

    Raises:
        RunError: It is there and can't be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size - count * _BYTES_A_LINE)
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{path.name} can't be read: {reason(error)}.") from error
    lines = data.decode("utf-8", "replace").splitlines()
    return (lines[1:] if start else lines)[-count:]


Figure = float | None
"""NaN and infinity are figures: a loss may become so."""
Line = dict[str, Any]


class _Line(TypedDict, total=False):
    """What a line holds; further figures of any name may stand beside these."""

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]
    kind: str
    epoch: Count
    step: Required[Count]
    images: Count
    seconds: Annotated[float, Field(ge=0, le=2**53, allow_inf_nan=False)]
    time: str | float
    """ISO 8601, or seconds since 1970."""
    loss: Figure
    learning_rate: Figure
    val: dict[str, Figure | dict[str, dict[str, Figure]]]


_LINES: TypeAdapter[Any] = TypeAdapter(list[_Line])
_LINE: TypeAdapter[Any] = TypeAdapter(_Line)


def parse_lines(data: bytes, broken: Callable[[str], None] = lambda why: None) -> list[Line]:
    """Returns the lines that hold: JSON objects with a step, counts in range, figures as numbers.

    Of a line in which only some values do not hold the others stay.

    Args:
        data: Whole lines.
        broken: Is called with the reason for each line of which something is left out.
    """
    texts = [text for text in data.split(b"\n") if text.strip()]
    try:  # at once: several times as fast as line by line
        lines: list[Line] = _LINES.validate_json(b"[" + b",".join(texts) + b"]")
        if len(lines) == len(texts):
            return lines
    except ValidationError:
        pass
    found = (_parsed(text, broken) for text in texts)
    return [line for line in found if line is not None]


def _parsed(text: bytes, broken: Callable[[str], None]) -> Line | None:
    try:
        values = parse_json(text)
    except ValueError as error:
        broken(str(error))
        return None
    try:
        line: Line = _LINE.validate_json(to_json(values))
        return line
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    broken(": ".join(map(str, (*found[0]["loc"][:2], found[0]["msg"]))))
    places = {_place(values, each["loc"]) for each in found}
    for place in places:
        if place in ((), ("step",)):
            return None
        if any(each[: len(place)] == place != each for each in places):
            continue  # it is something inside that does not hold
        holder = values
        for name in place[:-1]:
            holder = holder[name]
        del holder[place[-1]]
    rest: Line = _LINE.validate_json(to_json(values))
    return rest


def _place(values: Any, place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Returns a place as far as there is one in a line; its end may name a type."""
    for depth, name in enumerate(place):
        if not isinstance(values, dict) or name not in values:
            return place[:depth]
        values = values[name]
    return place
