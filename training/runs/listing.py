"""The runs of a folder, whoever wrote them: a list, and how their settings differ."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from core.checkpoint import SUFFIX, read_info
from core.errors import CheckpointError, RunError, reason
from core.names import is_text, printable
from training.runs.foreign import recognise
from training.runs.foreign.summary import summarise
from training.runs.own_run import Files, OwnRun
from training.runs.runlog import is_own_run
from training.runs.summary import RunSummary

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
    return logs or ([] if _is_imported(path) else [summary])


def _is_imported(folder: Path) -> bool:
    """Returns whether a folder holds another program's network, which was never a run here."""
    path = folder / "checkpoints" / f"best{SUFFIX}"
    try:
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
