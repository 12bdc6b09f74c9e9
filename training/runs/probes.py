"""What a run wrote on its way, epoch by epoch: pictures of a few photos, and checkpoints."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from core.checkpoint import SUFFIX, CheckpointInfo, read_info
from core.errors import CarmaskError, RunError, reason
from core.files import Facts, read_facts
from core.image import read_image

_EPOCH = re.compile(r"epoch_(\d+)")


@dataclass(frozen=True)
class Probe:
    """One photo whose mask is kept at each epoch."""

    number: int
    name: str
    source: str
    car: str


@dataclass(frozen=True)
class RunProbes:
    """The probes of one run, and the epochs that have pictures of them."""

    folder: Path
    probes: tuple[Probe, ...]
    epochs: tuple[int, ...]
    """Sorted."""

    def photo(self, number: int) -> NDArray[np.uint8]:
        """Returns a probe's photo, uint8 (H, W, 3); raises a CarmaskError if it can't be read."""
        return read_image(self.folder / f"{number}.jpg")

    def truth(self, number: int) -> NDArray[np.bool_]:
        """Returns a probe's true mask, bool (H, W); raises a RunError if it can't be read."""
        return _grey(self.folder / f"{number}_truth.png") >= 128

    def probability(self, epoch: int, number: int) -> NDArray[np.float32]:
        """Returns the probability after an epoch, float32 (H, W) in [0, 1].

        Raises:
            RunError: There is none, or it can't be read.
        """
        path = self.folder / epoch_folder(epoch) / f"{number}.png"
        return _grey(path).astype(np.float32) / np.float32(255)


def epoch_folder(epoch: int) -> str:
    """Returns the name of an epoch's folder."""
    return f"epoch_{epoch:04}"


class _ProbeFile(Facts):
    """One photo of the list."""

    number: Annotated[int, Field(ge=0, le=10_000)]
    name: str
    source: str
    car: str


class _ProbesFile(Facts):
    """probes.json."""

    probes: tuple[_ProbeFile, ...] | None = None


def read_probes(run: Path) -> RunProbes | None:
    """Returns a run's probes; None where it keeps none, or their list is damaged."""
    folder = run / "probes"
    listed = read_facts(folder / "probes.json", _ProbesFile).facts.probes
    if listed is None:
        return None
    probes = tuple(Probe(**each.model_dump()) for each in listed)
    try:
        found = [_EPOCH.fullmatch(path.name) for path in folder.iterdir()]
    except OSError:
        return None
    return RunProbes(folder, probes, tuple(sorted(int(name[1]) for name in found if name)))


def probes_error(run: Path) -> str:
    """Returns what does not hold of the list of a run's probes; "" if all does."""
    return read_facts(run / "probes" / "probes.json", _ProbesFile).error("probes/probes.json")


def _grey(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"), np.uint8)
    except (OSError, ValueError) as error:
        raise RunError(f"{path.name} of the probes can't be read: {reason(error)}.") from error


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
