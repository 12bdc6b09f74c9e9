"""The sample photos that ship with Carmask, each with its true mask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SHOWN = 16
"""Samples in a strip; more would be a wall of pictures."""


@dataclass(frozen=True)
class Sample:
    """One sample photo."""

    name: str
    """File name without suffix, such as synth0003_07: the car, then its view."""
    photo: Path
    """The photo's file."""
    mask: Path | None
    """Its true mask's file, where there is one."""

    @property
    def label(self) -> str:
        """The name as a person reads it."""
        found = re.fullmatch(r"synth(\d+)_(\d+)", self.name)
        return f"Car {int(found[1])}, view {int(found[2])}" if found else self.name


def list_samples(folder: Path) -> list[Sample]:
    """Returns the samples in a folder (images/ and masks/), by name; empty if it isn't there."""
    return [
        Sample(path.stem, path, mask if mask.is_file() else None)
        for path in sorted((folder / "images").glob("*.jpg"))
        for mask in [folder / "masks" / f"{path.stem}.png"]
    ]


def mixed_samples(samples: list[Sample], count: int = SHOWN) -> list[Sample]:
    """Returns one sample of each car, each from another side, at most `count`."""
    cars: dict[str, list[Sample]] = {}
    for sample in samples:
        cars.setdefault(sample.name.rpartition("_")[0] or sample.name, []).append(sample)
    # 5 has no divisor in common with 16 views, so neighbours in the strip face different ways.
    mixed = [views[(1 + 5 * place) % len(views)] for place, views in enumerate(cars.values())]
    return mixed[:count]
