"""The index of facts: what was measured once of photos and masks is not measured again."""

from __future__ import annotations

import math
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from core.errors import reason
from core.places import cache_folder
from training.data.folder import Dataset, Sample, view_of
from training.health.facts import FACTS_VERSION, ImageFacts, measure_with_picture
from training.jobs.workers import WorkerDiedError, WorkerPool

if TYPE_CHECKING:
    import pandas as pd

Stamp = tuple[int, int, int, int]
FIELDS = tuple(each.name for each in fields(ImageFacts))
_KEY = ("photo", "mask", "selector")
_STAMP = ("photo_size", "photo_time", "mask_size", "mask_time")
_WAIT = 30.0  # seconds for another process to finish its write
_PHASH = FIELDS.index("phash")


Measured: TypeAlias = tuple[ImageFacts, bytes]
CHUNK = 16
"""Samples that a process gets at once; also what is lost at most by a kill, for each process."""


class FactsIndex:
    """The facts of photos by the path of photo and mask, in one SQLite file.

    Facts are valid while sizes and times of both files are unchanged. What was measured is written
    chunk by chunk, so that a kill loses seconds. Several processes and threads may use one file.
    Where the file can't be used, the index keeps what it measures in memory and `notice` says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        """Why nothing is kept in the file, or that it was begun anew; empty when all is well."""
        self._lock = threading.RLock()
        self._base = self._opened()

    def known(self, samples: Sequence[Sample]) -> list[ImageFacts | None]:
        """Returns the facts of each sample, None where there are none or a file was changed."""
        return [None if row is None else _facts(row) for row in self._rows(samples, FIELDS)]

    def pictures(self, samples: Sequence[Sample]) -> list[bytes]:
        """Returns each photo as a small grey picture (see `measure_with_picture`), or b""."""
        rows = self._rows(samples, ("id",))
        query = "SELECT picture FROM pictures WHERE id = ?"
        with self._lock:
            found = [row and self._base.execute(query, row).fetchone() for row in rows]
        return [each[0] if each else b"" for each in found]

    def missing(self, samples: Sequence[Sample]) -> list[Sample]:
        """Returns the samples that have to be measured."""
        rows = self._rows(samples, ("width",))
        return [sample for sample, row in zip(samples, rows, strict=True) if row is None]

    def table(self, dataset: Dataset) -> pd.DataFrame:
        """Returns one row a sample, in order: name, car, view and all facts but the hash.

        What was not measured yet is missing: nan in numbers (all are float64), None in text.
        """
        import numpy as np
        import pandas as pd

        shown = [each for each in fields(ImageFacts) if each.name != "phash"]
        samples = dataset.samples
        rows = self._rows(samples, [each.name for each in shown])
        nothing = (None,) * len(shown)
        columns = zip(*(row or nothing for row in rows), strict=True) if rows else [()] * len(shown)
        # Text as object: pandas' own kind of text would be made value by value.
        table: dict[str, Any] = {
            "name": pd.Series([sample.name for sample in samples], dtype=object),
            "car": pd.Series([sample.car for sample in samples], dtype=object),
            "view": pd.Series([view_of(sample.name) for sample in samples], dtype=object),
        }
        for each, column in zip(shown, columns, strict=True):
            is_text = each.type == "str"
            values = np.array(column, object if is_text else np.float64)
            table[each.name] = pd.Series(values, dtype=object) if is_text else values
        return pd.DataFrame(table)

    def update(
        self,
        samples: Sequence[Sample],
        *,
        workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Measures what is missing or was changed.

        Args:
            samples: What shall be known afterwards.
            workers: Processes; by default one a core, 0 measures in this process.
            progress: Called with (known, all) at the start and after each chunk.
            stop: Asked now and then; when it says True, the rest is left for another time.
        """
        missing = self.missing(samples)
        stamps = dict(zip(missing, _stamps(missing), strict=True))
        done = len(samples) - len(missing)
        if progress is not None:
            progress(done, len(samples))
        workers = (os.cpu_count() or 1) if workers is None else workers
        for chunk in measure_all(missing, workers, stop):
            self._write([(sample, stamps[sample], measured) for sample, measured in chunk])
            done += len(chunk)
            if progress is not None:
                progress(done, len(samples))

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._base.close()

    def _rows(
        self, samples: Sequence[Sample], columns: Sequence[str]
    ) -> list[tuple[Any, ...] | None]:
        """Returns the columns of each sample whose files are unchanged."""
        if not samples:
            return []
        keys = [_key(sample) for sample in samples]
        names = ", ".join((*_KEY, *_STAMP, *columns))
        with self._lock:
            found = {
                row[:3]: row[3:]
                for row in self._base.execute(
                    f"SELECT {names} FROM facts WHERE photo BETWEEN ? AND ?",
                    (min(keys)[0], max(keys)[0]),
                )
            }
        rows = []
        for key, stamp in zip(keys, _stamps(samples), strict=True):
            row = found.get(key)
            rows.append(row[4:] if row is not None and row[:4] == stamp else None)
        return rows

    def _write(self, rows: Sequence[tuple[Sample, Stamp, Measured]]) -> None:
        with self._lock:
            try:
                _insert(self._base, rows)
            except sqlite3.Error as error:  # the disk is full, the file is gone or locked too long
                self._move_to_memory(error)
                _insert(self._base, rows)

    def _opened(self) -> sqlite3.Connection:
        """Returns the file's database; a new one where the file is damaged, else one in memory."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return _connect(str(self.path))
        except sqlite3.OperationalError as error:  # locked, read-only, no place for it
            return self._in_memory(error)
        except sqlite3.DatabaseError as error:
            self.notice = f"The index {self.path} was damaged ({error}) and is begun anew."
            try:
                for end in ("", "-wal", "-shm"):
                    Path(f"{self.path}{end}").unlink(missing_ok=True)
                return _connect(str(self.path))
            except (OSError, sqlite3.Error) as again:
                return self._in_memory(again)
        except OSError as error:
            return self._in_memory(error)

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        self.notice = (
            f"The index {self.path} can't be used ({reason(error)}), so photos are measured again "
            "next time. Make its folder writable, or name another with CARMASK_CACHE."
        )
        return _connect(":memory:")

    def _move_to_memory(self, error: sqlite3.Error) -> None:
        """Goes on in memory with what the file holds, where that can still be read."""
        before, self._base = self._base, self._in_memory(error)
        with suppress(sqlite3.Error):
            before.backup(self._base)
        with suppress(sqlite3.Error):
            before.close()
        _prepare(self._base)


def default_index() -> Path:
    """Returns the file of the index, in the cache's folder."""
    return cache_folder() / "facts.sqlite"


def _connect(path: str) -> sqlite3.Connection:
    # Threads share it under a lock of our own; transactions are our own as well.
    base = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        base.execute("PRAGMA journal_mode = WAL")
        # A loss of power may lose the last writes, never the file.
        base.execute("PRAGMA synchronous = NORMAL")
        _prepare(base)
    except BaseException:
        base.close()
        raise
    return base


def _prepare(base: sqlite3.Connection) -> None:
    """Makes the tables; drops those whose facts were measured in another way."""
    if base.execute("PRAGMA user_version").fetchone()[0] == FACTS_VERSION:
        return
    columns = ", ".join((*_KEY, *_STAMP, *FIELDS))
    with _transaction(base):
        base.execute("DROP TABLE IF EXISTS facts")
        base.execute("DROP TABLE IF EXISTS pictures")
        base.execute(
            f"CREATE TABLE facts (id INTEGER PRIMARY KEY, {columns}, UNIQUE ({', '.join(_KEY)}))"
        )
        # Apart, so that reading all facts does not read all pictures.
        base.execute("CREATE TABLE pictures (id INTEGER PRIMARY KEY, picture BLOB)")
        base.execute(f"PRAGMA user_version = {FACTS_VERSION}")


def _insert(base: sqlite3.Connection, rows: Sequence[tuple[Sample, Stamp, Measured]]) -> None:
    names = (*_STAMP, *FIELDS)
    statement = (
        f"INSERT INTO facts ({', '.join((*_KEY, *names))}) "
        f"VALUES ({', '.join('?' * (len(_KEY) + len(names)))}) ON CONFLICT DO UPDATE SET "
        f"{', '.join(f'{name} = excluded.{name}' for name in names)} RETURNING id"
    )
    with _transaction(base):
        for sample, stamp, (facts, picture) in rows:
            values = (*_key(sample), *stamp, *_values(facts))
            (row,) = base.execute(statement, values).fetchall()
            base.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", (*row, picture))


@contextmanager
def _transaction(base: sqlite3.Connection) -> Iterator[None]:
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            base.execute("ROLLBACK")
        raise
    base.execute("COMMIT")


def _key(sample: Sample) -> tuple[str, str, str]:
    """Returns what facts are found by: the whole paths, and what of the mask's file it is."""
    return _whole(str(sample.image_path)), _whole(str(sample.mask.path)), sample.mask.selector


def _whole(path: str) -> str:
    # Not always `absolute()`: its 5 us, twice for each of 100,000 photos, take a second.
    whole = path if path.startswith("/") else str(Path.cwd() / path)
    # SQLite takes UTF-8 alone; a name may hold other bytes.
    return whole if whole.isascii() else whole.encode(errors="backslashreplace").decode()


def _stamps(samples: Sequence[Sample]) -> list[Stamp]:
    """Returns size and time, in ns, of each sample's two files; -1 where one can't be asked."""
    shared: dict[Path, tuple[int, int]] = {}  # a COCO file holds the masks of many photos
    stamps = []
    for sample in samples:
        mask = sample.mask
        if mask.selector:
            if mask.path not in shared:
                shared[mask.path] = _stamp(mask.path)
            stamps.append(_stamp(sample.image_path) + shared[mask.path])
        else:
            stamps.append(_stamp(sample.image_path) + _stamp(mask.path))
    return stamps


def _stamp(path: Path) -> tuple[int, int]:
    try:
        at = os.stat(path)  # noqa: PTH116  (half the time of Path.stat)
    except OSError:
        return -1, -1
    return at.st_size, at.st_mtime_ns


def _values(facts: ImageFacts) -> list[Any]:
    """Returns the fields' values for SQLite, whose integers have a sign: so the hash gets one."""
    values = [getattr(facts, name) for name in FIELDS]
    if facts.phash >= 2**63:
        values[_PHASH] -= 2**64
    return values


def _facts(row: Sequence[Any]) -> ImageFacts:
    """Returns the facts from what SQLite keeps of them; it keeps nan as NULL."""
    values: list[Any] = [math.nan if value is None else value for value in row]
    values[_PHASH] %= 2**64
    return ImageFacts(*values)


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
    with WorkerPool(workers, threads=1) as pool:  # the processes share the cores
        running: dict[Future[list[Measured]], Sequence[Sample]] = {}
        while True:
            while len(running) < workers and not (stop is not None and stop()):
                chunk = next(chunks, ())
                if not chunk:
                    break
                running[pool.submit(_measure_chunk, chunk)] = chunk
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                chunk = running.pop(done)
                yield list(zip(chunk, _measured(pool, done, chunk), strict=True))


def _measure_chunk(chunk: Sequence[Sample]) -> list[Measured]:
    import cv2

    cv2.setNumThreads(0)
    return [measure_with_picture(sample) for sample in chunk]


def _measured(
    pool: WorkerPool, done: Future[list[Measured]], chunk: Sequence[Sample]
) -> list[Measured]:
    """Returns the facts of a chunk; of a sample that kills its process, an error."""
    try:
        return done.result()
    except WorkerDiedError as error:
        if len(chunk) > 1:
            calls = [pool.submit(_measure_chunk, [sample]) for sample in chunk]
            singles = zip(calls, chunk, strict=True)
            return [facts for call, one in singles for facts in _measured(pool, call, [one])]
        text = f"reading it ended its process (status {error.status}). "
        return [(ImageFacts.unreadable(f"{text}Take it out or save it again."), b"")]
