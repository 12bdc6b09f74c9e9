"""A trial step in a process of its own: what a training will cost, before it starts.

torch so never comes into the page's server, and a trial that takes all the memory ends alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from training.config import TrainConfig
from training.jobs.detached import detached
from training.jobs.launch import settings_options, why_it_ended

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


class TrialProcess:
    """One trial; ask it for its result now and then."""

    def __init__(self, config: TrainConfig) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="carmask-trial-")
        self._output = Path(self._folder.name) / "output.txt"
        command = [sys.executable, "-m", "training", "trial", *settings_options(config), "--json"]
        self._process = detached(command, self._output)
        self._until = time.monotonic() + _LONGEST
        self._cost: Cost | None = None

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    def result(self) -> Cost | None:
        """Returns the cost; None while it is being measured."""
        if self._cost is None:
            status = self._process.poll()
            if status is None and time.monotonic() < self._until:
                return None
            self._cost = self._read(status)
            self.stop()
        return self._cost

    def stop(self) -> None:
        """Ends the trial, if it still goes on."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _read(self, status: int | None) -> Cost:
        if status is None:
            return Cost(failure=f"No step was done within {_LONGEST:.0f} s.")
        said = self._output.read_text(encoding="utf-8", errors="replace").strip()
        if status:
            return Cost(failure=why_it_ended(status, said) or "The trial was stopped.")
        try:
            values = json.loads(said.splitlines()[-1])
            return Cost(**{name: values[name] for name in _MEASURED})
        except (ValueError, KeyError, IndexError, TypeError):
            return Cost(failure=f"The trial ended without figures: {said[-300:]}")


_MEASURED = ("seconds_per_image", "peak_bytes", "images_per_epoch")
