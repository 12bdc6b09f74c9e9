"""Where a training's loss goes, seen through the noise of single batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.runs.curves import Curves

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
