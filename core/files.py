"""Files of facts: written whole or not at all, and read within limits."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json

_LONE_SURROGATE = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Half of a character outside of the first 65,536; no text can hold it. Group 1: what is whole."""


def parse_json(data: bytes) -> Any:
    """Returns what a JSON text holds; half a character (a lone surrogate) becomes U+FFFD.

    Raises:
        ValueError: It is no JSON in UTF-8, or nested more than 200 deep. The message never repeats
            the text.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return from_json(data)
    except ValueError:
        mended = _LONE_SURROGATE.sub(lambda found: found[1] or rb"\ufffd", data)
        if mended == data:
            raise
        return from_json(mended)


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
