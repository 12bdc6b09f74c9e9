"""Photos that a visitor brought, on disk for a while: they outlive a reload of the page."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from core.batch import Batch
from core.names import printable
from core.photos import Listing
from core.session import Photo, uploaded_photos

VISITOR_BYTES, VISITOR_FILES = 1_000_000_000, 2000
"""Most that one visitor's files weigh together, and how many there may be."""
TOTAL_BYTES = 4_000_000_000
"""Most that all visitors' files weigh together; those unused for longest go."""
IDLE_SECONDS = 6 * 3600.0
"""Time after which what nobody uses is removed."""


class Uploads:
    """One visitor's files, in a temporary folder that goes with this object."""

    def __init__(self, limit: int = VISITOR_BYTES) -> None:
        """Starts empty.

        Args:
            limit: Most that the files may weigh together, in bytes.
        """
        self.key = secrets.token_urlsafe(24)
        """What nobody can guess; it is no path and no part of one."""
        self.used = time.monotonic()
        self.weight = 0
        """Bytes on disk."""
        self.batch: Batch[Any] | None = None
        """The work on these photos, where there is one; it ends with them."""
        self.limit = limit
        """Most that the files may weigh together, in bytes."""
        self._lock = Lock()
        self._files: list[tuple[str, Path]] = []
        self._photos: Listing[Photo] = Listing([])
        self._folder = Path(tempfile.mkdtemp(prefix="carmask-uploads-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def photos(self) -> Listing[Photo]:
        """The photos in the files, ZIPs looked into, in the order in which they came."""
        return self._photos

    def add(self, files: Sequence[tuple[str, bytes]]) -> list[str]:
        """Stores files, (name, bytes) each.

        Returns:
            The names of those for which there is no room.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        refused = []
        with self._lock:
            for name, data in files:
                if self.weight + len(data) > self.limit or len(self._files) >= VISITOR_FILES:
                    refused.append(printable(name))
                    continue
                path = self._folder / f"{len(self._files):05}"
                path.write_bytes(data)
                self._files.append((name, path))
                self.weight += len(data)
            self._photos = uploaded_photos(self._files)
            self.used = time.monotonic()
        return refused

    def end(self) -> None:
        """Stops the work on the photos; the files go when nobody holds this object any more."""
        if self.batch is not None:
            self.batch.close()


class UploadStore:
    """The files of all visitors of a server."""

    def __init__(
        self,
        limit: int = TOTAL_BYTES,
        idle: float = IDLE_SECONDS,
        visitor_limit: int = VISITOR_BYTES,
    ) -> None:
        """Starts empty.

        Args:
            limit: Most that all files may weigh together, in bytes.
            idle: Seconds after which what nobody uses is removed.
            visitor_limit: Most that one visitor's files may weigh together, in bytes.
        """
        self._limit, self._idle, self._visitor_limit = limit, idle, visitor_limit
        self._lock = Lock()
        self._visitors: dict[str, Uploads] = {}

    def find(self, key: str) -> Uploads | None:
        """Returns the files of a key, which count as used now; None where there are none."""
        with self._lock:
            found, now = self._visitors.get(key), time.monotonic()
            if found is not None and now - found.used <= self._idle:
                found.used = now
            self._tidy(now)
            return self._visitors.get(key)

    def create(self) -> Uploads:
        """Returns an empty place for a new visitor's files."""
        uploads = Uploads(min(self._visitor_limit, self._limit))
        with self._lock:
            self._tidy(time.monotonic())
            self._visitors[uploads.key] = uploads
        return uploads

    def discard(self, key: str) -> None:
        """Removes a visitor's files."""
        with self._lock:
            uploads = self._visitors.pop(key, None)
        if uploads is not None:
            uploads.end()

    def tidy(self) -> None:
        """Removes what nobody used for long."""
        with self._lock:
            self._tidy(time.monotonic())

    def _tidy(self, now: float) -> None:
        """Removes what nobody used for long, and more of it while all weigh too much."""
        total = sum(each.weight for each in self._visitors.values())
        newest = max((each.used for each in self._visitors.values()), default=now)
        for each in sorted(self._visitors.values(), key=lambda uploads: uploads.used):
            too_much = total > self._limit and each.used < newest
            if now - each.used > self._idle or too_much:
                total -= each.weight
                del self._visitors[each.key]
                each.end()
