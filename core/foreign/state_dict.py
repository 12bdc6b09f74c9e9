"""The tensors of a file that torch.save wrote; nothing in it is ever run."""

from __future__ import annotations

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import CheckpointError, reason

_WRAPPINGS = ("model_state_dict", "state_dict")
"""Keys under which training scripts put the state dict, beside an optimiser's and the like."""
_PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""


@dataclass(frozen=True)
class StateDict:
    """The weights of a network, as another program stored them."""

    tensors: dict[str, Tensor]
    """Name to tensor, float32 or integer, on the CPU."""
    file: str
    """The file's name."""
    sha256: str
    """Fingerprint of the file."""


def read_state_dict(path: Path) -> StateDict:
    """Returns the tensors in a file of torch.save, without prefixes and wrapping.

    It is read with `weights_only=True` and no other way: a file that needs code to be run is
    refused.

    Raises:
        CheckpointError: Missing, damaged, in need of running code, or without a state dict.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}; give the .pth of another program.")
    found = _load(path)
    for key in _WRAPPINGS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping):
        raise CheckpointError(
            f"{path.name} holds a {type(found).__name__}, not a state dict. Save the network's "
            "weights with torch.save(model.state_dict(), ...)."
        )
    tensors = {_plain(str(k)): t for k, t in found.items() if isinstance(t, Tensor)}
    if not tensors:
        keys = ", ".join(repr(str(key)) for key in list(found)[:5]) or "nothing"
        raise CheckpointError(
            f"{path.name} has no weights: {keys} found. A state dict is needed, alone or as "
            f"{_WRAPPINGS[0]!r}."
        )
    tensors = {name: _checked(path, name, tensor) for name, tensor in tensors.items()}
    if sum(t.numel() * t.element_size() for t in tensors.values()) > path.stat().st_size:
        raise CheckpointError(f"{path.name} promises more numbers than it holds; it is damaged.")
    return StateDict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()},
        path.name,
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _load(path: Path) -> Any:
    """Returns what is in the file: tensors, numbers, texts and containers of them."""
    with path.open("rb") as file:
        start = file.read(2)
    if not start.startswith((b"PK", b"\x80")):
        raise _not_readable(path, "it begins as neither a ZIP nor a pickle")
    try:
        if start == b"PK":
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > path.stat().st_size:  # torch.save packs nothing
                raise _not_readable(path, "it is a packed ZIP")
        return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as pickle has
        if isinstance(error, pickle.UnpicklingError) and "Weights only" in str(error):
            asked = re.search(r"GLOBAL (\S+)", str(error))
            raise CheckpointError(
                f"{path.name} holds more than weights{f' ({asked[1]})' if asked else ''}: to open "
                "it, code would have to be run, and Carmask never does. Save the weights alone in "
                "the program that made it: torch.save(model.state_dict(), ...)."
            ) from error
        said = reason(error).strip().splitlines()[0].partition(". ")[0].rstrip(".")
        raise _not_readable(path, said) from error


def _not_readable(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path.name} ({path.stat().st_size} bytes) is no whole file of torch.save: {why}. "
        "Copy it again, or save it again."
    )


def _plain(name: str) -> str:
    """Returns a tensor's name without what wrappers put before it."""
    while name.startswith(_PREFIXES):
        name = name.partition(".")[2]
    return name


def _checked(path: Path, name: str, tensor: Tensor) -> Tensor:
    """Returns a tensor if it is what weights are: dense, on the CPU, finite.

    Raises:
        CheckpointError: It is not.
    """
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise CheckpointError(
            f"{path.name}: {name!r} is stored in a way that Carmask can't use "
            f"({tensor.dtype}, {tensor.layout}). Save the network as plain float32."
        )
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise CheckpointError(
            f"{path.name}: {name!r} promises more numbers than it holds; the file is damaged."
        )
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise CheckpointError(
            f"{path.name}: {name!r} has values that are no numbers (NaN or infinite); the "
            "training that wrote it has failed."
        )
    return tensor
