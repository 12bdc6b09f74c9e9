"""A ZIP of many photos' results, filled beside the page: it can be watched and stopped."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

from core.results import ResultRow, write_zip
from core.session import Photo, PredictionSession
from dashboard.segment.downloads import results_of
from dashboard.segment.pictures import Look

_ABANDONED_SECONDS = 180.0  # a browser asks a page in the background once a minute


class _StoppedError(Exception):
    """The person stopped the job, or left."""


class ZipJob:
    """Segments photos in a thread and writes their results into a temporary file."""

    def __init__(self, session: PredictionSession, photos: Sequence[Photo], look: Look) -> None:
        """Starts at once."""
        self.photos = tuple(photos)
        self.look = look
        self.rows: list[ResultRow] = []
        self.state = "running"
        """running, done, stopped or failed."""
        self.error = ""
        self._session = session
        self._asked = time.monotonic()
        folder = tempfile.mkdtemp(prefix="carmask-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._file = Path(folder) / "results.zip"
        Thread(target=self._work, name="carmask-zip", daemon=True).start()

    @property
    def current(self) -> str:
        """Name of the photo that is worked on; tells the job that somebody is watching."""
        self._asked = time.monotonic()
        return self.photos[min(len(self.rows), len(self.photos) - 1)].source.name

    @property
    def failed(self) -> int:
        """Photos so far that could not be read."""
        return sum(bool(row.error) for row in self.rows)

    def stop(self) -> None:
        """Ends the job after the photo that it is at."""
        self.state = "stopped"

    def read(self) -> bytes:
        """Returns the finished ZIP."""
        return self._file.read_bytes()

    def _work(self) -> None:
        try:
            write_zip(self._file, self._watched(), self.rows)
            self.state = "done"
        except _StoppedError:
            self.state = "stopped"
        except Exception as error:  # a full disk, say: the page must hear of it
            self.state, self.error = "failed", f"The ZIP could not be written: {error}"

    def _watched(self) -> Iterator[tuple[str, bytes]]:
        """Yields the results until somebody stops the job or nobody asks for it any more."""
        for file in results_of(self._session, self.photos, self.look, self.rows):
            if self.state != "running" or time.monotonic() - self._asked > _ABANDONED_SECONDS:
                raise _StoppedError
            yield file
