"""Files: written whole or not at all, and read within bounds, JSON by a schema."""

import errno
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

LARGEST_JSON = 64 * 2**20
"""Bytes of a JSON file that is read."""
_LONE_SURROGATE = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Half of a character outside of the first 65,536; no text can hold it. Group 1: what is whole."""


class Facts(BaseModel):
    """Base of a JSON file's schema: no type is converted, NaN and infinity are refused.

    For `read_facts` every field needs a default, which it has where it is missing or does not hold.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


T = TypeVar("T", bound=Facts)


@dataclass(frozen=True)
class Found(Generic[T]):
    """What a file says, as far as it holds."""

    facts: T
    broken: Mapping[str, str]
    """Why a field does not hold, by its name; "" for the whole file."""

    def error(self, name: str) -> str:
        """Returns what does not hold, in words; "" if all does.

        Args:
            name: The file's.
        """
        if "" in self.broken:
            return f"{name} can't be read: {self.broken['']}."
        parts = [f"{field}: {why}" for field, why in self.broken.items()]
        return f"{name} is used in part only; {'; '.join(parts)}." if parts else ""


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


def read_json(path: Path, largest: int = LARGEST_JSON) -> Any:
    """Returns what a JSON file holds.

    Args:
        path: The file.
        largest: Its largest size in bytes.

    Raises:
        OSError: As `read_bytes_within`.
        ValueError: As `parse_json`.
    """
    return parse_json(read_bytes_within(path, largest))


def read_facts(path: Path, schema: type[T]) -> Found[T]:
    """Returns what a JSON file says; a missing file says nothing, which is no fault."""
    try:
        values = read_json(path)
    except FileNotFoundError:
        return Found(schema(), {})
    except OSError as error:
        return Found(schema(), {"": error.strerror or type(error).__name__})
    except ValueError as error:
        return Found(schema(), {"": str(error)})
    return fit(values, schema)


def fit(values: Any, schema: type[T]) -> Found[T]:
    """Returns what holds of a JSON value: a field that does not has its default."""
    if not isinstance(values, dict):
        return Found(schema(), {"": "it holds no settings by name"})
    broken: dict[str, str] = {}
    while True:
        try:
            return Found(schema.model_validate_json(to_json(values)), broken)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                broken.setdefault(str(each["loc"][0]), each["msg"])
        values = {name: value for name, value in values.items() if name not in broken}


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


def append_line(path: Path, line: bytes) -> None:
    """Appends a line to a file, which is made where it is missing; it is on the disk afterwards.

    It stands on a line of its own, whatever was cut short before.

    Args:
        path: The file.
        line: What is added, without the end of the line.

    Raises:
        OSError: It can't be written.
    """
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
