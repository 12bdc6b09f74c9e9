"""What is finished in a folder of results, so that work that was killed goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.files import append_line
from core.results import ResultRow

_ROW = TypeAdapter(ResultRow)


class Journal:
    """A line for each photo that is finished; a line cut short counts for nothing."""

    def __init__(self, path: Path, *, anew: bool = False) -> None:
        """Reads what is known of a folder.

        Args:
            path: The journal's file, beside the results.
            anew: Knows nothing of what was finished.
        """
        self._path = path
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}
        if anew:
            self.remove()
        for line in self._lines():
            self._learn(line)

    def finished(self, photo: str, key: str) -> ResultRow | None:
        """Returns the row of a photo whose files are there whole, None if they are to be made.

        Args:
            photo: Its name.
            key: A digest of all that its results depend on.
        """
        known = self.known("picture", photo, key)
        if known is None:
            return None
        try:
            row = _ROW.validate_python(known["row"])
            for name, size in known["files"].items():
                if (self._path.parent / name).stat().st_size != size:
                    return None
        except (ValidationError, OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return row

    def finish(self, photo: str, key: str, files: Mapping[str, int], row: ResultRow) -> None:
        """Notes that a photo's files were written: their names and sizes in bytes."""
        self.add("picture", photo, key, {"files": files, "row": asdict(row)})

    def known(self, kind: str, photo: str, key: str) -> Mapping[str, Any] | None:
        """Returns what `add` noted last of a photo; None if that was with another key."""
        found = self._known.get((kind, photo), {})
        return found if found.get("key") == key else None

    def add(self, kind: str, photo: str, key: str, facts: Mapping[str, Any]) -> None:
        """Notes facts of a photo, JSON's kinds of values."""
        plain = {"kind": kind, "photo": photo, "key": key, **facts}
        self._known[kind, photo] = plain
        append_line(self._path, json.dumps(plain).encode())

    def remove(self) -> None:
        """Deletes the file: there is nothing to go on from."""
        self._path.unlink(missing_ok=True)

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                yield from file
        except OSError:
            return

    def _learn(self, line: bytes) -> None:
        try:
            plain = json.loads(line)
            self._known[plain["kind"], plain["photo"]] = plain
        except (ValueError, TypeError, KeyError, RecursionError):
            return
