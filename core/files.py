"""Files: written whole or not at all, and JSON of any origin read without surprises."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the whole new one, never a part.

    The bytes go to a hidden file in the same folder and reach the disk before it is renamed; on
    any failure the hidden file is removed and the old file stays.

    Raises:
        OSError: The folder is missing, full or not writable.
    """
    # Not `tempfile`: it makes files only their owner may read. The short name never grows too long.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def parse_json(raw: bytes | str) -> Any:
    """Return what JSON of any origin says.

    Raises:
        ValueError: It is no JSON in UTF-8, is nested too deep, has a number that JSON does not
            know (NaN, Infinity), or a key that stands twice. The message repeats no value.
    """
    text = raw if isinstance(raw, str) else raw.decode()
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
