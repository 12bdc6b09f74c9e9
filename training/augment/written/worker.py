"""The pictures of an augmented set: each photo is read once and its versions are written."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import CarmaskError, DataError
from core.preprocess import mask_levels
from core.truth import Truth
from training.augment.compose import Augmenter, Levels, resized_truth
from training.augment.written.settings import IMAGES, JPEG_QUALITY, MASKS, AugmentJob
from training.data.folder import Sample
from training.jobs.workers import WorkerPool

Lines = list[str]
_Task = tuple[int, Sample]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


class PictureMaker:
    """Makes all pictures of one photo after the other."""

    def __init__(self, job: AugmentJob) -> None:
        self._job = job
        self._augmenter = Augmenter(job.recipe, job.size)
        self._folders = {name: job.out / name for name in (IMAGES, MASKS)}
        self._temporary = {
            name: folder / f".{os.getpid()}.tmp" for name, folder in self._folders.items()
        }

    def __call__(self, index: int, sample: Sample) -> Lines:
        """Writes the pictures of one photo and returns their manifest lines.

        A photo or mask that can't be read gives one line that says why.

        Args:
            index: The photo's place in its dataset.
            sample: The photo.

        Raises:
            DataError: The photo or its mask is gone.
            OSError: A picture can't be written.
        """
        try:
            image, truth = sample.read_truth()
        except CarmaskError as error:
            for path in (sample.image_path, sample.mask.path):
                if not path.exists():
                    raise DataError(f"{path} is gone since the start; bring it back.") from error
            return [json.dumps({"source": sample.name, "index": index, "error": str(error)})]
        levels = Levels.of(truth)
        if self._job.size:  # once, not once a version: the recipe's own resizing then does nothing
            image, levels = resized_truth(image, levels, self._job.size)
        return [self._version(image, levels, index, sample, v) for v in self._job.versions]

    def _version(
        self,
        image: NDArray[np.uint8],
        levels: Levels,
        index: int,
        sample: Sample,
        version: int,
    ) -> str:
        applied: list[dict[str, Any]] = []
        truth = levels.truth()
        if version:
            made = self._augmenter.traced(
                image, levels, seed=self._job.seed, epoch=version, index=index
            )
            image, truth = made.image, made.truth
            applied = [
                {"transform": step.transform, "parameters": step.parameters}
                for step in made.applied
            ]
        stem = f"{sample.name}_a{version:02}"
        line = {
            "image": f"{IMAGES}/{stem}.jpg",
            "mask": f"{MASKS}/{stem}.png",
            "source": sample.name,
            "car": sample.car,
            "recipe": self._job.recipe.name,
            "index": index,
            "version": version,
            "applied": applied,
        }
        if truth.ignored is not None:
            line["ignored"] = True
        self._write(IMAGES, f"{stem}.jpg", _jpeg(image))
        self._write(MASKS, f"{stem}.png", _png(truth))
        return json.dumps(line)

    def _write(self, folder: str, name: str, data: bytes) -> None:
        """Writes a picture under another name and renames it.

        Not synced: that costs more than all else. After a power cut files may be empty;
        `AugmentedFolder.prepare` finds them.
        """
        path, temporary = self._folders[folder] / name, self._temporary[folder]
        try:
            if "/" in name:
                path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def make_pictures(
    job: AugmentJob, tasks: Iterable[_Task], workers: int
) -> Generator[Lines, None, None]:
    """Gives the manifest lines of photo after photo, in order, once their files are there.

    Args:
        job: What to make.
        tasks: Index and sample of each photo.
        workers: Processes, 1 or more; 1 works in this process.

    Raises:
        DataError: A photo is gone.
        OSError: A picture can't be written.
        WorkerDiedError: A worker died.
    """
    if workers == 1:
        threads = cv2.getNumThreads()
        try:
            maker = _prepared_maker(job)
            for index, sample in tasks:
                yield maker(index, sample)
        finally:
            cv2.setNumThreads(threads)
        return
    remaining = iter(tasks)
    waiting: deque[Future[Lines]] = deque()
    with WorkerPool(workers) as pool:
        # Only a little ahead, so that a stop is quick and memory stays small.
        for task in islice(remaining, 4 * workers):
            waiting.append(pool.submit(_make, job, *task))
        while waiting:
            yield waiting.popleft().result()
            for task in islice(remaining, 1):
                waiting.append(pool.submit(_make, job, *task))


def _make(job: AugmentJob, index: int, sample: Sample) -> Lines:
    """Makes the pictures of one photo, in a worker process."""
    return _maker(job)(index, sample)


def _prepared_maker(job: AugmentJob) -> PictureMaker:
    cv2.setNumThreads(0)  # the processes share the processors already
    _keep_memory()
    return PictureMaker(job)


_maker = cache(_prepared_maker)
"""A worker process's own."""


def _keep_memory() -> None:
    """Lets this process keep the memory of one picture for the next (Linux; 256 MB at most).

    glibc gives large arrays back to the system at once; being handed fresh pages for each
    transform takes an eighth of all the time.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # musl has no mallopt
            libc = ctypes.CDLL(None)
            libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
            libc.mallopt(_TRIM_THRESHOLD, 256 << 20)


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    # OpenCV's encoders take half the time of Pillow's.
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def _png(truth: Truth) -> bytes:
    """Returns a mask of 0 and 255, or of 0, 1 and 255 where some pixels are ignored."""
    values = mask_levels(truth.car) if truth.ignored is None else truth.labels
    return bytes(cv2.imencode(".png", values)[1])
