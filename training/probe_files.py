"""The probes of a run as they lie on disk: the same few validation photos at every epoch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe; its files may be missing where a run was cut short."""

    folder: Path
    """The run's folder of probes."""
    number: int
    name: str
    source: str
    car: str

    @property
    def photo(self) -> Path:
        """The photo, small."""
        return self.folder / f"{self.number}.jpg"

    @property
    def truth(self) -> Path:
        """The true mask, small, grey: white is car."""
        return self.folder / f"{self.number}_truth.png"

    def probability(self, epoch: int) -> Path:
        """The probability after an epoch (from 1), small, grey: white is car."""
        return self.folder / epoch_folder(epoch) / f"{self.number}.png"


def epoch_folder(epoch: int) -> str:
    """Returns the name of an epoch's folder."""
    return f"epoch_{epoch:04}"


def read_probes(run: Path) -> tuple[Probe, ...]:
    """Returns a run's probes; none where it has none, or their list is damaged."""
    folder = run / "probes"
    try:
        facts = json.loads((folder / "probes.json").read_bytes())["probes"]
        return tuple(
            Probe(folder, int(f["number"]), str(f["name"]), str(f["source"]), str(f["car"]))
            for f in facts
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def probe_epochs(run: Path) -> list[int]:
    """Returns the epochs that left probes, in order."""
    try:
        names = [path.name for path in (run / "probes").iterdir()]
    except OSError:
        return []
    found = (re.fullmatch(r"epoch_(\d+)", name) for name in names)
    return sorted(int(match[1]) for match in found if match)
