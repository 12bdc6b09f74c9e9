"""What the doctor looks at: one run as its folder shows it, our own or a foreign one."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import RunError
from core.files import Facts, read_facts
from training.config import TrainConfig
from training.runs.curves import Curves
from training.runs.doctor.masks import NOT_SEEN, MaskLook
from training.runs.runlog import read_config
from training.runs.summary import RunSummary

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
