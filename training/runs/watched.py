"""One run as somebody sees it who watches it: its state, its curves, its place in the queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.errors import RunError
from training.jobs.queue import Queue
from training.runs.curve_reader import CurveReader
from training.runs.curves import Curves, curves_of
from training.runs.log_end import last_lines
from training.runs.own_run import OwnRun
from training.runs.statuses import CHANGING, Status
from training.runs.summary import RunSummary


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
