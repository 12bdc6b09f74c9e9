"""The pictures of an augmented set: each photo is read once and its versions are written."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import islice
from multiprocessing.connection import wait
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
        BrokenProcessPool: A worker died.
    """
    if workers == 1:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(0)
        _keep_memory()
        try:
            maker = PictureMaker(job)
            for index, sample in tasks:
                yield maker(index, sample)
        finally:
            cv2.setNumThreads(threads)
        return
    remaining = iter(tasks)
    waiting: deque[Future[Lines]] = deque()
    pool = ProcessPoolExecutor(workers, _context(), _start_worker, (job,))
    try:
        # Looks only a little ahead, so that a stop is quick and memory stays small.
        for task in islice(remaining, 4 * workers):
            waiting.append(pool.submit(_work, task))
        while waiting:
            yield waiting.popleft().result()
            for task in islice(remaining, 1):
                waiting.append(pool.submit(_work, task))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_job: AugmentJob | None = None
"""A worker process's own."""


def _context() -> Any:
    """Returns how workers are started: by a server that imports once, where there is one.

    Not by a plain fork: the progress bar's thread is running.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _start_worker(job: AugmentJob) -> None:
    global _job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(0)  # the processes share the processors already
    _keep_memory()
    _job = job


@cache
def _maker() -> PictureMaker:
    """Returns this process's maker; made by the first task, which can say what is wrong with it."""
    assert _job is not None
    return PictureMaker(_job)


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


def _end_with_parent() -> None:
    """Ends this worker when its parent is killed; it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(task: _Task) -> Lines:
    return _maker()(*task)


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    # OpenCV's encoders take half the time of Pillow's.
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def _png(truth: Truth) -> bytes:
    """Returns a mask of 0 and 255, or of 0, 1 and 255 where some pixels are ignored."""
    values = mask_levels(truth.car) if truth.ignored is None else truth.labels
    return bytes(cv2.imencode(".png", values)[1])
