"""TensorBoard's event files: their scalars, read by TensorBoard itself where it is installed.

A scalar is of epochs where its name ends in "_epoch" or it has a side other than training, and
where it has no more values than those; the rest is of steps. A writer may use the epoch as the
step, see `counts_epochs`; then every scalar with no more values than epochs is of epochs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RunError, reason
from training.runs.curves import curves_of
from training.runs.foreign.log import Figure, ForeignLog, figures, one_a_validation, side_of
from training.runs.foreign.restarts import Point, counts_epochs, number_epochs, points_that_count

Scalars = dict[str, list[Point]]
"""The points of each scalar, sorted by step; one a step."""


def find(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Returns the event files of a folder."""
    return tuple(folder / name for name in sorted(names) if "events.out.tfevents." in name)


def read(paths: tuple[Path, ...]) -> ForeignLog:
    """Returns the curves of a folder's event files: of each scalar, what was written last.

    Raises:
        RunError: TensorBoard is not installed, or can read none of them.
    """
    files, unread = _read_all(paths)
    names = figures(
        {point.tag for each in files for point in each.points}, side_of(paths[0].parent.name)
    )
    points, remark = points_that_count(
        session for each in _in_order(files) for session in _sessions(each.points, names)
    )
    by_step: dict[str, dict[int, Point]] = defaultdict(dict)
    for point in points:
        by_step[point.tag][point.step] = point
    scalars = {tag: [found[step] for step in sorted(found)] for tag, found in by_step.items()}
    log = _log(scalars, names)
    return replace(log, remark=" ".join(filter(None, (unread, remark, log.remark))))


def _log(scalars: Scalars, names: dict[str, Figure]) -> ForeignLog:
    numbers = {point.step: int(point.value) + 1 for point in scalars.pop("epoch", [])}
    start = min((point.time for points in scalars.values() for point in points), default=0.0)
    of_epochs = _of_epochs(scalars, names)
    ends = _steps(scalars, of_epochs)
    trained = _steps(scalars, scalars.keys() - of_epochs)
    by_epoch = not numbers and counts_epochs(ends, trained)
    remark = ""
    if by_epoch:
        last = ends[-1] + max(map(int, np.diff(ends)), default=ends[-1])
        of_epochs |= {
            tag
            for tag, points in scalars.items()
            if names[tag].span != "step" and points[-1].step <= last
        }
        if len(ends) != ends[-1] - ends[0] + 1:
            remark = "Its steps are taken for epochs: that is a guess, as some have no validation."
    epochs = _rows({tag: scalars[tag] for tag in of_epochs}, names, start)
    steps = _rows({tag: scalars[tag] for tag in scalars if tag not in of_epochs}, names, start)
    if by_epoch:
        _count_steps(epochs, steps)
    else:
        of_ends, of_steps = number_epochs(
            [row["step"] for row in epochs], [row["step"] for row in steps]
        )
        for row, epoch in zip([*epochs, *steps], [*of_ends, *of_steps], strict=True):
            row["epoch"] = numbers.get(row["step"], epoch)
    return ForeignLog(curves_of(steps, one_a_validation(epochs)), remark=remark)


def _count_steps(epochs: list[dict[str, Any]], steps: list[dict[str, Any]]) -> None:
    """Writes the epochs of a log whose validation counts epochs.

    Training that counts batches is brought together with it by the time of writing.
    """
    first = epochs[0]["step"] == 0
    for row in epochs:
        row["epoch"] = row["step"] + first
    if not steps:
        return
    ends = np.maximum.accumulate([row["time"] for row in epochs])
    written = np.maximum.accumulate([row["time"] for row in steps])
    for row, place in zip(steps, np.searchsorted(ends, written), strict=True):
        row["epoch"] = epochs[place]["epoch"] if place < len(epochs) else epochs[-1]["epoch"] + 1
    for row, count in zip(epochs, np.searchsorted(written, ends, side="right"), strict=True):
        row["step"] = steps[count - 1]["step"] if count else 0


def _of_epochs(scalars: Scalars, names: dict[str, Figure]) -> set[str]:
    sure = {tag for tag in scalars if _says_epoch(names[tag])}
    count = max((len(scalars[tag]) for tag in sure), default=0)
    unsaid = {tag for tag in scalars if not names[tag].span and tag not in sure}
    return sure | {tag for tag in unsaid if len(scalars[tag]) <= count}


def _says_epoch(each: Figure) -> bool:
    return each.span == "epoch" or (not each.span and each.side in ("val", "test"))


def _steps(scalars: Scalars, tags: Iterable[str]) -> list[int]:
    return sorted({point.step for tag in tags for point in scalars[tag]})


def _rows(scalars: Scalars, names: dict[str, Figure], start: float) -> list[dict[str, Any]]:
    """Returns one row a step; of two scalars for one figure the first wins."""
    rows: dict[int, dict[str, Any]] = defaultdict(dict)
    for tag, points in scalars.items():
        for point in points:
            row = rows[point.step]
            row.setdefault(names[tag].column, point.value)
            row["time"] = max(point.time, row.get("time", point.time))
    for step, row in rows.items():
        row["step"] = step
        row["seconds"] = row["time"] - start
    return [rows[step] for step in sorted(rows)]


@dataclass(frozen=True)
class _EventFile:
    """The scalars of one file, in the order of writing."""

    name: str
    begun: float
    """When its writer was opened, in seconds since 1970."""
    points: list[Point]


def _in_order(files: Sequence[_EventFile]) -> list[_EventFile]:
    """Returns files in the order of writing.

    That is by the time of their values, unless they were written at the same time or with a clock
    that was made up; then it is by when they were opened.
    """
    opened = sorted(files, key=lambda each: (each.begun, _natural(each.name)))
    written = sorted(opened, key=lambda each: each.points[0].time)
    apart = all(a.points[-1].time <= b.points[0].time for a, b in pairwise(written))
    return written if apart else opened


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns a key by which "9" stands before "10"."""
    return [(int(part or 0), text) for text, part in re.findall(r"(\D*)(\d*)", name)]


def _sessions(points: Sequence[Point], names: dict[str, Figure]) -> list[list[Point]]:
    """Returns a file's points, divided where a scalar is written again for an earlier step."""
    sessions: list[list[Point]] = [[]]
    reached: dict[str, int] = {}
    known: set[tuple[str, int]] = set()
    for point in points:
        place = (point.tag, point.step)
        if place in known and point.step < reached[point.tag]:
            sessions.append([])
            reached, known = {}, set()
        known.add(place)
        reached[point.tag] = max(point.step, reached.get(point.tag, point.step))
        sessions[-1].append(replace(point, trains=names[point.tag].trains))
    return sessions


def _read_all(paths: tuple[Path, ...]) -> tuple[list[_EventFile], str]:
    """Returns the files that hold scalars, and what could not be read."""
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
        from tensorboard.util.tensor_util import make_ndarray
    except ImportError as error:
        raise RunError(
            f"{paths[0].parent.name} holds TensorBoard event files; to read them install it: "
            "pip install tensorboard."
        ) from error
    files, errors = [], []
    for path in paths:
        try:
            files.append(_read(path.name, EventFileLoader(str(path)).Load(), make_ndarray))
        except Exception as error:  # protobuf and TensorBoard have no common error
            errors.append(f"{path.name} can't be read: {reason(error)}.")
    if errors and not files:
        raise RunError(" ".join(errors))
    return [each for each in files if each.points], " ".join(errors)


def _read(name: str, events: Iterable[Any], number_of: Callable[[Any], Any]) -> _EventFile:
    begun, points = 0.0, []
    scalars: set[str] = set()  # later values of a tag need not say again what it is
    for event in events:
        begun = begun or event.wall_time
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                scalars.add(value.tag)
            if value.tag in scalars and value.WhichOneof("value") == "tensor":
                number = float(number_of(value.tensor))
                points.append(Point(value.tag, event.step, number, event.wall_time))
    return _EventFile(name, begun, points)
