"""Checkpoints that explain themselves: weights as safetensors, facts in the file's header.

Nothing in a checkpoint is ever run or unpickled; a header is read without reading a tensor.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.architecture import UNetConfig
from core.errors import CarmaskError, CheckpointError, reason
from core.files import write_bytes_atomically
from core.masks import require_range
from core.preprocess import Preprocessing
from core.split_verdict import SplitVerdict, distrust, read_verdict

if TYPE_CHECKING:
    from torch import Tensor

    from core.model import UNet

FORMAT = "carmask-checkpoint-1"
SUFFIX = ".safetensors"
_HEADER_LIMIT = 10_000_000
"""Longest header in bytes that is read; a real one has a few kB."""


@dataclass(frozen=True)
class CheckpointInfo:
    """The facts that travel with the weights."""

    model: UNetConfig
    """Architecture of the network."""
    preprocessing: Preprocessing
    """How a photo is scaled and normalised."""
    title: str = ""
    """Name to show."""
    run: str = ""
    """Id of the run that wrote it."""
    epoch: int = 0
    """Epochs finished when it was written."""
    images_seen: int = 0
    """Training samples seen, repeats counted."""
    threshold: float = 0.5
    """Probability from which a pixel belongs to the car."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Validation figures at that epoch: name to value, and "sources" with the same a data set."""
    data: dict[str, Any] = field(default_factory=dict)
    """Names, counts and fingerprints of the data sets."""
    split: dict[str, Any] = field(default_factory=dict)
    """Fingerprint, verdict and counts of the split."""
    code: dict[str, Any] = field(default_factory=dict)
    """Versions of Carmask's code and of the libraries."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Of an imported network: the program that trained it, its file and that one's fingerprint."""
    created: str = ""
    """When it was written, ISO 8601, UTC."""

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


def save_checkpoint(path: Path, model: UNet, info: CheckpointInfo, *, half: bool = False) -> None:
    """Writes weights and facts to one file; a reader sees the old file or the whole new one.

    Args:
        path: Target; its folder must exist.
        model: Network whose weights are stored as contiguous CPU tensors.
        info: Its facts; `info.model` must equal `model.config`.
        half: Store the convolutions' weights as float16: half the bytes, for a checkpoint to
            hand on. The network computes in float32 all the same.

    Raises:
        CheckpointError: The facts describe another network than the weights.
    """
    from safetensors.torch import save

    if info.model != model.config:
        raise CheckpointError(f"The facts say {info.model}, the network is {model.config}.")
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    if half:  # statistics and offsets are few, and can be larger than float16 takes
        tensors = {name: t.half() if t.ndim > 1 else t for name, t in tensors.items()}
    metadata = {"format": FORMAT, "info": json.dumps(asdict(info))}
    write_bytes_atomically(path, save(tensors, metadata=metadata))


def save_threshold(path: Path, threshold: float) -> CheckpointInfo:
    """Returns a checkpoint's facts after its own threshold was changed in its file.

    The weights stay as they are, byte for byte; a reader sees the old file or the whole new one.

    Args:
        path: The checkpoint.
        threshold: Probability from which a pixel belongs to the car, in [0, 1].

    Raises:
        CheckpointError: As `read_info`, or the file can't be written.
        ConfigError: The threshold is out of its range.
    """
    require_range("threshold", threshold, 0, 1)
    info = replace(read_info(path), threshold=float(threshold))
    try:
        data = path.read_bytes()
        end = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:end])
        # Facts that only a newer version knows are kept as well.
        facts = json.loads(header["__metadata__"]["info"]) | {"threshold": info.threshold}
        header["__metadata__"]["info"] = json.dumps(facts)
        # As safetensors writes it, so that the former threshold gives the former file.
        raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        raw += b" " * (-len(raw) % 8)
        write_bytes_atomically(path, struct.pack("<Q", len(raw)) + raw + data[end:])
    except OSError as error:
        raise CheckpointError(
            f"The threshold can't be written into {path} ({reason(error)}); make the file and its "
            "folder writable."
        ) from error
    return info


def read_info(path: Path) -> CheckpointInfo:
    """Returns the facts of a checkpoint; reads its header only.

    Raises:
        CheckpointError: Missing, empty, truncated, a pickle, or not written by Carmask.
    """
    header = _read_header(path)
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path.name} is a safetensors file without Carmask's facts "
            f"(format {FORMAT!r}); train one with `python -m training fit`."
        )
    try:
        return _info_from_json(json.loads(metadata["info"]))
    except (KeyError, TypeError, ValueError, CarmaskError) as error:
        raise CheckpointError(
            f"The facts in {path.name} can't be understood: {error}. "
            "The file is damaged or was written by a newer version."
        ) from error


def network_fingerprint(path: Path) -> str:
    """Returns the SHA-256 of what a checkpoint answers with: weights, architecture, preprocessing.

    Its title, threshold and metrics are no part of it, so it stays the same when these change.

    Raises:
        CheckpointError: As `read_info`.
    """
    info = read_info(path)
    header = {name: t for name, t in _read_header(path).items() if name != "__metadata__"}
    told = [_set_fields(info.model), _set_fields(info.preprocessing), header]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    with path.open("rb") as file:
        file.seek(8 + struct.unpack("<Q", file.read(8))[0])
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
    tensors = {name: t.float() if t.dtype is torch.float16 else t for name, t in tensors.items()}
    model = UNet(info.model)
    expected = {name: (t.shape, t.dtype) for name, t in model.state_dict().items()}
    found = {name: (t.shape, t.dtype) for name, t in tensors.items()}
    if expected != found:
        odd = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
        raise CheckpointError(
            f"The weights in {path.name} do not fit its architecture {info.model}: "
            f"{len(odd)} tensors differ, first {odd[0]!r}."
        )
    model.load_state_dict(tensors)
    return model.eval(), info


def find_checkpoint(file_or_run: Path) -> Path:
    """Returns the checkpoint for a file, or the best (else the last) one of a run's folder.

    Raises:
        CheckpointError: There is neither.
    """
    if file_or_run.is_file():
        return file_or_run
    for name in ("best", "last"):
        candidate = file_or_run / "checkpoints" / f"{name}{SUFFIX}"
        if candidate.is_file():
            return candidate
    if file_or_run.is_dir():
        raise CheckpointError(f"The run {file_or_run} has no checkpoint yet; train at least once.")
    raise CheckpointError(
        f"There is no checkpoint at {file_or_run}; give a file or a run's folder."
    )


def list_checkpoints(runs: Path) -> list[CheckpointEntry]:
    """Returns every checkpoint below a folder of runs, the best Dice first; reads no tensor."""
    entries = []
    for path in sorted(runs.glob(f"*/checkpoints/*{SUFFIX}")):
        try:
            entries.append(CheckpointEntry(path, info=read_info(path)))
        except CheckpointError as error:
            entries.append(CheckpointEntry(path, error=str(error)))
    return sorted(entries, key=_rank)


def usual_second(
    first: CheckpointEntry, entries: Sequence[CheckpointEntry]
) -> CheckpointEntry | None:
    """Returns whom to ask where a checkpoint doubts: the one that knows most kinds of photos.

    It learned from all data sets that the first one learned from, and from others; None where there
    is no such checkpoint with an honest split.

    Args:
        first: The checkpoint that is asked first.
        entries: What there is, the best one first.
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


def _read_header(path: Path) -> dict[str, Any]:
    """Returns a safetensors header after checking that the file is whole."""
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}; give a file or a run's folder.")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        whole = 2 <= length <= min(_HEADER_LIMIT, size - 8)
        if not whole and (start[:2] == b"PK" or start[:1] == b"\x80"):
            raise CheckpointError(
                f"{path.name} is a pickle (torch.save): opening one can run any code in it, so "
                f"Carmask never does. Give a {SUFFIX} checkpoint; `python -m core import` makes "
                "one of other programs' weights."
            )
        if not whole:
            raise CheckpointError(
                f"{path.name} ({size} bytes) is not a whole {SUFFIX} file; copy it again."
            )
        raw = file.read(length)
    try:
        header = json.loads(raw)
        ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
        promised = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is not a {SUFFIX} file: {error}.") from error
    if promised != size:
        raise CheckpointError(
            f"{path.name} is truncated or damaged: it has {size} bytes, its header promises "
            f"{promised}. Copy it again."
        )
    return dict(header)


def _info_from_json(values: dict[str, Any]) -> CheckpointInfo:
    """Returns the facts from their JSON; fields of newer versions are left out."""
    known = {f.name for f in fields(CheckpointInfo)}
    rest = {name: value for name, value in values.items() if name in known}
    model = UNetConfig(**rest.pop("model"))
    preprocessing = Preprocessing(**rest.pop("preprocessing"))
    return CheckpointInfo(model=model, preprocessing=preprocessing, **rest)
