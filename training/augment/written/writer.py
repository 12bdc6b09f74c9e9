"""Augmented sets: folders of pictures made from a dataset by a recipe, with a manifest.

Which pictures come out depends on the data, the recipe, the seed and the numbers alone, never on
processes, interruptions or restarts: version v of photo i is what the recipe makes of
(seed, epoch v, index i).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError, reason
from training.augment.written.folder import AugmentedFolder, Part, is_failure
from training.augment.written.settings import AugmentJob, check_folder, settings_of
from training.augment.written.status import facts_of
from training.data.folder import Dataset, open_dataset
from training.jobs.job import JobState, job_at

Progress = Callable[[int, int], None]
_GO_ON = "pictures are done and whole; the same command goes on from there"


@dataclass(frozen=True)
class Written:
    """What is in the folder of an augmented set now."""

    out: Path
    images: int
    """Pictures in the folder."""
    total: int
    """Pictures when all photos are done, those that can't be read included."""
    made: int
    """Pictures that this call made; the others were there already."""
    unreadable: tuple[str, ...]
    """Names of the photos that could not be read; they are left out."""
    finished: bool
    """False if it was stopped."""


def write_augmented(
    job: AugmentJob,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Written:
    """Writes an augmented set, or goes on with one, and returns what is there.

    Args:
        job: What to make.
        progress: Called with (pictures done, pictures in all) after each photo.
        stop: Asked after each photo whether to stop.

    Raises:
        ConfigError: The folder holds a set with other settings, or lies in the data.
        DataError: The data can't be opened, the folder holds other files, the disk is full, or a
            worker process died. What was made so far stays and is a whole part of the set.
        RunError: Another process writes to the folder.
        KeyboardInterrupt: As it came; what was made so far stays.
    """
    dataset = open_dataset(job.data, job.reading)
    settings = settings_of(job, dataset)
    check_folder(job, settings)  # before a lock makes it a folder that is not empty
    with job_at(job.out, facts_of(job)) as state:
        check_folder(job, settings)
        writer = _Writer(job, dataset, AugmentedFolder(job, settings), state)
        try:
            writer.run(progress or (lambda done, total: None), stop or (lambda: False))
        except (OSError, BrokenProcessPool) as error:
            raise DataError(
                f"{_trouble(job, error)} {writer.done:,} of {writer.total:,} {_GO_ON}."
            ) from error
        written = writer.written()
        if not written.finished:
            state.say("stopped", "Stopped; start it again to go on.")
        return written


class _Writer:
    """One call of `write_augmented`."""

    def __init__(
        self, job: AugmentJob, dataset: Dataset, folder: AugmentedFolder, state: JobState
    ) -> None:
        self.job = job
        self.samples = dataset.samples
        self.folder = folder
        self.total = len(dataset.samples) * len(job.versions)
        self.state = state
        self.part = self.before = Part()

    @property
    def done(self) -> int:
        """Pictures done, those of unreadable photos included."""
        return self.part.photos * len(self.job.versions)

    def run(self, progress: Progress, stop: Callable[[], bool]) -> None:
        self.part = self.before = self.folder.prepare(self.samples)
        self._show(progress)
        if self.part.photos < len(self.samples) and not stop():
            self._make(progress, stop)

    def written(self) -> Written:
        return Written(
            self.job.out,
            self.part.images,
            self.total,
            self.part.images - self.before.images,
            self.part.unreadable,
            self.part.photos == len(self.samples),
        )

    def _make(self, progress: Progress, stop: Callable[[], bool]) -> None:
        from training.augment.written.worker import make_pictures  # albumentations takes seconds

        todo = ((i, self.samples[i]) for i in range(self.part.photos, len(self.samples)))
        workers = self.job.workers or _processors()
        with closing(make_pictures(self.job, todo, min(workers, len(self.samples)))) as made:
            for lines in made:
                self.folder.append(lines)
                self._count(lines)
                self._show(progress)
                if stop():
                    break

    def _count(self, lines: list[str]) -> None:
        failed = is_failure(lines[0])
        name = self.samples[self.part.photos].name
        self.part = Part(
            self.part.photos + 1,
            self.part.images + (0 if failed else len(lines)),
            self.part.unreadable + ((name,) if failed else ()),
        )

    def _show(self, progress: Progress) -> None:
        self.state.progress(self.done, self.total)
        progress(self.done, self.total)


def _processors() -> int:
    """Returns how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _trouble(job: AugmentJob, error: Exception) -> str:
    """Returns why the writing ended, and what to do first."""
    if isinstance(error, BrokenProcessPool):
        return "A worker process died (out of memory, or killed); try fewer --workers."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {job.out} is full ({reason(error)}); make room."
    return f"{job.out} can't be written ({reason(error)})."
