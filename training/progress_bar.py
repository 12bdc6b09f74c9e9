"""Progress bars of the command line, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def counting_bar(what: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """Gives a function of (done, total) that draws a progress bar on standard error.

    Args:
        what: What is done, before the bar.
        unit: What is counted; if given, the bar says how many a second.
    """
    with _bar(*([_Speed(unit)] if unit else [])) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def training_bar() -> Iterator[Callable[[Any], None]]:
    """Gives a function of a training's Progress that draws a bar with loss and Dice."""
    with _bar() as bar:
        task = bar.add_task("read the data", total=None)

        def show(at: Any) -> None:
            dice = "" if at.dice is None else f", Dice {at.dice:.4f}"
            loss = f", loss {at.loss:.4f}" if at.loss else ""
            what = f"epoch {at.epoch}/{at.epochs} {at.phase}{loss}{dice}"
            if at.done <= bar.tasks[0].completed:
                bar.reset(task)
            bar.update(task, description=what, completed=at.done, total=at.total)

        yield show


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
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
