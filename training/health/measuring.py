"""Processes that measure photos beside this one; one that dies takes one photo with it, not all.

Not multiprocessing: its processes import the main file again, which in a page is the page.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import IO, TypeAlias

from core.places import with_packages
from training.data.folder import Sample
from training.health.facts import ImageFacts, measure_with_picture

Measured: TypeAlias = tuple[ImageFacts, bytes]
CHUNK = 16
"""Samples that a process gets at once; also what is lost at most by a kill, for each process."""


def measure_all(
    samples: Sequence[Sample], workers: int, stop: Callable[[], bool] | None = None
) -> Iterator[list[tuple[Sample, Measured]]]:
    """Yields samples with what `measure_with_picture` says of them, in chunks as they get done.

    Args:
        samples: What is measured.
        workers: Processes to start; 0 measures in this one.
        stop: Asked before each chunk; when it says True, what is on its way is still yielded.
    """
    chunks = (samples[at : at + CHUNK] for at in range(0, len(samples), CHUNK))
    if workers < 1 or len(samples) <= CHUNK:
        for chunk in chunks:
            if stop is not None and stop():
                return
            yield [(sample, measure_with_picture(sample)) for sample in chunk]
        return
    workers = min(workers, math.ceil(len(samples) / CHUNK))
    every = [_Worker() for _ in range(workers)]
    crew = list(every)
    try:
        with ThreadPoolExecutor(workers) as threads:
            running: dict[Future[list[Measured]], tuple[_Worker, Sequence[Sample]]] = {}
            while True:
                while crew and not (stop is not None and stop()):
                    chunk = next(chunks, ())
                    if not chunk:
                        break
                    worker = crew.pop()
                    running[threads.submit(worker.measure, chunk)] = (worker, chunk)
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    worker, chunk = running.pop(done)
                    crew.append(worker)
                    yield list(zip(chunk, done.result(), strict=True))
    finally:
        for worker in every:
            worker.close()


class _Worker:
    """A process that measures what it is sent, started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def measure(self, chunk: Sequence[Sample]) -> list[Measured]:
        """Returns the facts of a chunk; of a sample that kills its process, an error."""
        try:
            return self._ask(chunk)
        except (OSError, EOFError, pickle.UnpicklingError):
            code = self.close()
        if len(chunk) == 1:
            error = f"reading it ended its process (status {code}). Take it out or save it again."
            return [(ImageFacts.unreadable(error), b"")]
        return [measured for sample in chunk for measured in self.measure([sample])]

    def close(self) -> int | None:
        """Ends the process and returns its status."""
        process, self._process = self._process, None
        if process is None:
            return None
        assert process.stdin and process.stdout
        with suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        return process.wait()

    def _ask(self, chunk: Sequence[Sample]) -> list[Measured]:
        if self._process is None:
            self._process = _start()
        assert self._process.stdin and self._process.stdout
        pickle.dump(list(chunk), self._process.stdin)
        self._process.stdin.flush()
        answer: list[Measured] = pickle.load(self._process.stdout)
        return answer


def _start() -> subprocess.Popen[bytes]:
    # One thread each: the processes share the cores.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", "training.health.measuring"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=with_packages({**os.environ, **threads}),
        # Ctrl-C is for the process that a person started; this one ends with its pipe.
        start_new_session=True,
    )


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answers chunks of samples with their facts, until the pipe is closed."""
    import cv2

    cv2.setNumThreads(0)
    while True:
        try:
            chunk: list[Sample] = pickle.load(asked)
        except EOFError:
            return
        try:
            pickle.dump([measure_with_picture(sample) for sample in chunk], answers)
            answers.flush()
        except BrokenPipeError:  # who asked was killed
            return


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
