"""Another program's state dict becomes a checkpoint that explains itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.architecture import Padding
from core.checkpoint import SUFFIX, CheckpointInfo, save_checkpoint
from core.errors import CheckpointError
from core.foreign.convert import convert
from core.foreign.layers import layers_of
from core.foreign.state_dict import read_state_dict
from core.preprocess import Preprocessing
from core.split_verdict import UNKNOWN

Colours = tuple[float, float, float]


@dataclass(frozen=True)
class ImportOptions:
    """What a state dict does not say of itself; None stands for its program's usual setting."""

    title: str = ""
    """Name to show; by default the program's and the file's."""
    size: int | None = None
    """Side in px of a square with as many pixels as the network's grid gets."""
    mean: Colours | None = None
    """Subtracted from R, G and B in [0, 1]."""
    std: Colours | None = None
    """Divides them afterwards."""
    padding: Padding = "same"
    """Whether the 3x3 convolutions are padded."""
    part: str = ""
    """Which network to take where the file holds several, such as "model" and "ema"."""


def import_checkpoint(
    file: Path, run: Path, options: ImportOptions | None = None
) -> tuple[Path, CheckpointInfo]:
    """Returns the checkpoint, and its facts, that another program's state dict was made into.

    Args:
        file: Weights of a program in `core.foreign.programs`, from torch.save or as safetensors.
        run: Folder to make; below a folder of runs the pages find it.
        options: What the file does not say.

    Raises:
        CheckpointError: The file can't be read, is no network that is known, or the folder has a
            checkpoint already.
        ConfigError: A setting is outside its range.
    """
    options = options or ImportOptions()
    target = run / "checkpoints" / f"best{SUFFIX}"
    if target.exists():
        raise CheckpointError(f"{target} is there already; choose another folder.")
    stored = read_state_dict(file, options.part)
    program = stored.program
    try:
        parts = program.take_apart(layers_of(stored.tensors))
        model = convert(program, parts, options.padding)
    except CheckpointError as error:
        raise CheckpointError(f"{file.name}: {error}") from error
    info = CheckpointInfo(
        model=model.config,
        preprocessing=Preprocessing(
            program.size if options.size is None else options.size,
            options.mean or program.mean,
            options.std or program.std,
        ),
        title=options.title or f"{program.title}, {file.stem}",
        run=run.absolute().name,
        split={"verdict": UNKNOWN.to_json()},
        origin={
            "program": program.title,
            "file": file.name,
            **({"part": stored.part} if stored.part else {}),
            "sha256": stored.sha256,
            "classes": parts.classes,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(target, model, info)
    return target, info
