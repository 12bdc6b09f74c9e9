"""Logs that other programs wrote, read into our curves.

| format      | recognised by                                     | read from             |
|-------------|---------------------------------------------------|-----------------------|
| lightning   | metrics.csv with the column step                  | Lightning's CSVLogger |
| tensorboard | events.out.tfevents.*                             | its scalars           |
| csv         | *.csv with an epoch or step and a known figure    | Keras, W&B, ...       |
| text        | *.txt or *.log with a line on an epoch's figures  | those lines           |
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from training.runs.foreign import csv_log, event_files, text_log
from training.runs.foreign.log import ForeignLog, LogFiles

__all__ = ["ForeignLog", "LogFiles", "read_foreign", "recognise"]

_FORMATS: dict[
    str,
    tuple[
        Callable[[Path, Collection[str]], tuple[Path, ...]],
        Callable[[tuple[Path, ...]], ForeignLog],
    ],
] = {
    "lightning": (csv_log.find_lightning, csv_log.read_lightning),
    "tensorboard": (event_files.find, event_files.read),
    "csv": (csv_log.find, csv_log.read),
    "text": (text_log.find, text_log.read),
}


def recognise(folder: Path, names: Collection[str]) -> LogFiles | None:
    """Returns the foreign log of a folder, the first format that fits; None where there is none.

    Args:
        folder: A run's folder.
        names: Names of the files in it.

    Raises:
        OSError: A file that looks like a log can't be opened.
    """
    for name, (find, _) in _FORMATS.items():
        paths = find(folder, names)
        if paths:
            return LogFiles(name, paths)
    return None


def read_foreign(log: LogFiles) -> ForeignLog:
    """Returns what a foreign log says.

    Raises:
        RunError: It is damaged, or a package that reads it is missing.
        OSError: A file is gone or can't be read.
    """
    return _FORMATS[log.format][1](log.paths)
