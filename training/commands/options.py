"""What several commands share: how data folders are read, files written, progress shown."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from core.errors import DataError, reason
from training.data.folder import Reading


@contextmanager
def terminated_like_ctrl_c() -> Iterator[None]:
    """Turns SIGTERM into KeyboardInterrupt, so that a stopped command leaves things in order."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises a DataError that names the file where what is done inside can't write it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} can't be written ({reason(error)}).") from error


def add_checkpoints(parser: argparse.ArgumentParser, use: str) -> None:
    """Declares --checkpoint C [C ...], which may be given again; `use` says what several do."""
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="C",
        help=f"file, or a run's folder; {use}",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Declares --car-rule, --cars, --class, --inverted-masks and --leave-out."""
    parser.add_argument(
        "--car-rule",
        default="",
        metavar="RE",
        help='regular expression whose group "car" finds the car in a photo\'s name '
        '(default: the part before the first "_")',
    )
    parser.add_argument(
        "--cars", type=Path, metavar="CSV", help="file with the columns image and car"
    )
    parser.add_argument(
        "--class",
        "--classes",  # as `fit` calls it
        dest="classes",
        action="append",
        default=[],
        metavar="NAME",
        help="category (COCO) or class (VOC) that is a car, or its number or colour (64,0,128) in "
        "masks with a file each, or all; FOLDER=NAME for one data folder; give more than one to "
        "join them",
    )
    parser.add_argument(
        "--inverted-masks",
        dest="inverted",
        action="append",
        default=[],
        metavar="FOLDER",
        help="name of a data folder whose masks are the wrong way round: bright beside the car",
    )
    parser.add_argument(
        "--leave-out",
        dest="left_out",
        action="append",
        default=[],
        metavar="PHOTO",
        help="name of a photo to pass over, or FOLDER/NAME, such as one that can't be read",
    )


def reading_of(options: argparse.Namespace) -> Reading:
    """Returns how the data folders are to be read."""
    return Reading(
        classes=tuple(options.classes),
        car_rule=options.car_rule,
        cars=options.cars,
        inverted=tuple(options.inverted),
        left_out=tuple(options.left_out),
    )


@contextmanager
def counting_bar(what: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """Gives a function of (done, total) that draws a progress bar on standard error.

    Args:
        what: What is done, before the bar.
        unit: What is counted; if given, the bar says how many a second.
    """
    more = [_Speed(unit)] if unit else []
    with _bar(*more, TimeRemainingColumn()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def training_bar() -> Iterator[Callable[[Any], None]]:
    """Gives a function of a training's Progress that draws a bar with loss, Dice and speed.

    The bar is of the epoch's training or validation, the time left of the whole run.
    """
    with _bar(TextColumn("{task.fields[left]}")) as bar:
        task = bar.add_task("read the data", total=None, left="")

        def show(at: Any) -> None:
            if at.done <= bar.tasks[0].completed:
                bar.reset(task)
            bar.update(
                task, description=_words(at), completed=at.done, total=at.total, left=_left(at)
            )

        yield show


def _words(at: Any) -> str:
    """Returns "epoch 2/10 train, loss 0.0312, Dice 0.9871, 7.5 images/s"."""
    epoch = f"{at.epoch}/{at.epochs}" if at.epochs else f"{at.epoch}"
    loss = f", loss {at.loss:.4f}" if at.loss else ""
    dice = "" if at.dice is None else f", Dice {at.dice:.4f}"
    speed = f", {at.images_per_second:.1f} images/s" if at.phase == "train" else ""
    return f"epoch {epoch} {at.phase}{loss}{dice}{speed}"


def _left(at: Any) -> str:
    """Returns the time that the rest of the run takes at the pace so far."""
    if not at.share:
        return ""
    minutes, seconds = divmod(round(at.seconds * (1 - at.share) / at.share), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} left"


class _Speed(ProgressColumn):
    """How many are done a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f} {self._unit}/s")


def _bar(*more: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *more,
        console=Console(stderr=True),
    )
