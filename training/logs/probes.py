"""Reads the probes of a run: a few validation photos and their masks at each epoch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import RunError, reason
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


def read_probes(run: Path) -> RunProbes | None:
    """Returns a run's probes; None where it keeps none, or their list is damaged."""
    folder = run / "probes"
    try:
        listed = json.loads((folder / "probes.json").read_bytes())["probes"]
        probes = tuple(
            Probe(int(p["number"]), str(p["name"]), str(p["source"]), str(p["car"])) for p in listed
        )
        found = [_EPOCH.fullmatch(path.name) for path in folder.iterdir()]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return RunProbes(folder, probes, tuple(sorted(int(name[1]) for name in found if name)))


def _grey(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"), np.uint8)
    except (OSError, ValueError) as error:
        raise RunError(f"{path.name} of the probes can't be read: {reason(error)}.") from error
