"""TensorBoard's event files: their scalars, read by TensorBoard itself where it is installed.

A scalar is of epochs where its name ends in "_epoch" or it has a side other than training, and
where it has no more values than those; the rest is of steps. A writer may use the epoch as the
step: then the steps of validation are a row of neighbours and count the epochs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RunError, reason
from training.logs.curves import curves_of
from training.logs.foreign.log import ForeignLog
from training.logs.foreign.names import Figure, figure

Points = list[tuple[int, float, float]]
"""Step, time in seconds since 1970 and value of each point."""


def find(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Returns the event files of a folder."""
    return tuple(folder / name for name in sorted(names) if "events.out.tfevents." in name)


def read(paths: tuple[Path, ...]) -> ForeignLog:
    """Returns the curves of a folder's event files, every point of every scalar.

    Raises:
        RunError: TensorBoard is not installed, or can't read them.
    """
    scalars = _scalars(paths[0].parent)
    numbers = {int(step): int(value) + 1 for step, _, value in scalars.pop("epoch", [])}
    names = {tag: figure(tag) for tag in scalars}
    of_epochs = _of_epochs(scalars, names)
    start = min((point[1] for points in scalars.values() for point in points), default=0.0)
    epochs = _rows({tag: scalars[tag] for tag in of_epochs}, names, start)
    steps = _rows({tag: scalars[tag] for tag in scalars if tag not in of_epochs}, names, start)
    ends = [row["step"] for row in epochs]
    counted = all(b - a == 1 for a, b in pairwise(ends))
    is_epoch = counted and bool(ends) and ends[0] in (0, 1) and not numbers
    for place, row in enumerate(epochs, 1):
        row["epoch"] = numbers.get(row["step"], place)
    if not is_epoch:  # an epoch's steps come before its validation
        found = np.searchsorted(ends, [row["step"] for row in steps])
        for row, place in zip(steps, found, strict=True):
            row["epoch"] = numbers.get(row["step"], int(place) + 1 if ends else 0)
    return ForeignLog(curves_of(steps, epochs))


def _of_epochs(scalars: dict[str, Points], names: dict[str, Figure]) -> set[str]:
    sure = {tag for tag, each in names.items() if _says_epoch(each)}
    count = max((len(scalars[tag]) for tag in sure), default=0)
    unsaid = {tag for tag, each in names.items() if not each.span and tag not in sure}
    return sure | {tag for tag in unsaid if len(scalars[tag]) <= count}


def _says_epoch(each: Figure) -> bool:
    return each.span == "epoch" or (not each.span and each.side in ("val", "test"))


def _rows(scalars: dict[str, Points], names: dict[str, Figure], start: float) -> list[Any]:
    """Returns one row a step; of two scalars for one figure the first wins."""
    rows: dict[int, dict[str, Any]] = defaultdict(dict)
    for tag, points in scalars.items():
        column = names[tag].column
        for step, time, value in points:
            row = rows[step]
            row.setdefault(column, value)
            row["time"] = max(time, row.get("time", time))
    for step, row in rows.items():
        row["step"] = step
        row["seconds"] = row["time"] - start
    return [rows[step] for step in sorted(rows)]


def _scalars(folder: Path) -> dict[str, Points]:
    try:
        from tensorboard.backend.event_processing import event_accumulator as reader
        from tensorboard.util.tensor_util import make_ndarray
    except ImportError as error:
        raise RunError(
            f"{folder.name} holds TensorBoard event files; to read them install it: "
            "pip install tensorboard."
        ) from error
    kinds = {reader.SCALARS: 0, reader.TENSORS: 0}  # 0 keeps all, others thin out
    unwanted = (reader.IMAGES, reader.AUDIO, reader.HISTOGRAMS, reader.COMPRESSED_HISTOGRAMS)
    try:
        events = reader.EventAccumulator(str(folder), kinds | dict.fromkeys(unwanted, 1)).Reload()
        tags = events.Tags()
        found = {tag: _points(events.Scalars(tag)) for tag in tags["scalars"]}
        plugin = set(events.PluginTagToContent("scalars")) if tags["tensors"] else set()
        for tag in tags["tensors"]:
            if tag in plugin:  # newer writers keep a scalar as a tensor of one number
                points = events.Tensors(tag)
                found[tag] = [
                    (p.step, p.wall_time, float(make_ndarray(p.tensor_proto))) for p in points
                ]
    except Exception as error:  # protobuf and TensorBoard have no common error
        raise RunError(f"The event files in {folder} can't be read: {reason(error)}.") from error
    return found


def _points(events: Iterable[Any]) -> Points:
    return [(event.step, event.wall_time, float(event.value)) for event in events]
