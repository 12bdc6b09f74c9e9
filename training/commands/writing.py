"""What the commands that write a file of a person's choice have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DataError, reason


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises a DataError that names the file where what is done inside can't write it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} can't be written ({reason(error)}).") from error
