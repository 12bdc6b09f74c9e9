"""A log that another program wrote: where it lies and what was read of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from training.runs.curves import Curves


@dataclass(frozen=True)
class LogFiles:
    """The files of a foreign log in one run's folder."""

    format: str
    """Who wrote it: "lightning", "tensorboard", "csv" or "text"."""
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
    remark: str = ""
    """What was guessed, and what was left out and why."""


_PLACES = frozenset(("epoch", "step", "images", "seconds", "time"))


def one_a_validation(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of epochs so that each validation has one.

    The training's row of an epoch may lie apart from its validation, and a validation repeated
    after the end counts one step more; both join the row before. What was written last counts. An
    epoch that is validated more than once on its way keeps a row for each.

    Args:
        rows: Rows with `epoch` and `step`, in order; NaN for what was not measured.
    """
    joined: list[dict[str, Any]] = []
    for row in rows:
        found = {name: value for name, value in row.items() if not pd.isna(value)}
        figures = found.keys() - _PLACES
        if not figures:
            continue
        last = joined[-1] if joined else {}
        same = found.setdefault("epoch", 0) == last.get("epoch")
        if same and (found["step"] - last["step"] <= 1 or not figures & last.keys()):
            last.update(found)
        else:
            joined.append(found)
    return joined
