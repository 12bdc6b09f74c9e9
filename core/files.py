"""Files read within bounds, and written atomically: the old one or the whole new one, no part."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

TEXT_BYTES = 100_000_000
"""Most that a file of settings, cars or splits may hold."""


def read_bytes_within(path: Path, most: int = TEXT_BYTES) -> bytes:
    """Return the bytes of a regular file; a device or a pipe, which may never end, is not opened.

    Args:
        path: The file.
        most: Bytes that it may hold.

    Raises:
        OSError: It can't be read, is no regular file, or holds more.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL byte in the path
        raise OSError(errno.EINVAL, str(error)) from error
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most / 1e6:,.0f} MB")
    return data


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
