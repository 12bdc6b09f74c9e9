"""The runs that there are, each with what a person noted on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashboard.ui.folders import runs_folder
from training.runs.listing import EXPERIMENT, list_runs
from training.runs.notes import RunNotes, notes_with_error
from training.runs.summary import ALIVE, RunSummary


@dataclass(frozen=True)
class Listed:
    """One run of the list."""

    summary: RunSummary
    notes: RunNotes

    @property
    def name(self) -> str:
        """Its folder, which the URL names."""
        return self.summary.name

    @property
    def title(self) -> str:
        """How a person calls it."""
        return self.notes.title or self.summary.name

    @property
    def alive(self) -> bool:
        """Whether a trainer works on it now."""
        return self.summary.status in ALIVE

    @property
    def ships(self) -> bool:
        """Whether it came with Carmask."""
        return self.name.startswith(("carmask-", EXPERIMENT))


def listed_runs() -> list[Listed]:
    """Returns all runs, the one that started last first.

    Raises:
        RunError: The folder of runs can't be read.
    """
    return [_listed(each) for each in list_runs(runs_folder())]


def _listed(summary: RunSummary) -> Listed:
    notes, error = notes_with_error(summary.folder)
    errors = " ".join(filter(None, (summary.error, error)))
    return Listed(replace(summary, error=errors), notes)


def progress(summary: RunSummary) -> str:
    """Returns how far a run came: "epoch 3 of 10", "step 40"."""
    if summary.epoch or summary.epochs:
        of = f" of {summary.epochs}" if summary.epochs else ""
        return f"epoch {summary.epoch}{of}"
    return f"step {summary.step:,}" if summary.step else ""
