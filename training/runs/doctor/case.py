"""A run as the doctor sees it: its curves, its masks, and what a series of figures does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError
from core.files import Facts, read_facts
from training.config import TrainConfig
from training.runs.curves import Curves
from training.runs.runlog import read_config
from training.runs.summary import RunSummary


@dataclass(frozen=True)
class OddMasks:
    """One way in which some masks are odd."""

    title: str
    """How many of what."""
    names: tuple[str, ...]
    """The photos that they belong to."""
    advice: str
    """What it means and what to do."""


@dataclass(frozen=True)
class MaskLook:
    """What was seen of the masks of a training."""

    looked_at: int
    odd: tuple[OddMasks, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns it for a run's environment.json."""
        return asdict(self)


NOT_SEEN = MaskLook(0)
"""Nobody looked."""


_FROM_SCRATCH = 0.3
"""A foreign run whose loss begins above it is taken to have begun from scratch."""


@dataclass(frozen=True, eq=False)
class Case:
    """A run at one moment."""

    summary: RunSummary
    curves: Curves
    config: TrainConfig | None = None
    """Its settings; None for a foreign run, and where they can't be read."""
    masks: MaskLook = NOT_SEEN
    """What the trainer saw of the masks before it began."""

    @property
    def steps(self) -> int:
        """Optimiser steps done."""
        return self.summary.step

    @property
    def from_scratch(self) -> bool:
        """Whether it began with weights that had learned nothing."""
        if self.config is not None:
            return not self.config.start_from
        tables = self.curves.steps["loss"].dropna(), self.curves.epochs["loss"].dropna()
        return any(float(losses.iloc[0]) > _FROM_SCRATCH for losses in tables if len(losses))

    @property
    def top_rate(self) -> float | None:
        """The highest learning rate so far; None where nobody wrote it."""
        if self.config is not None:
            return self.config.learning_rate
        rates = self.curves.steps["learning_rate"].dropna()
        return float(rates.max()) if len(rates) else None


def case_of(summary: RunSummary, curves: Curves) -> Case:
    """Returns a run's case: what was read of it already, and its settings."""
    try:
        config = read_config(summary.folder)
    except (RunError, OSError):
        config = None
    environment = read_facts(summary.folder / "environment.json", _EnvironmentFile).facts
    return Case(summary, curves, config, environment.masks)


class _EnvironmentFile(Facts):
    """What matters of environment.json."""

    masks: MaskLook = NOT_SEEN


_BLOCKS = 12
"""Into how many blocks a whole training is cut at most."""
_STEP_LINES, _EPOCHS, _EPOCHS_ALONE = 15, 8, 4
"""Figures that tell a trend: lines of steps, epochs beside these, epochs where there are none."""
_IN_A_BLOCK = 5
"""Step lines in a block at least: each is the loss of a single step."""


@dataclass(frozen=True)
class Trend:
    """A training's loss in a few blocks, each the mean of as many figures."""

    began: float
    """Mean of its first figures."""
    blocks: tuple[float, ...]
    """The last of them ends with the newest figure."""

    @property
    def now(self) -> float:
        """The newest block."""
        return self.blocks[-1]

    @property
    def lowest(self) -> float:
        """The lowest block."""
        return min(self.blocks)


def loss_trend(curves: Curves) -> Trend | None:
    """Returns the trend of the training loss; None where it is too early to tell.

    Epochs are means already and come first; where they are few, lines of steps are taken.
    """
    epochs, steps = _finite(curves.epochs["loss"]), _finite(curves.steps["loss"])
    if len(epochs) >= (_EPOCHS if len(steps) else _EPOCHS_ALONE):
        return _trend(epochs, 1, 1)
    return _trend(steps, _IN_A_BLOCK, 3) if len(steps) >= _STEP_LINES else None


def _trend(losses: NDArray[np.float64], least: int, first: int) -> Trend:
    size = max(least, len(losses) // _BLOCKS)
    whole = losses[len(losses) % size :].reshape(-1, size)
    return Trend(float(losses[:first].mean()), tuple(float(mean) for mean in whole.mean(axis=1)))


def _finite(column: object) -> NDArray[np.float64]:
    values = np.asarray(column, np.float64)
    return values[np.isfinite(values)]
