"""Evaluations that a page starts and watches: the command that a person would type.

They are done one after the other, so that two of them never compute the same thing, nor take each
other's processors.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from training.data.folder import Reading
from training.evaluation.images import Part
from training.jobs.job import LOCK, JobState, job_at, job_folder, start_job


@dataclass(frozen=True)
class EvaluationRequest:
    """What a page asks for; two equal ones are the same job."""

    checkpoints: tuple[Path, ...]
    data: tuple[Path, ...]
    reading: Reading = field(default_factory=Reading)
    split: Path | None = None
    """A run's split.json; needed for parts other than "all"."""
    part: Part = "all"
    threshold: float | None = None
    """None takes each checkpoint's own."""
    tta: bool = False
    """Whether each is also scored with the mirrored photo."""
    ensemble: bool = False
    """Whether the mean of all checkpoints is scored, too."""
    cascade: bool = False
    """Whether the first checkpoint is scored with the second one as its fallback, and nothing
    else."""
    cost: bool = False
    """Whether speed and memory are measured, too."""
    device: str = "auto"

    @property
    def folder(self) -> Path:
        """Where its process reports."""
        return job_folder("evaluations", self.arguments())

    def arguments(self) -> list[str]:
        """Returns the command line after `python -m training`, with whole paths."""
        words = ["evaluate", "--cascade" if self.cascade else "--checkpoint"]
        words += [str(path.resolve()) for path in self.checkpoints]
        for path in self.data:
            words += ["--data", str(path.resolve())]
        words += self.reading.arguments()
        if self.split is not None and self.part != "all":
            words += ["--split", str(self.split.resolve())]
        words += ["--part", self.part, "--device", self.device]
        words += [] if self.threshold is None else ["--threshold", str(self.threshold)]
        flags = {"--tta": self.tta, "--ensemble": self.ensemble, "--cost": self.cost}
        return words + [flag for flag, wanted in flags.items() if wanted]


def start_evaluation(request: EvaluationRequest) -> None:
    """Starts a process that evaluates, or goes on; it outlives the page's server.

    Raises:
        RunError: It is under way already, or the cache's folder can't be written.
    """
    start_job(request.folder, [*request.arguments(), "--job", str(request.folder)])


def evaluation_at(folder: Path) -> AbstractContextManager[JobState]:
    """Gives what a request's process reports to, once no other one is under way."""
    return job_at(folder, turn=folder.parent / LOCK)
