"""The summary of a run, and the statuses that a run can have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from core.metric_table import METRICS
from core.split_verdict import UNKNOWN, SplitVerdict

WrittenStatus = Literal["running", "finished", "stopped", "failed"]
"""What a run's own state.json can say."""
Status = Literal[WrittenStatus, "queued", "starting", "crashed", "missing", "unknown"]
"""What can be said of a run: "queued" before its turn, "starting" until its first state, "crashed"
where it says running and nobody holds its lock, "missing" where there is no such run, "unknown"
where nothing tells. A run that was told to stop is "running" until it has saved its state."""
ALIVE = ("starting", "running")
"""Statuses of a run that a trainer works on."""
CHANGING = ("queued", *ALIVE)
"""Statuses that change by themselves."""


@dataclass(frozen=True)
class Scores:
    """Validation figures of one epoch, over all validation photos."""

    epoch: int
    figures: Mapping[str, float] = field(default_factory=dict, hash=False)
    """By metric; what was not measured is left out."""

    @classmethod
    def read(cls, epoch: int, values: Mapping[str, Any]) -> Scores:
        """Returns the scores that are known, of metrics by name; the rest is left aside."""
        figures = {metric.name: finite(values.get(metric.name)) for metric in METRICS}
        return cls(epoch, {name: value for name, value in figures.items() if value is not None})

    def get(self, name: str) -> float | None:
        """Returns the figure of a metric; None: not measured."""
        return self.figures.get(name)

    @property
    def rank(self) -> tuple[float, float]:
        """What the best epoch has most of: Dice; where no Dice was measured, IoU."""
        return self.figures.get("dice", -1.0), self.figures.get("iou", -1.0)


@dataclass(frozen=True)
class RunSummary:
    """One run in a list; what its files do not say is None, 0 or empty."""

    name: str
    """Its folder, seen from the folder of runs."""
    folder: Path
    written_by: str = "carmask"
    """"carmask", or the format of a foreign log: "lightning", "tensorboard", "csv", "text"."""
    status: Status = "unknown"
    message: str = ""
    """Why it ended, where it failed or crashed."""
    cause: str = ""
    """The kind of a failure, where it is known: "diverged", "memory" or "killed"."""
    epoch: int = 0
    """Epochs finished."""
    epochs: int = 0
    """Epochs asked for."""
    step: int = 0
    """Optimiser steps done."""
    images: int = 0
    """Training samples seen."""
    share: float = 0.0
    """How much of the training is done, in [0, 1]."""
    started: datetime | None = None
    """First line of the log, UTC."""
    updated: datetime | None = None
    """Last sign of life, UTC."""
    seconds: float | None = None
    """Time spent on training and validation, over all sessions."""
    best: Scores | None = None
    """Of the epoch with the highest Dice."""
    last: Scores | None = None
    """Of the last epoch that was validated."""
    device: str = ""
    """"cpu", "cuda:0", ..."""
    device_name: str = ""
    data: tuple[str, ...] = ()
    """Names of the data folders."""
    verdict: SplitVerdict = UNKNOWN
    """Whether its figures can be trusted; "unknown" where its files hold no verdict."""
    seed: int | None = None
    parameters: int | None = None
    """Parameters of the network."""
    error: str = ""
    """What could not be read, and why; the rest stands."""
    remark: str = ""
    """Of a foreign log: what was guessed, and what was left out and why."""

    @property
    def verdict_on_figures(self) -> SplitVerdict | None:
        """The verdict; None of a run that has neither figures nor a split yet."""
        begun = self.step or self.best or self.verdict != UNKNOWN
        return self.verdict if begun else None

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the highest validation Dice."""
        return self.best.epoch if self.best else None


def finite(value: Any) -> float | None:
    """Returns a number of a file; None for everything else, NaN included."""
    known = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if known else None
