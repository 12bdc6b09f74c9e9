"""Many photos worked on beside a page: a result for each as it is done, and one ZIP of all."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Generic, Literal, TypeAlias, TypeVar

from core.results import ResultRow, write_zip
from core.session import Photo

ABANDONED_SECONDS = 180.0
"""Time without a `watch` after which the work pauses; a hidden page asks once a minute."""
File: TypeAlias = tuple[str, bytes]
"""Name and content of one file of a ZIP."""
Options = TypeVar("Options")


@dataclass(frozen=True)
class Done:
    """What became of one photo."""

    row: ResultRow
    """Its line of results.csv."""
    tile: bytes = b""
    """A small picture of the result, JPEG; empty where there is none."""


@dataclass(frozen=True)
class Progress:
    """How far the work is."""

    state: Literal["running", "paused", "done", "failed"]
    done: int
    """Photos that are done with the options of now."""
    count: int
    """All photos."""
    seconds_left: float | None
    """A guess from the photos so far; None before the first one."""
    error: str = ""
    """Why it failed."""


def seconds_left(began: float, done: int, count: int) -> float | None:
    """Returns the time that the rest takes at the pace so far; None before anything is done.

    Args:
        began: When the work began, by `time.monotonic`.
        done: What is done.
        count: All there is to do.
    """
    return (time.monotonic() - began) / done * (count - done) if done else None


class _InterruptedError(Exception):
    """Other options are wanted, or nobody is there any more."""


class Batch(Generic[Options]):
    """Makes the results of photos one after the other in a thread of its own.

    Each change of the options begins anew from the first photo; what the network has predicted is
    in the session's cache, so that this is quick.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        make: Callable[[Photo, Options], tuple[Done, Iterable[File]]],
        owner: object = None,
    ) -> None:
        """Takes the photos; `watch` starts the work.

        Args:
            photos: The photos.
            make: Returns a photo's result, and its files for the ZIP, for options of any kind.
            owner: What the batch belongs to, such as a session: with another owner it is another.
        """
        self.photos, self.owner = tuple(photos), owner
        self.results: dict[int, Done] = {}
        """By the photo's index, each the newest that there is."""
        self._make = make
        self._lock = Lock()
        self._state: Literal["running", "paused", "done", "failed"] = "paused"
        self._options: Options | None = None
        self._closed = False
        self._done = 0
        self._error = ""
        self._started = self._watched = time.monotonic()
        self._thread: Thread | None = None
        folder = tempfile.mkdtemp(prefix="carmask-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._file = Path(folder) / "results.zip"

    def watch(self, options: Options, *, retry: bool = False) -> Progress:
        """Says with which options results are wanted, and that somebody waits for them.

        Args:
            options: Passed on to `make`; compared with those of before.
            retry: Whether to begin anew after a failure.
        """
        with self._lock:
            self._watched = time.monotonic()
            if options != self._options or (retry and self._state == "failed"):
                self._options, self._done, self._state = options, 0, "paused"
            if self._state == "paused" and not self._closed:
                self._state = "running"
                if self._thread is None:
                    self._thread = Thread(target=self._work, name="carmask-batch", daemon=True)
                    self._thread.start()
            return self._progress()

    def refresh(self) -> None:
        """Lets the next `watch` begin anew: something that the results depend on has changed."""
        with self._lock:
            self._options, self._state = None, "paused"

    def close(self) -> None:
        """Ends the work after the photo that it is at."""
        with self._lock:
            self._closed = True

    def zip(self) -> bytes:
        """Returns the ZIP of all results and results.csv, once the state is done."""
        return self._file.read_bytes()

    def zip_size(self) -> int:
        """Returns the size of the ZIP in bytes."""
        return self._file.stat().st_size

    def _progress(self) -> Progress:
        left = seconds_left(self._started, self._done, len(self.photos))
        return Progress(self._state, self._done, len(self.photos), left, self._error)

    def _work(self) -> None:
        while True:
            with self._lock:
                options, self._done, self._started = self._options, 0, time.monotonic()
                if options is None:
                    self._thread = None
                    return
            error: str | None = None
            rows: list[ResultRow] = []
            try:
                write_zip(self._file, self._files(options, rows), rows)
            except _InterruptedError:
                error = ""
            except Exception as problem:  # a full disk, say: the page must hear of it
                error = f"The ZIP could not be written: {problem}"
            with self._lock:
                if options != self._options and not self._closed:
                    continue
                self._state = "done" if error is None else "failed" if error else "paused"
                self._error, self._thread = error or "", None
                return

    def _files(self, options: Options, rows: list[ResultRow]) -> Iterator[File]:
        """Yields the files of all photos; ends early where they are not wanted any more."""
        for index, photo in enumerate(self.photos):
            with self._lock:
                unwatched = time.monotonic() - self._watched > ABANDONED_SECONDS
                if options != self._options or self._closed or unwatched:
                    raise _InterruptedError
            done, files = self._make(photo, options)
            yield from files
            rows.append(done.row)
            with self._lock:
                if options == self._options:
                    self.results[index] = done
                    self._done += 1
