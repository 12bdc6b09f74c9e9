"""A log that another program wrote: where it lies and what was read of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

    A validation repeated after the end counts one step more and joins the row before; what was
    written last counts. The training's row of an epoch, which may lie apart from its validation,
    joins it too. An epoch that is validated more than once on its way keeps a row for each.

    Args:
        rows: Rows with `epoch` and `step`, in order; NaN for what was not measured.
    """
    found = ({name: value for name, value in row.items() if not pd.isna(value)} for row in rows)
    measured = [{"epoch": 0, **row} for row in found if row.keys() - _PLACES]
    return _joined(
        _joined(measured, lambda last, row: row["step"] - last["step"] <= 1),
        lambda last, row: not (row.keys() & last.keys()) - _PLACES,
    )


def _joined(
    rows: Iterable[dict[str, Any]], are_one: Callable[[dict[str, Any], dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Returns rows, with neighbours of one epoch put together where a rule says that they are one.

    Args:
        rows: Rows with `epoch`, in order.
        are_one: The rule, of the row so far and the next one.
    """
    joined: list[dict[str, Any]] = []
    for row in rows:
        if joined and row["epoch"] == joined[-1]["epoch"] and are_one(joined[-1], row):
            joined[-1] = joined[-1] | row
        else:
            joined.append(row)
    return joined
