"""Checkpoints that explain themselves: weights as safetensors, facts in the file's header.

Nothing in a checkpoint is ever run or unpickled; a header is read without reading a tensor.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from core.architecture import UNetConfig
from core.errors import CarmaskError, CheckpointError, reason
from core.facts import (
    STRICT,
    CodeFacts,
    Count,
    DataFacts,
    GridSize,
    Origin,
    Scores,
    Share,
    SplitFacts,
    Text,
    first_fault,
)
from core.familiarity import Familiarity
from core.files import write_bytes_atomically
from core.foreign.programs import networks_in
from core.header import SUFFIX as SUFFIX
from core.header import Header, parse_unambiguous, read_header
from core.masks import require_range
from core.names import first_few, is_text
from core.preprocess import Preprocessing
from core.split_verdict import SplitVerdict, distrust, read_verdict
from core.uncertainty import Limits
from core.weights import Bits, misfits, packed, unpacked

if TYPE_CHECKING:
    from torch import Tensor

    from core.model import UNet

FORMAT = "carmask-checkpoint-1"


@dataclass(frozen=True)
class CheckpointInfo:
    """The facts that travel with the weights; see `core.facts` for what they may be."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    model: UNetConfig
    """Architecture of the network."""
    preprocessing: Preprocessing
    """How a photo is scaled and normalised."""
    title: Text = ""
    """Name to show."""
    run: Text = ""
    """Id of the run that wrote it."""
    epoch: Count = 0
    """Epochs finished when it was written."""
    images_seen: Count = 0
    """Training samples seen, repeats counted."""
    threshold: Share = 0.5
    """Probability from which a pixel belongs to the car."""
    metrics: Scores = field(default_factory=dict)
    """Validation figures at that epoch: name to value, and "sources" with the same a data set."""
    data: DataFacts = field(default_factory=dict)
    """Names, counts and fingerprints of the data sets."""
    split: SplitFacts = field(default_factory=dict)
    """Fingerprint, verdict and counts of the split."""
    code: CodeFacts = field(default_factory=dict)
    """Versions of Carmask's code and of the libraries."""
    origin: Origin = field(default_factory=dict)
    """Of an imported network: the program that trained it, its file and that one's fingerprint."""
    created: Text = ""
    """When it was written, ISO 8601, UTC."""
    limits: Limits = field(default_factory=Limits)
    """What its uncertainty means."""
    familiar: Familiarity | None = None
    """What its training photos are like; None if that was not measured."""
    detail: GridSize | None = None
    """Size of a finer grid for photos that have as many pixels; None if it has none."""

    @property
    def verdict(self) -> SplitVerdict:
        """The verdict on its split; "unknown" where the file holds none."""
        return read_verdict(self.split.get("verdict"))


@dataclass(frozen=True)
class CheckpointEntry:
    """One checkpoint in a listing: its facts, or why they can't be read."""

    path: Path
    info: CheckpointInfo | None = None
    error: str | None = None


def checkpoint_name(path: Path) -> str:
    """Returns how a checkpoint is called in lists and links: its run and its file."""
    return f"{path.parent.parent.name}/{path.stem}"


def save_checkpoint(path: Path, model: UNet, info: CheckpointInfo, *, bits: Bits = 32) -> None:
    """Writes weights and facts to one file; a reader sees the old file or the whole new one.

    Args:
        path: Target; its folder must exist.
        model: Network whose weights are stored as contiguous CPU tensors.
        info: Its facts; `info.model` must equal `model.config`.
        bits: Of a stored weight. 16 make half the bytes and 8 a quarter, for a checkpoint to hand
            on; the network computes in float32 all the same.

    Raises:
        CheckpointError: The facts describe another network than the weights, or have a value that
            could not be read again.
    """
    from safetensors.torch import save

    if info.model != model.config:
        raise CheckpointError(f"The facts say {info.model}, the network is {model.config}.")
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    metadata = {"format": FORMAT, "info": _facts_text(info)}
    write_bytes_atomically(path, save(packed(tensors, bits), metadata=metadata))


def save_threshold(path: Path, threshold: float) -> CheckpointInfo:
    """Returns a checkpoint's facts after its own threshold was changed in its file.

    Args:
        path: The checkpoint.
        threshold: Probability from which a pixel belongs to the car, in [0, 1].

    Raises:
        CheckpointError: As `save_facts`.
        ConfigError: The threshold is out of its range.
    """
    require_range("threshold", threshold, 0, 1)
    return save_facts(path, threshold=float(threshold))


def save_facts(path: Path, **changes: Any) -> CheckpointInfo:
    """Returns a checkpoint's facts after some were changed in its file.

    The weights stay as they are, byte for byte; a reader sees the old file or the whole new one.

    Args:
        path: The checkpoint.
        changes: Fields of `CheckpointInfo`.

    Raises:
        CheckpointError: As `read_info`, the changed facts could not be read again, or the file
            can't be written.
    """
    info = replace(read_info(path), **changes)
    changed = json.loads(_facts_text(info))
    try:
        data = path.read_bytes()
        end = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:end])
        # Facts that only a newer version knows are kept as well.
        facts = json.loads(header["__metadata__"]["info"])
        facts |= {name: changed[name] for name in changes}
        header["__metadata__"]["info"] = json.dumps(facts)
        # As safetensors writes it, so that the former threshold gives the former file.
        raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        raw += b" " * (-len(raw) % 8)
        write_bytes_atomically(path, struct.pack("<Q", len(raw)) + raw + data[end:])
    except OSError as error:
        raise CheckpointError(
            f"The facts can't be written into {path} ({reason(error)}); make the file and its "
            "folder writable."
        ) from error
    return info


def read_info(path: Path) -> CheckpointInfo:
    """Returns the facts of a checkpoint; reads its header only.

    Raises:
        CheckpointError: Missing, empty, truncated, a pickle, or not written by Carmask; facts have
            a wrong type or lie out of their range; or the tensors do not fit the architecture.
    """
    return _info_of(path, read_header(path))


def network_fingerprint(path: Path) -> str:
    """Returns the SHA-256 of what a checkpoint answers with: weights, architecture, preprocessing.

    Its title, threshold and metrics are no part of it, so it stays the same when these change.

    Raises:
        CheckpointError: As `read_info`.
    """
    header = read_header(path)
    info = _info_of(path, header)
    told = [_set_fields(info.model), _set_fields(info.preprocessing), header.tensors]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    with path.open("rb") as file:
        file.seek(header.end)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _set_fields(settings: UNetConfig | Preprocessing) -> dict[str, Any]:
    """Returns the fields that are not as usual: one that a newer version adds changes nothing."""
    usual = asdict(type(settings)())
    return {name: value for name, value in asdict(settings).items() if value != usual[name]}


def load_checkpoint(path: Path) -> tuple[UNet, CheckpointInfo]:
    """Returns the network, in evaluation mode on the CPU, and its facts.

    Raises:
        CheckpointError: As `read_info`, or the tensors do not fit the architecture.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from core.model import UNet

    info = read_info(path)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is damaged: {error}. Copy it again.") from error
    tensors = unpacked(tensors)
    expected = info.model.tensor_shapes()
    if {name: tuple(t.shape) for name, t in tensors.items()} != expected:
        raise CheckpointError(f"{path.name} was changed while it was read; load it again.")
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise CheckpointError(
            f"{path.name} has weights that are no numbers (NaN or infinite); the training that "
            "wrote it has failed. Use a checkpoint of an earlier epoch."
        )
    model = UNet(info.model)
    model.load_state_dict(tensors)
    return model.eval(), info


def find_checkpoint(file_or_run: Path) -> Path:
    """Returns the checkpoint for a file, or the best (else the last) one of a run's folder.

    Raises:
        CheckpointError: There is neither.
    """
    try:
        if file_or_run.is_file():
            return file_or_run
        for name in ("best", "last"):
            candidate = file_or_run / "checkpoints" / f"{name}{SUFFIX}"
            if candidate.is_file():
                return candidate
        is_run = file_or_run.is_dir()
    except OSError as error:  # a name that is too long, or a folder without permission
        raise CheckpointError(f"{file_or_run} can't be looked up ({reason(error)}).") from error
    if is_run:
        raise CheckpointError(f"The run {file_or_run} has no checkpoint yet; train at least once.")
    raise CheckpointError(
        f"There is no checkpoint at {file_or_run}; give a file or a run's folder."
    )


def list_checkpoints(runs: Path) -> list[CheckpointEntry]:
    """Returns every checkpoint below a folder of runs, the best Dice first; reads no tensor."""
    entries = []
    for path in sorted(runs.glob(f"*/checkpoints/*{SUFFIX}")):
        if not is_text(str(path)):
            entries.append(CheckpointEntry(path, error="Its path is no text in UTF-8; rename it."))
            continue
        try:
            entries.append(CheckpointEntry(path, info=read_info(path)))
        except CheckpointError as error:
            entries.append(CheckpointEntry(path, error=str(error)))
    return sorted(entries, key=_rank)


def default_fallback(
    first: CheckpointEntry, entries: Sequence[CheckpointEntry]
) -> CheckpointEntry | None:
    """Returns the default fallback: trained on the largest strict superset of a checkpoint's data.

    None where there is no such checkpoint with a clean split.

    Args:
        first: The checkpoint that predicts first.
        entries: Every checkpoint, the best one first.
    """
    known = set(first.info.data) if first.info else set()
    wider = [
        entry
        for entry in entries
        if entry.info and entry.info.verdict.is_clean and known and set(entry.info.data) > known
    ]
    return max(wider, key=lambda entry: len(entry.info.data) if entry.info else 0, default=None)


def _rank(entry: CheckpointEntry) -> tuple[bool, int, float, bool]:
    """Best first: readable, with a clean split, by Dice, "best" before "last"."""
    if entry.info is None:
        return True, 0, 0.0, True
    dice = entry.info.metrics.get("dice")
    value = float(dice) if isinstance(dice, int | float) else 0.0
    return False, distrust(entry.info.verdict), -value, not entry.path.name.startswith("best")


def _info_of(path: Path, header: Header) -> CheckpointInfo:
    """Returns the facts in a header whose tensors are those that the facts describe."""
    if header.metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path.name} is {_foreign(header)}")
    try:
        info = _facts_from(header.metadata.get("info", "null"))
    except (ValueError, CarmaskError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else error
        raise CheckpointError(
            f"The facts in {path.name} can't be understood: {str(fault).rstrip('.')}. "
            "The file is damaged or was written by a newer version."
        ) from error
    odd = misfits(info.model.tensor_shapes(), header.tensors)
    if odd:
        raise CheckpointError(
            f"The weights in {path.name} do not fit its architecture {info.model}: "
            f"{len(odd)} tensors differ, first {odd[0]!r:.100}."
        )
    return info


def _foreign(header: Header) -> str:
    """Returns what a safetensors file without facts is, and what to do with it."""
    written = header.metadata.get("format", "")
    if written.startswith("carmask-checkpoint-"):
        return f"a checkpoint of a newer version ({written:.40}); this one reads {FORMAT}."
    networks = networks_in(header.tensors)
    if networks:
        title = next(iter(networks.values())).title
        return (
            f"a safetensors file with the weights of {title} and without Carmask's facts; "
            "`python -m core import FILE --out runs/NAME` makes a checkpoint of it."
        )
    parts = first_few(sorted({name.partition(".")[0] for name in header.tensors}), 4)
    return (
        f"a safetensors file without Carmask's facts, of a network that isn't known here (its "
        f"parts are called {parts:.200}); train one with `python -m training fit`."
    )


def _facts_text(info: CheckpointInfo) -> str:
    """Returns the facts as JSON, after checking that they can be read again."""
    text = json.dumps(asdict(info))
    try:
        _facts_from(text)
    except ValueError as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else error
        raise CheckpointError(f"These facts could not be read again: {fault}.") from error
    return text


def _facts_from(text: str) -> CheckpointInfo:
    """Returns the facts from their JSON; those of newer versions are left out.

    Raises:
        ValueError: They are no JSON, or not what `CheckpointInfo` says.
        ConfigError: Settings of the network exclude each other.
    """
    values = parse_unambiguous(text.encode())
    if isinstance(values, dict):
        values = {f.name: values[f.name] for f in fields(CheckpointInfo) if f.name in values}
    return _facts().validate_json(json.dumps(values))


@cache
def _facts() -> TypeAdapter[CheckpointInfo]:
    return TypeAdapter(CheckpointInfo)
