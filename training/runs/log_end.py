"""The last lines of a run's log.txt."""

from __future__ import annotations

from pathlib import Path

from core.errors import RunError, reason

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
