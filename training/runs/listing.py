"""Runs as they are listed, and one run as somebody sees it who watches it."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.checkpoint import SUFFIX, read_info
from core.clicks import NETWORK_FILE
from core.errors import CheckpointError, RunError, reason
from core.names import is_text, printable
from training.jobs.queue import Queue
from training.runs.curves import Curves, curves_of, curves_of_lines, joined
from training.runs.foreign import read_foreign, recognise
from training.runs.foreign.summary import summarise
from training.runs.own_run import Files, OwnRun
from training.runs.runlog import is_own_run
from training.runs.summary import CHANGING, RunSummary, Status
from training.runs.tail import Tail, last_lines, parse_lines


class CurveReader:
    """The curves of one run, kept up to date; one reader for one viewer."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._tail = Tail(run / "metrics.jsonl")
        self._curves = curves_of([], [])
        self._broken: list[str] = []
        self._stamp: tuple[object, ...] | None = None

    def read(self) -> Curves:
        """Returns all curves so far, in tables that the caller may change.

        Raises:
            RunError: The run's folder is missing or can't be read, or its log is a foreign one
                that can't be read here.
        """
        try:
            names = [path.name for path in self._run.iterdir()]
            if is_own_run(names):
                self._read_own()
            else:
                self._read_foreign(names)
        except OSError as error:
            raise RunError(f"The run {self._run} can't be read: {reason(error)}.") from error
        return Curves(self._curves.steps.copy(), self._curves.epochs.copy(), self._error())

    def _error(self) -> str:
        if not self._broken:
            return ""
        return (
            f"metrics.jsonl has damaged lines ({len(self._broken)}); what does not hold is left "
            f"out. The first: {self._broken[0]}."
        )

    def _read_own(self) -> None:
        appended = self._tail.read()
        if appended.afresh:
            self._curves, self._broken = curves_of([], []), []
        if appended.data:
            lines = parse_lines(appended.data, self._broken.append)
            self._curves = joined(self._curves, curves_of_lines(lines))

    def _read_foreign(self, names: list[str]) -> None:
        log = recognise(self._run, names)
        if log is None:
            self._curves, self._stamp = curves_of([], []), None
            return
        stamp = log.stamp()
        if stamp != self._stamp:
            self._curves = read_foreign(log).curves
            self._stamp = stamp


def read_curves(run: Path) -> Curves:
    """Returns a run's curves; a run without a line yet has empty tables.

    Raises:
        RunError: As `CurveReader.read`.
    """
    return CurveReader(run).read()


EXPERIMENT = "ablation-"
"""Names of the shipped runs that tell what padding and augmentation do begin with it."""
_DEEPEST = 3
"""Folders in each other in which foreign logs are found: project/lightning_logs/version_0."""
_FOLDERS_KEPT = 8
"""Folders of runs that stay in memory."""


def list_runs(folder: Path) -> list[RunSummary]:
    """Returns every run below a folder, the one that started last first.

    What was read stays in memory, so a second look opens only what changed since. A run that can't
    be read stands in the list with its error; hidden folders and single files are no runs. A folder
    that is no run, but holds foreign logs in folders of its own (Lightning's `version_0`), is
    listed by these; one that is a foreign log and holds others is listed beside them.

    Args:
        folder: The folder of runs; one that is not there yet has none.

    Raises:
        RunError: The folder is there and can't be read.
    """
    place = folder.absolute()
    with _LISTING:
        known = _KNOWN.pop(place, {})
        now: dict[str, RunReader] = {}
        runs = []
        try:
            for name in _subfolders(folder):
                runs += _read(name, folder / name, known, now)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"The runs in {folder} can't be listed: {reason(error)}.") from error
        _KNOWN[place] = now
        while len(_KNOWN) > _FOLDERS_KEPT:
            _KNOWN.popitem(last=False)
    return sorted(runs, key=_newest_first)


class RunReader:
    """One folder below the folder of runs, and what is known of it."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._own = OwnRun(name, folder)
        self._stamp: object = None
        self._summary = RunSummary(name, folder)

    def read(self) -> RunSummary:
        """Returns the folder as it is now; `written_by` is empty where it is no run.

        Raises:
            FileNotFoundError: It was deleted.
        """
        try:
            files = _files(self._folder)
            if is_own_run(files):
                return self._own.read(files)
            stamp = [(name, f.st_size, f.st_mtime_ns, f.st_ino) for name, f in files.items()]
            if stamp != self._stamp:
                self._summary = self._recognise(files)
                self._stamp = stamp
        except FileNotFoundError:
            raise
        except OSError as error:
            return RunSummary(self._name, self._folder, error=f"It can't be read: {reason(error)}.")
        return self._summary if self._summary.written_by != "carmask" else self._own.read(files)

    def _recognise(self, files: Files) -> RunSummary:
        log = recognise(self._folder, files)
        if log:
            return summarise(self._name, self._folder, log)
        begun = "config.json" in files or "lock" in files
        return RunSummary(
            self._name,
            self._folder,
            written_by="carmask" if begun else "",
            error="It is no run: it has neither metrics.jsonl nor state.json, nor a log that is "
            "known here.",
        )


def _read(
    name: str, path: Path, known: dict[str, RunReader], now: dict[str, RunReader], depth: int = 1
) -> list[RunSummary]:
    """Returns the run in a folder, and the foreign logs in its folders."""
    if not is_text(name):
        error = "Its name is no text in UTF-8; rename the folder."
        return [RunSummary(printable(name), path, error=error)]
    found = known.get(name) or RunReader(name, path)
    try:
        summary = found.read()
        now[name] = found
        if summary.written_by == "carmask":
            return [summary]
        below: list[RunSummary] = []
        for inner in _subfolders(path) if depth < _DEEPEST else ():
            below += _read(f"{name}/{inner}", path / inner, known, now, depth + 1)
    except FileNotFoundError:  # deleted at this moment
        return []
    logs = [each for each in below if each.written_by not in ("", "carmask")]
    if summary.written_by:
        return [summary, *logs]
    return logs or ([] if _is_network(path) else [summary])


def _is_network(folder: Path) -> bool:
    """Returns whether a folder holds another program's network, or one that answers clicks."""
    path = folder / "checkpoints" / f"best{SUFFIX}"
    try:
        if (folder / NETWORK_FILE).is_file():
            return True
        return path.is_file() and bool(read_info(path).origin)
    except (CheckpointError, OSError):
        return False


def _subfolders(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir():
                yield entry.name


def _files(folder: Path) -> dict[str, os.stat_result]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat() for entry in entries if entry.is_file()}


def _newest_first(run: RunSummary) -> tuple[float, str]:
    return -run.started.timestamp() if run.started else 0.0, run.name


_LISTING = threading.Lock()
_KNOWN: OrderedDict[Path, dict[str, RunReader]] = OrderedDict()
"""What is known of the runs below a folder, by the run's name; the folder used last at the end."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A run at one moment."""

    summary: RunSummary
    """Its status is "missing" where there is no such run, "queued" where it waits."""
    curves: Curves
    ahead: tuple[str, ...] = ()
    """Runs that come before it in the queue."""
    log: tuple[str, ...] = ()
    """The last lines of its log."""

    @property
    def status(self) -> Status:
        """What it does."""
        return self.summary.status

    @property
    def alive(self) -> bool:
        """Whether it changes by itself."""
        return self.status in CHANGING

    @property
    def seconds_left(self) -> float | None:
        """Time that the rest takes at the pace so far; None where nobody can tell."""
        done, spent = self.summary.share, self.summary.seconds
        return spent * (1 - done) / done if self.status == "running" and done and spent else None

    def last(self, column: str) -> float | None:
        """Returns the figure measured last, of a column of either table; None if there is none."""
        known = [
            table.loc[table[column].notna(), ["step", column]]
            for table in (self.curves.epochs, self.curves.steps)
            if column in table
        ]
        rows = pd.concat(known) if known else pd.DataFrame()
        if rows.empty:
            return None
        return float(rows.sort_values("step", kind="stable")[column].iloc[-1])


class WatchedRun:
    """Looks at one run again and again; reads what was appended only. One for one viewer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._queue = Queue(folder.parent)
        self._own = OwnRun(folder.name, folder)
        self._curves = CurveReader(folder)

    def read(self, lines: int = 12) -> Seen:
        """Returns the run as it is now, with so many lines of its log; it never raises."""
        name, folder = self.folder.name, self.folder
        summary, error = RunSummary(name, folder, status="missing"), ""
        curves, log = curves_of([], []), []
        try:
            if folder.is_dir():
                files = {each.name: each.stat() for each in folder.iterdir() if each.is_file()}
                summary = self._own.read(files)
                curves = self._curves.read()
                log = last_lines(folder / "log.txt", lines)
        except FileNotFoundError:  # deleted at this moment
            pass
        except (OSError, RunError) as problem:
            error = str(problem)
        errors = " ".join(filter(None, (error or summary.error, curves.error)))
        if errors != summary.error:
            summary = replace(summary, error=errors)
        waiting = self._queue.waiting()
        begun = self._queue.begun()
        ahead: tuple[str, ...] = ()
        for entry in waiting:
            if entry.run == name:
                lane = [e.run for e in begun + waiting if e.device == entry.device]
                ahead = tuple(lane[: lane.index(name)])
                summary = replace(summary, status="queued", message="")
        for entry in begun:
            written = summary.updated.timestamp() if summary.updated else 0.0
            if entry.run == name and summary.status != "running" and written < entry.asked:
                summary = replace(summary, status="starting", message="")
        failure = self._queue.failure(name)
        if failure and summary.status in ("missing", "stopped", "finished", "unknown"):
            summary = replace(summary, status="failed", message=failure)
        return Seen(summary, curves, ahead, tuple(log))
