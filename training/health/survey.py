"""What is measured of a data folder beside a page, once for all who look at it."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from core.public import is_public
from training.data.folder import Dataset, Reading
from training.health.index import FactsIndex, default_index

if TYPE_CHECKING:
    import pandas as pd

    from training.data.sides import Split
    from training.health.check import Look, MeanMask, Report

PATIENCE = 1.0
"""Seconds before measuring starts, so that the page that asked for it is drawn first."""
_LARGE = 5000
"""Photos from which on a process of its own looks for faults, so that no page waits."""
_KEPT, _REPORTS = 4, 16
"""Folders whose figures are kept at a time, and reports of each, one a split."""


class Survey:
    """Measures the photos of one data folder in a thread, then looks for what is wrong."""

    def __init__(self, dataset: Dataset, reading: Reading, key: str, index: FactsIndex) -> None:
        self.dataset = dataset
        self.reading = reading
        self.key = key
        self.index = index
        self.state = "waiting"
        """waiting, measuring, looking, done, stopped or failed."""
        self.done = 0
        """Photos that are measured."""
        self.counted = False
        """Whether `done` is known yet."""
        self.speed = 0.0
        """Photos measured a second, since the start."""
        self.looking_since = 0.0
        """When the look for copies and faults began, by `time.monotonic`."""
        self.error = ""
        self.table: pd.DataFrame | None = None
        """A row a photo, in the order of the folder; None before anything was measured."""
        self.mean_mask: MeanMask | None = None
        self.thread: Thread | None = None
        self._lock = Lock()
        self._stopped = False
        self._reports: dict[str, Report] = {}
        self._asked: dict[str, Split | None] = {}

    @property
    def running(self) -> bool:
        """Whether figures are still to come."""
        return self.state in ("waiting", "measuring", "looking")

    @property
    def seconds_left(self) -> float | None:
        """Time until every photo is measured; None while that can't be told."""
        left = len(self.dataset.samples) - self.done
        return left / self.speed if self.speed else None

    @property
    def measured(self) -> bool:
        """Whether every photo is measured."""
        return self.table is not None and self.done >= len(self.dataset.samples)

    def start(self) -> None:
        """Starts the thread, unless it was started before and there is nothing new to do."""
        with self._lock:
            if self.thread is None or (self._asked and not self.running):
                measure = self.thread is None
                self.looking_since = time.monotonic()
                self.state = "measuring" if measure else "looking"
                work = Thread(target=self._work, args=(measure,), name="carmask-survey")
                work.daemon = True
                self.thread = work
                work.start()

    def stop(self) -> None:
        """Ends the measuring soon; what is measured is kept."""
        self._stopped = True

    def go_on(self) -> None:
        """Starts again after a stop."""
        if self.thread is not None:
            self.thread.join(5)
        with self._lock:
            self.thread, self._stopped = None, False
            self._reports.clear()
        self.start()

    def report(self, split: Split | None) -> Report | None:
        """Returns what is wrong; None where that is not known yet, and `start` then finds out.

        Args:
            split: Whose sides are looked at as well.
        """
        key = split.fingerprint() if split is not None else ""
        with self._lock:
            found = self._reports.get(key)
            if found is None and self.state != "failed":
                self._asked[key] = split
            return found

    def _work(self, measure: bool) -> None:
        try:
            if measure:
                time.sleep(PATIENCE)
                self._measure()
            self.looking_since = time.monotonic()
            self.state = "looking"
            self._look()
            with self._lock:
                self.state = "stopped" if self._stopped else "done"
        except Exception as error:  # a full disk, say: the page must hear of it
            self.state, self.error = "failed", str(error)

    def _measure(self) -> None:
        samples = self.dataset.samples
        began, at_start = time.monotonic(), -1

        def progress(done: int, count: int) -> None:
            nonlocal at_start
            at_start = done if at_start < 0 else at_start
            self.done, self.counted = done, True
            self.speed = (done - at_start) / max(1e-3, time.monotonic() - began)

        # One core is left for the pages; a public server starts no process.
        workers = 0 if is_public() else max(1, (os.cpu_count() or 2) - 1)
        self.index.update(samples, workers=workers, progress=progress, stop=lambda: self._stopped)
        self.table = self.index.table(self.dataset)

    def _look(self) -> None:
        while self._asked:
            key, split = next(iter(self._asked.items()))
            found = self._found(split, with_mean=self.mean_mask is None and self.measured)
            self.mean_mask = found.mean_mask or self.mean_mask
            with self._lock:
                self._reports[key] = found.report
                del self._asked[key]
                while len(self._reports) > _REPORTS:
                    del self._reports[next(iter(self._reports))]

    def _found(self, split: Split | None, *, with_mean: bool) -> Look:
        from training.health.check import Asked, look, look_apart

        if len(self.dataset.samples) < _LARGE or self.index.notice or is_public():
            return look(self.dataset, self.index, split, with_mean=with_mean)
        file = self.index.path.absolute()
        root = self.dataset.root.absolute()
        return look_apart(Asked(root, self.reading, file, split, with_mean))


class Surveys:
    """The surveys of the folders that were looked at last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._index: tuple[Path, FactsIndex] | None = None
        self._by_root: OrderedDict[Path, Survey] = OrderedDict()

    def of(self, dataset: Dataset, reading: Reading, key: str) -> Survey:
        """Returns the survey of a listing; one of an older listing of the folder is stopped.

        Args:
            dataset: The data folder, as it was listed.
            reading: How it was read.
            key: What tells this listing from any other.
        """
        root = dataset.root.resolve()
        with self._lock:
            survey = self._by_root.pop(root, None)
            if survey is None or survey.key != key:
                if survey is not None:
                    survey.stop()
                survey = Survey(dataset, reading, key, self._opened_index())
            self._by_root[root] = survey
            while len(self._by_root) > _KEPT:
                self._by_root.popitem(last=False)[1].stop()
            return survey

    def _opened_index(self) -> FactsIndex:
        path = default_index()
        if self._index is None or self._index[0] != path:
            self._index = path, FactsIndex(path)
        return self._index[1]
