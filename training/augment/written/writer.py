"""Augmented sets: folders of pictures made from a dataset by a recipe, with a manifest.

Which pictures come out depends on the data, the recipe, the seed and the numbers alone, never on
processes, interruptions or restarts: version v of photo i is what the recipe makes of
(seed, epoch v, index i).

out/augment.json says what the set is made from and how, out/manifest.jsonl has one line a picture
in the source's order, out/images/ and out/masks/ hold the pictures. Beside them stand the files of
a job (see `training.jobs.job`) and, if a page started it, recipe.json; these are no part of the
set.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import DataError, reason
from core.files import parse_json, write_bytes_atomically
from training.augment.written.settings import (
    IMAGES,
    MANIFEST,
    MASKS,
    SETTINGS,
    AugmentJob,
    check_folder,
    is_temporary,
    settings_of,
)
from training.augment.written.status import facts_of
from training.data.folder import Dataset, Sample, open_dataset
from training.jobs.job import JobState, job_at
from training.jobs.workers import WorkerDiedError


@dataclass(frozen=True)
class Part:
    """What stands already of a set: the pictures of the first photos, whole."""

    photos: int = 0
    """Photos that are done."""
    images: int = 0
    """Pictures in the folder."""
    unreadable: tuple[str, ...] = ()
    """Photos that could not be read."""
    size: int = 0
    """Length of their manifest lines in bytes."""


class AugmentedFolder:
    """An augmented set's folder, held by its writer."""

    def __init__(self, job: AugmentJob, settings: dict[str, Any]) -> None:
        """Writes augment.json where there is none; raises a DataError where it can't."""
        self.out = job.out
        self.versions = job.versions
        self.manifest = job.out / MANIFEST
        text = json.dumps(settings, indent=1) + "\n"
        try:
            if not (job.out / SETTINGS).exists():
                write_bytes_atomically(job.out / SETTINGS, text.encode())
        except OSError as error:
            raise DataError(f"{job.out} can't be written ({reason(error)}).") from error

    def prepare(self, samples: Sequence[Sample]) -> Part:
        """Returns what stands already, and removes what an interrupted writer left behind it.

        A photo counts if the manifest names all its pictures and all of their files are there.
        """
        for folder in (IMAGES, MASKS):
            (self.out / folder).mkdir(exist_ok=True)
        present = self._present()
        part = self._complete(samples, present) if self.manifest.exists() else Part()
        with self.manifest.open("ab") as file:
            file.truncate(part.size)
        return part

    def append(self, lines: Sequence[str]) -> None:
        """Appends the lines of one photo to the manifest, all of them or none.

        Raises:
            OSError: The disk is full, or fails.
        """
        data = "".join(f"{line}\n" for line in lines).encode()
        with self.manifest.open("ab", buffering=0) as file:
            start = file.tell()
            try:
                while data:
                    data = data[file.write(data) :]
            except OSError:
                with suppress(OSError):
                    file.truncate(start)
                raise

    def _present(self) -> set[str]:
        """Returns the paths of all pictures that are not empty; removes temporary files."""
        found = set()
        for folder in (self.out, self.out / IMAGES, self.out / MASKS):
            for root, folders, names in os.walk(folder):
                place = Path(root).relative_to(self.out).as_posix()
                for name in names:
                    path = f"{root}/{name}"
                    if is_temporary(name):
                        Path(path).unlink(missing_ok=True)
                    elif os.stat(path).st_size:  # noqa: PTH116 - a hundred thousand times
                        found.add(f"{place}/{name}")
                if folder == self.out:
                    folders.clear()
        return found

    def _complete(self, samples: Sequence[Sample], present: set[str]) -> Part:
        photos = images = size = 0
        unreadable = []
        with self.manifest.open("rb") as file:
            for index, sample in enumerate(samples):
                group = self._group(file, index, sample, present)
                if not group:
                    break
                photos += 1
                size += sum(map(len, group))
                if is_failure(group[0]):
                    unreadable.append(sample.name)
                else:
                    images += len(group)
        return Part(photos, images, tuple(unreadable), size)

    def _group(self, file: IO[bytes], index: int, sample: Sample, present: set[str]) -> list[bytes]:
        """Returns the next lines of the manifest if they are all of one photo's, else none."""
        group = []
        for number in self.versions:
            raw = file.readline()
            line = _parsed(raw)
            if line.get("source") != sample.name or line.get("index") != index:
                return []
            if is_failure(raw):
                return [raw]
            if line.get("version") != number or not {line["image"], line["mask"]} <= present:
                return []
            group.append(raw)
        return group


def is_failure(line: str | bytes) -> bool:
    """Returns whether a manifest's line tells of a photo that can't be read, not of a picture."""
    start = '{"source"'  # a picture's line starts with its image
    return line.startswith(start) if isinstance(line, str) else line.startswith(start.encode())


def _parsed(raw: bytes) -> dict[str, Any]:
    """Returns a line of the manifest; an empty one where it is torn or foreign."""
    try:
        line = parse_json(raw) if raw.endswith(b"\n") else {}
    except ValueError:
        return {}
    known = isinstance(line, dict) and (is_failure(raw) or {"image", "mask"} <= line.keys())
    return line if known else {}


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
        except (OSError, WorkerDiedError) as error:
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
    if isinstance(error, WorkerDiedError):
        return "A worker process died (out of memory, or killed); try fewer --workers."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {job.out} is full ({reason(error)}); make room."
    return f"{job.out} can't be written ({reason(error)})."
