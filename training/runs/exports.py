"""A run's lines once more, for other tools: metrics.csv and TensorBoard's event files.

Both are made of metrics.jsonl and made anew when a run goes on, so they never say more than it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from core.files import write_bytes_atomically
from core.metric_table import METRICS

SCORES = tuple(metric.name for metric in METRICS)
COLUMNS = (
    *("kind", "epoch", "step", "images", "seconds", "time"),
    *("loss", "learning_rate", "images_per_second", "waited"),
    *(f"val_{name}" for name in SCORES),
)
"""Columns of metrics.csv; what a line does not have is an empty cell."""

_TRAIN = ("loss", "learning_rate", "images_per_second", "waited")

Line = Mapping[str, Any]


class CsvFile:
    """metrics.csv: a row a line; figures of single data folders are left to metrics.jsonl."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Writes the header and these lines, atomically."""
        write_bytes_atomically(self._path, _csv([COLUMNS, *map(_row, lines)]).encode())

    def append(self, line: Line) -> None:
        """Appends one line, in one write."""
        if not self._path.is_file():
            self.rewrite([])
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(_csv([_row(line)]))

    def close(self) -> None:
        """Nothing waits."""


class EventFiles:
    """TensorBoard's event files in a folder; nothing where tensorboard is not installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Writes these lines into a new file in the place of all that were there."""
        self.close()
        for old in self._folder.glob("events.out.tfevents.*"):
            old.unlink(missing_ok=True)
        for line in lines:
            self.append(line)

    def append(self, line: Line) -> None:
        """Adds one line's figures, named train/loss, val/dice, ..."""
        if self._writer is None:
            if find_spec("tensorboard") is None:
                return
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), flush_secs=10)
        time = line.get("time")
        wall = datetime.fromisoformat(time).timestamp() if isinstance(time, str) else None
        for name, value in _scalars(line):
            self._writer.add_scalar(name, value, int(line["step"]), walltime=wall)

    def close(self) -> None:
        """Writes what waits."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _row(line: Line) -> list[Any]:
    val = line.get("val") or {}
    values = {**line, **{f"val_{name}": val.get(name) for name in SCORES}}
    return [values.get(column) for column in COLUMNS]


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    stream = StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _scalars(line: Line) -> Iterator[tuple[str, float]]:
    place = "train_epoch" if line.get("kind") == "epoch" else "train"
    for name in _TRAIN:
        if isinstance(line.get(name), int | float):
            yield f"{place}/{name}", line[name]
    val = line.get("val") or {}
    for name in SCORES:
        if isinstance(val.get(name), int | float):
            yield f"val/{name}", val[name]
