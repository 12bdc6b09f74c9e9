"""The tensors of a file that torch.save or safetensors wrote; nothing in it is ever run."""

from __future__ import annotations

import hashlib
import pickle
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import CheckpointError, reason
from core.file_kinds import kind_of
from core.foreign.programs import PROGRAMS, Program, networks_in
from core.header import SUFFIX, read_header
from core.names import first_few

_WRAPPERS = ("._orig_mod", "._fsdp_wrapped_module", "._checkpoint_wrapped_module")
"""What PyTorch puts into the names of layers that it compiles, shares out or recomputes."""
_DEEPEST = 8
"""Dictionaries within dictionaries that are looked into."""


@dataclass(frozen=True)
class StateDict:
    """The weights of a network, as another program stored them."""

    program: Program
    """The program that names its layers like this."""
    tensors: dict[str, Tensor]
    """Name to tensor, float32 or integer, on the CPU; named as in the program."""
    part: str
    """Where in the file they stand, such as "model" or "ema.module"; "" if they are all of it."""
    sha256: str
    """Fingerprint of the file."""


def read_state_dict(path: Path, part: str = "") -> StateDict:
    """Returns the tensors of the network in a file, wherever in it they stand.

    A file of torch.save is read with `weights_only=True` and no other way: one that needs code to
    be run is refused. What stands beside the network, such as an optimiser, is left out.

    Args:
        path: What torch.save wrote, or a safetensors file.
        part: Which network to take where the file holds several.

    Raises:
        CheckpointError: Missing, damaged, in need of running code, without a network that is
            known, or with several of which none was chosen.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}; give the .pth of another program.")
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            start = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path.name} can't be read: {reason(error)}.") from error
    pickled = start.startswith((b"PK", b"\x80"))
    found = dict(_flat(_load(path, start))) if pickled else _load_safetensors(path, start)
    prefix, program = _network(path, found, part)
    tensors = {
        _plain(name.removeprefix(prefix)): _checked(path, name, tensor)
        for name, tensor in found.items()
        if name.startswith(prefix) and "." in name.removeprefix(prefix)
    }
    if sum(t.numel() * t.element_size() for t in tensors.values()) > path.stat().st_size:
        raise CheckpointError(f"{path.name} promises more numbers than it holds; it is damaged.")
    return StateDict(
        program,
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()},
        prefix.removesuffix("."),
        sha256,
    )


def _network(path: Path, names: Collection[str], part: str) -> tuple[str, Program]:
    """Returns what the names of the chosen network begin with, and its program."""
    networks = networks_in(names)
    if len(networks) == 1 and not part:
        return next(iter(networks.items()))
    if part and f"{part}." in networks:
        return f"{part}.", networks[f"{part}."]
    if networks:
        parts = ", ".join(repr(prefix.removesuffix(".")) for prefix in networks)
        which = f"none of them is {part!r}" if part else "it can't be known which is meant"
        raise CheckpointError(
            f"{path.name} holds networks as {parts}; {which}. Choose one with --part."
        )
    known = " or ".join(f"{program.title} ({program.names})" for program in PROGRAMS)
    raise CheckpointError(
        f"{path.name} holds no known network: its parts are called {_parts(names)}. "
        f"Needed: {known}."
    )


def _parts(names: Collection[str]) -> str:
    """Returns the first few parts of a network, without what all their names begin with."""
    split = [name.split(".") for name in names]
    while len({name[0] for name in split}) == 1 < len(split) and all(name[2:] for name in split):
        split = [name[1:] for name in split]
    return f"{first_few(list(dict.fromkeys(name[0] for name in split)), 6):.300}"


def _flat(found: Mapping[Any, Any]) -> Iterator[tuple[str, Tensor]]:
    """Yields the tensors in dictionaries, each with the keys that lead to it, dots between them.

    A dictionary that is in several others, or in itself, is looked into once.
    """
    waiting, seen = [("", found, 0)], {id(found)}
    while waiting:
        prefix, each, depth = waiting.pop(0)
        for key, value in each.items():
            name = f"{prefix}{key!s:.1000}"
            if isinstance(value, Tensor):
                yield name, value
            elif isinstance(value, Mapping) and id(value) not in seen and depth < _DEEPEST:
                seen.add(id(value))
                waiting.append((f"{name}.", value, depth + 1))


def _load(path: Path, start: bytes) -> Mapping[Any, Any]:
    """Returns what is in a file of torch.save: tensors, numbers, texts and containers of them."""
    try:
        if start.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                _require_torch(path, archive)
        found = torch.load(path, map_location="cpu", weights_only=True)
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
    if not isinstance(found, Mapping):
        raise CheckpointError(
            f"{path.name} holds a {type(found).__name__}, not a state dict. Save the network's "
            "weights with torch.save(model.state_dict(), ...)."
        )
    if next(_flat(found), None) is None:
        keys = first_few([repr(str(key)) for key in found], 5) or "nothing"
        raise CheckpointError(
            f"{path.name} has no weights: {keys:.300} found. Save the network's weights with "
            "torch.save(model.state_dict(), ...)."
        )
    return found


def _require_torch(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuses a ZIP that is none of torch.save, by what it is."""
    entries = archive.infolist()
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if "data.pkl" not in names:
        some = first_few([entry.filename for entry in entries], 4) or "nothing in it"
        raise CheckpointError(
            f"{path.name} is a ZIP with {some:.300}, and not what torch.save "
            "writes. Unpack it and give the file of the weights that is in it."
        )
    if "constants.pkl" in names:
        raise CheckpointError(
            f"{path.name} is a TorchScript program: it is code, and Carmask never runs any. Save "
            "the weights alone in the program that made it: torch.save(model.state_dict(), ...)."
        )
    if sum(entry.file_size for entry in entries) > path.stat().st_size:  # torch.save packs nothing
        raise _not_readable(path, "it is a packed ZIP")


def _load_safetensors(path: Path, start: bytes) -> dict[str, Tensor]:
    """Returns the tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if start[8:9] != b"{":
        if kind := kind_of(start):
            raise CheckpointError(f"{path.name} is {kind}")
        raise _not_readable(path, f"it begins as neither a ZIP, a pickle nor a {SUFFIX} file")
    header = read_header(path)
    if header.metadata.get("format", "").startswith("carmask-"):
        raise CheckpointError(
            f"{path.name} is a checkpoint of Carmask already; put it into "
            "runs/NAME/checkpoints/, or name it where a checkpoint is wanted."
        )
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _not_readable(path, reason(error)) from error
    return tensors


def _not_readable(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path.name} ({path.stat().st_size} bytes) is no whole file of torch.save or "
        f"safetensors: {why}. Copy it again, or save it again."
    )


def _plain(name: str) -> str:
    """Returns a tensor's name without what wrappers put into it."""
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
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
