"""Atomic writes: a file is the old one or the whole new one, never a part."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


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
