"""Worker processes that call functions for this one; one that dies takes a single call with it.

Not multiprocessing: its processes import the main file again, which in a page is the page.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, TypeVar

from core.places import with_packages

T = TypeVar("T")
_LENGTH = 8
"""Bytes that say how long a message is."""


class WorkerDiedError(Exception):
    """A worker process ended in the middle of a call: it ran out of memory, or was killed."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"A worker process ended with status {status}.")
        self.status = status


class WorkerPool:
    """Calls functions in processes beside this one, each started when it is first needed."""

    def __init__(self, workers: int, *, threads: int | None = None) -> None:
        """Starts nothing yet.

        Args:
            workers: Processes, 1 or more; they end with this one, killed or not.
            threads: Threads of a process's numeric libraries; None leaves them as they are.
        """
        self._calls = ThreadPoolExecutor(workers, thread_name_prefix="carmask-workers")
        self._processes = [_Worker(threads) for _ in range(workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        """Returns what a function of a module will return, or raise, in the next free process.

        Its future has a WorkerDiedError where the process ended; the next call gets a new one.
        """
        return self._calls.submit(self._call, function, arguments)

    def close(self) -> None:
        """Ends the processes after the calls that are under way; what waits is dropped."""
        self._calls.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.close()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, function: Callable[..., T], arguments: tuple[object, ...]) -> T:
        process = self._idle.get()
        try:
            result: T = process.call(function, arguments)
            return result
        finally:
            self._idle.put(process)


class _Worker:
    """One process; used by one thread at a time."""

    def __init__(self, threads: int | None) -> None:
        self._threads = threads
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        message = pickle.dumps((function, arguments))
        try:
            if self._process is None:
                self._process = self._started()
            assert self._process.stdin and self._process.stdout
            self._process.stdin.write(len(message).to_bytes(_LENGTH) + message)
            self._process.stdin.flush()
            returned, value = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise WorkerDiedError(self.close()) from error
        if returned:
            return value
        raise value

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

    def _started(self) -> subprocess.Popen[bytes]:
        names = () if self._threads is None else ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        return subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=with_packages({**os.environ, **dict.fromkeys(names, str(self._threads))}),
            # Ctrl-C is for the process that a person started; this one ends with its pipe.
            start_new_session=True,
        )


def _serve(calls: IO[bytes], answers: IO[bytes]) -> None:
    """Answers calls with (True, what they return) or (False, what they raise)."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(calls, waiting), daemon=True).start()
    while True:
        try:
            function, arguments = pickle.loads(waiting.get())
            answer = pickle.dumps((True, function(*arguments)))
        except Exception as error:
            answer = pickle.dumps((False, error))
        answers.write(answer)
        answers.flush()


def _receive(calls: IO[bytes], waiting: queue.SimpleQueue[bytes]) -> None:
    """Hands calls on; ends this process at once when the one that calls is gone."""
    while length := calls.read(_LENGTH):
        waiting.put(calls.read(int.from_bytes(length)))
    os._exit(0)


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # whatever prints does not disturb the answers
        _serve(sys.stdin.buffer, out)
