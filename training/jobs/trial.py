"""Trials: what a training will cost, from a few steps in a process of its own.

torch so never comes into the page's server, and a trial that takes all the memory ends alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from training.config import TrainConfig
from training.jobs.job import job_folder, read_job, start_job, stop_job
from training.jobs.launch import settings_options

_LONGEST = 300.0
"""Seconds after which a trial is given up."""


@dataclass(frozen=True)
class Cost:
    """What a training costs, measured on this machine."""

    seconds_per_image: float = 0.0
    peak_bytes: int = 0
    """Most memory that the trainer held."""
    images_per_epoch: int = 0
    failure: str = ""
    """Why it could not be measured."""

    @property
    def seconds_per_epoch(self) -> float:
        """Time of an epoch's training; validation comes on top."""
        return self.seconds_per_image * self.images_per_epoch


@dataclass(frozen=True)
class Trial:
    """A trial of settings; ask it for its cost now and then."""

    config: TrainConfig
    created: float = field(default_factory=time.monotonic, compare=False)

    @property
    def folder(self) -> Path:
        """Where it reports."""
        return job_folder("trials", self._arguments())

    def start(self) -> None:
        """Starts its process; raises a RunError where that can't be."""
        start_job(self.folder, [*self._arguments(), "--job", str(self.folder)])

    def cost(self) -> Cost | None:
        """Returns the cost; None while it is being measured."""
        status = read_job(self.folder)
        if status.running:
            if time.monotonic() - self.created < _LONGEST:
                return None
            self.stop()
            return Cost(failure=f"No step was done within {_LONGEST:.0f} s.")
        if not status.finished:
            return Cost(failure=status.message or "The trial was stopped.")
        try:
            return Cost(**{name: status.facts[name] for name in _MEASURED})
        except KeyError:
            return Cost(failure="The trial ended without figures.")

    def stop(self) -> None:
        """Ends the trial, if it still goes on."""
        stop_job(self.folder)

    def _arguments(self) -> list[str]:
        return ["trial", *settings_options(self.config)]


_MEASURED = ("seconds_per_image", "peak_bytes", "images_per_epoch")
