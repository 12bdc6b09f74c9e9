"""A log that another program wrote: where it lies and what was read of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.logs.curves import Curves


@dataclass(frozen=True)
class LogFiles:
    """The files of a foreign log in one run's folder."""

    format: str
    """Who wrote it: "lightning", "tensorboard" or "text"."""
    paths: tuple[Path, ...]

    def stamp(self) -> tuple[object, ...]:
        """Returns what changes when the files do: sizes, times and inodes.

        Raises:
            OSError: A file is gone.
        """
        found = [path.stat() for path in self.paths]
        return (self.format, self.paths, *((f.st_size, f.st_mtime_ns, f.st_ino) for f in found))


@dataclass(frozen=True, eq=False)
class ForeignLog:
    """What a foreign log says."""

    curves: Curves
    epochs: int = 0
    """Epochs asked for; 0 where it does not say."""
