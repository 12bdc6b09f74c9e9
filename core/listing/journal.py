"""What is finished in a folder of listing photos, so that work that was killed goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.files import LARGEST_JSON, append_line, read_bytes_within
from core.listing.car import CarBox
from core.results import ResultRow

NAME = ".carmask_listing.jsonl"
_ROW, _BOX = TypeAdapter(ResultRow), TypeAdapter(CarBox)


class Journal:
    """A line for each photo that is finished or measured; a line cut short counts for nothing."""

    def __init__(self, folder: Path, *, anew: bool = False) -> None:
        """Reads what is known of a folder.

        Args:
            folder: Where the pictures are.
            anew: Knows nothing of what was finished.
        """
        self._folder = folder
        self._path = folder / NAME
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}
        if anew:
            self._path.unlink(missing_ok=True)
        for line in self._lines():
            self._learn(line)

    def finished(self, photo: str, key: str) -> ResultRow | None:
        """Returns the row of a picture that is there whole, None if it is to be made."""
        known = self._known.get(("picture", photo), {})
        if known.get("key") != key:
            return None
        try:
            row = _ROW.validate_python(known.get("row"))
            size = (self._folder / str(known.get("file"))).stat().st_size
        except (ValidationError, OSError, ValueError):
            return None
        return row if size == known.get("size") else None

    def finish(self, photo: str, key: str, file: str, size: int, row: ResultRow) -> None:
        """Notes that a picture was written: its file's name and its size in bytes."""
        plain = {"key": key, "file": file, "size": size, "row": asdict(row)}
        self._add({"kind": "picture", "photo": photo, **plain})

    def measured(self, photo: str, key: str) -> CarBox | None:
        """Returns where a photo's car is, None if it is to be measured."""
        known = self._known.get(("box", photo), {})
        if known.get("key") != key:
            return None
        try:
            return _BOX.validate_python(known.get("box"))
        except ValidationError:
            return None

    def measure(self, photo: str, key: str, box: CarBox) -> None:
        """Notes where a photo's car is."""
        plain = asdict(box) | {"cut": sorted(box.cut)}
        self._add({"kind": "box", "photo": photo, "key": key, "box": plain})

    def _lines(self) -> list[bytes]:
        try:
            return read_bytes_within(self._path, LARGEST_JSON).splitlines()
        except OSError:
            return []

    def _learn(self, line: bytes) -> None:
        try:
            plain = json.loads(line)
            self._known[plain["kind"], plain["photo"]] = plain
        except (ValueError, TypeError, KeyError, RecursionError):
            return

    def _add(self, plain: Mapping[str, Any]) -> None:
        self._known[plain["kind"], plain["photo"]] = plain
        append_line(self._path, json.dumps(plain).encode())
