"""The header of a safetensors file: texts, and names, types and shapes of tensors; reads no tensor.

Source: github.com/huggingface/safetensors, README.md, "Format".
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from core.errors import CheckpointError, reason
from core.facts import first_fault
from core.file_kinds import kind_of
from core.files import parse_json

SUFFIX = ".safetensors"
_LONGEST = 1_000_000
"""Longest header in bytes that is read; one of Carmask has about 15 kB."""
_Place = Annotated[int, Field(ge=0)]
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1}
"""Size of one number of each type; others are left to the library that reads them."""


class TensorEntry(TypedDict):
    """What a header says of a tensor."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]
    dtype: str
    """"F32", "F16", "I64" and so on."""
    shape: list[_Place]
    data_offsets: Annotated[list[_Place], Field(min_length=2, max_length=2)]
    """First byte and the one after the last, counted from the header's end."""


@dataclass(frozen=True)
class Header:
    """A header whose tensors fill the rest of the file, one after the other."""

    tensors: dict[str, TensorEntry]
    """By name."""
    metadata: dict[str, str]
    """Texts by name."""
    end: int
    """First byte in the file that belongs to a tensor."""


def read_header(path: Path) -> Header:
    """Returns a file's header after checking that the file is whole.

    Raises:
        CheckpointError: Missing, not readable, truncated, or no safetensors file; the message says
            what it is instead, where that is known.
    """
    try:
        if not path.is_file():
            raise CheckpointError(
                f"There is no checkpoint at {path}; give a file or a run's folder."
            )
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(64)
            length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else 0
            _require_length(path, start, length, size)
            file.seek(8)
            raw = file.read(length)
    except OSError as error:
        raise CheckpointError(
            f"{path.name} can't be read ({reason(error)}); make the file readable."
        ) from error
    try:
        values = parse_unambiguous(raw)
        metadata = values.pop("__metadata__", {}) if isinstance(values, dict) else {}
        tensors, texts = _tensors().validate_python(values), _texts().validate_python(metadata)
    except ValidationError as error:
        raise CheckpointError(f"{path.name} is no {SUFFIX} file: {first_fault(error)}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path.name} is no {SUFFIX} file: {error}.") from error
    _require_whole(path, tensors, size - 8 - length)
    return Header(tensors, texts, 8 + length)


def parse_unambiguous(data: bytes) -> Any:
    """Returns what a JSON text holds that has no key twice.

    Raises:
        ValueError: As `core.files.parse_json`, or a key stands twice in one object.
    """
    found = parse_json(data)
    json.loads(data, object_pairs_hook=_require_unique)  # not too deep: it was read already
    return found


def _require_unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice in one object")


def _require_length(path: Path, start: bytes, length: int, size: int) -> None:
    """Refuses what can't begin a file of `size` bytes, by what it is."""
    if 2 <= length <= min(_LONGEST, size - 8):
        return
    if kind := kind_of(start):
        raise CheckpointError(f"{path.name} is {kind}")
    if start[8:9] == b"{" and _LONGEST < length <= size - 8:
        raise CheckpointError(
            f"{path.name} begins with a header of {length:,} bytes; a checkpoint's has at most "
            f"{_LONGEST:,}, so this is another network, or damaged."
        )
    raise CheckpointError(
        f"{path.name} ({size} bytes) is not a whole {SUFFIX} file; copy it again."
    )


def _require_whole(path: Path, tensors: dict[str, TensorEntry], size: int) -> None:
    """Refuses tensors that don't fill what follows the header, each with its own bytes."""
    end = 0
    for name, entry in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        begin, after = entry["data_offsets"]
        needed = math.prod(entry["shape"]) * _BYTES.get(entry["dtype"], 0)
        if begin != end or after < begin or (needed and after - begin != needed):
            raise CheckpointError(
                f"{path.name} is damaged: the tensor {name!r:.100} has {after - begin} bytes from "
                f"{begin} on, needed are {needed or 'some'} from {end} on."
            )
        end = after
    if end != size:
        raise CheckpointError(
            f"{path.name} is truncated or damaged: {size} bytes follow its header, which promises "
            f"{end}. Copy it again."
        )


@cache
def _tensors() -> TypeAdapter[dict[str, TensorEntry]]:
    return TypeAdapter(dict[str, TensorEntry])


@cache
def _texts() -> TypeAdapter[dict[str, str]]:
    return TypeAdapter(dict[str, str], config=ConfigDict(strict=True))
