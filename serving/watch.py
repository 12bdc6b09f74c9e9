"""A folder in, a folder out: every photo that comes is segmented, once."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event
from types import FrameType

from rich.console import Console

from core.cutout import Edge
from core.errors import ConfigError
from core.exits import EXIT_OK, EXIT_SOME_FAILED
from core.files import write_bytes_atomically
from core.masks import MaskSettings
from core.names import printable, unique
from core.own_results import TABLE_NAME, OwnResults
from core.photos import PhotoSource, list_photos, photo_files
from core.places import runs_folder
from core.results import ResultRow, results_table
from core.segment import SegmentOptions, check_table, segment_one
from core.session import PredictionSession
from serving.models import Models

STATE_NAME = "watched.jsonl"
"""In the folder of results: a line for each photo that was done, added when it was."""
Stamp = tuple[int, int]
"""A file's time (ns) and size (bytes)."""


class Watch:
    """What was done, what lies in the folder, and what is still being written."""

    def __init__(
        self,
        source: Path,
        target: Path,
        *,
        checkpoint: str = "",
        fallback: str = "",
        cutout: Edge | None = None,
    ) -> None:
        """Reads what earlier watches of these folders did.

        Args:
            source: Where photos come; it is searched with all folders in it.
            target: Where results go; made where it is missing.
            checkpoint: A checkpoint's name; "" for the best one.
            fallback: That of its fallback, or "none"; "" for the default.
            cutout: The edge of cut-outs; None writes none.

        Raises:
            ConfigError: The folders can't be used together.
            ImageError: The target holds a results.csv of somebody else.
        """
        self._source, self._target = source.resolve(), target.resolve()
        if not self._source.is_dir():
            raise ConfigError(f"{source} is no folder; name the one that photos come into.")
        if self._target.is_relative_to(self._source) or self._source.is_relative_to(self._target):
            raise ConfigError("One of the two folders lies in the other; results would be photos.")
        self._target.mkdir(parents=True, exist_ok=True)
        self._own = OwnResults()
        check_table(self._target / TABLE_NAME, self._own)
        self._names = checkpoint, fallback
        self._cutout = cutout
        self._session: PredictionSession | None = None
        self._done = self._read()
        self._seen: dict[str, Stamp] = {}
        self._stop = Event()

    def run(self, every: float, *, once: bool = False) -> int:
        """Segments what comes until a signal says to stop; returns 1 if photos failed, else 0.

        A photo is taken when its size and time were the same at two looks, so that none is taken
        that is still being copied.

        Args:
            every: Seconds between two looks.
            once: End when nothing is left to do.
        """
        console, failed = Console(stderr=True), 0
        with self._signals():
            while not self._stop.is_set():
                ready, unsettled = self._look()
                for name, stamp in ready:
                    row = self._segment(name, stamp)
                    failed += bool(row.error)
                    text = row.error or f"{row.file}: {row.stem}"
                    console.print(text, highlight=False, markup=False)
                    if self._stop.is_set():
                        break
                if ready:
                    self._write_table()
                if once and not unsettled:
                    break
                self._stop.wait(every)
        return EXIT_SOME_FAILED if failed else EXIT_OK

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Lets Ctrl-C and SIGTERM end the watch after the photo that it is at."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self._stop.set()

        before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _look(self) -> tuple[list[tuple[str, Stamp]], bool]:
        """Returns the photos to do, and whether others may become so."""
        now = {}
        for name in photo_files(self._source):
            with suppress(OSError):  # it has just gone
                facts = (self._source / name).stat()
                now[name] = facts.st_mtime_ns, facts.st_size
        new = {name: stamp for name, stamp in now.items() if self._stamp(name) != stamp}
        ready = [(name, stamp) for name, stamp in new.items() if self._seen.get(name) == stamp]
        self._seen = now
        return ready, len(ready) < len(new)

    def _stamp(self, name: str) -> Stamp | None:
        return self._done[name][0] if name in self._done else None

    def _segment(self, name: str, stamp: Stamp) -> ResultRow:
        """Segments one photo, and notes that it was done."""
        if self._session is None:
            self._session = Models(runs_folder()).session(*self._names)
        settings = MaskSettings(self._session.model.threshold)
        options = SegmentOptions(settings, cutout=self._cutout)
        row = segment_one(self._session, self._photo(name), self._target, self._own, options)
        self._done[name] = stamp, row
        line = json.dumps({"photo": name, "stamp": stamp, "row": asdict(row)})
        with (self._target / STATE_NAME).open("a", encoding="utf-8") as state:
            state.write(line + "\n")
        return row

    def _photo(self, name: str) -> PhotoSource:
        """Returns a photo whose results' names no other photo's have, and always the same ones."""
        (found,) = list_photos([self._source / name])
        if name in self._done and self._done[name][1].stem:
            stem = self._done[name][1].stem
        else:
            taken = [row.stem for _, row in self._done.values() if row.stem]
            *_, stem = unique([*taken, found.stem], "{}_{}", str.casefold)
        return replace(found, name=printable(name), stem=stem)

    def _read(self) -> dict[str, tuple[Stamp, ResultRow]]:
        """Returns what was done, by photo; a line that a kill cut off is a photo to do again."""
        done: dict[str, tuple[Stamp, ResultRow]] = {}
        state = self._target / STATE_NAME
        text = state.read_text(encoding="utf-8", errors="replace") if state.exists() else ""
        if text and not text.endswith("\n"):
            with state.open("a", encoding="utf-8") as file:
                file.write("\n")  # or the next line would be a part of this one
        for line in text.splitlines():
            with suppress(ValueError, TypeError, KeyError):
                entry = json.loads(line)
                modified, size = entry["stamp"]
                done[entry["photo"]] = (modified, size), ResultRow(**entry["row"])
        return done

    def _write_table(self) -> None:
        rows = [row for _, row in self._done.values()]
        write_bytes_atomically(self._target / TABLE_NAME, results_table(rows))
