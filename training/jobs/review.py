"""Reviews that a page starts and watches: the command that a person would type."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from training.data.folder import Reading
from training.jobs.job import job_folder, start_job


@dataclass(frozen=True)
class ReviewRequest:
    """What is reviewed by which networks; two equal ones are the same job, with one folder."""

    data: tuple[Path, ...] = ()
    """Folders of labelled photos; none where `photos` is given."""
    photos: Path | None = None
    """A folder of photos without labels."""
    checkpoints: tuple[Path, ...] = ()
    reading: Reading = field(default_factory=Reading)
    folds: int | None = None
    device: str = "auto"

    @property
    def folder(self) -> Path:
        """Where its process reports, and its rows lie."""
        return job_folder("reviews", self.arguments())

    def arguments(self) -> list[str]:
        """Returns the command line after `python -m training`, with whole paths."""
        words = ["review"]
        for path in self.data:
            words += ["--data", str(path.resolve())]
        words += ["--photos", str(self.photos.resolve())] if self.photos else []
        if self.checkpoints:
            words += ["--checkpoint", *(str(path.resolve()) for path in self.checkpoints)]
        words += ["--folds", str(self.folds)] if self.folds is not None else []
        return [*words, "--device", self.device, *self.reading.arguments()]


def start_review(request: ReviewRequest) -> None:
    """Starts a process that reviews, or goes on; it outlives the page's server.

    Raises:
        RunError: It is under way already, or the cache's folder can't be written.
    """
    start_job(request.folder, [*request.arguments(), "--out", str(request.folder)])
