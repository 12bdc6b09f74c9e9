"""The checkpoints of one run in the order in which they were written: the frames of a film."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from core.checkpoint import SUFFIX, CheckpointInfo, read_info
from core.errors import CarmaskError, reason


@dataclass(frozen=True)
class Frame:
    """What a run had learnt by the end of one epoch."""

    epoch: int
    path: Path
    """A checkpoint of that epoch."""
    names: tuple[str, ...]
    """All checkpoints of that epoch, such as ("best", "last")."""
    info: CheckpointInfo

    @property
    def title(self) -> str:
        """How a person calls it: "epoch 3", "epoch 5, best and last"."""
        marks = [name for name in self.names if name in ("best", "last")]
        return f"epoch {self.epoch}" + (f", {' and '.join(marks)}" if marks else "")


@dataclass(frozen=True)
class Film:
    """The frames of one run, and what can't be one."""

    frames: tuple[Frame, ...]
    """By epoch, one each."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """File name and reason of each checkpoint that can't be read."""


def film_of(run: Path) -> Film:
    """Returns the checkpoints of a run's folder by epoch; reads no tensor.

    "best" and "last" are copies of epochs: where an epoch has several files, they are one frame.
    """
    found: dict[int, list[tuple[Path, CheckpointInfo]]] = defaultdict(list)
    unreadable = []
    for path in sorted((run / "checkpoints").glob(f"*{SUFFIX}")):
        try:
            info = read_info(path)
        except (CarmaskError, OSError) as error:
            unreadable.append((path.name, reason(error)))
            continue
        found[info.epoch].append((path, info))
    frames = []
    for epoch, files in sorted(found.items()):
        path, info = files[0]
        frames.append(Frame(epoch, path, tuple(each.stem for each, _ in files), info))
    return Film(tuple(frames), tuple(unreadable))
