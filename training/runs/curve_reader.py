"""Reads a run's curves, its own or foreign ones; looks again at what was appended only."""

from __future__ import annotations

from pathlib import Path

from core.errors import RunError, reason
from training.runs.curves import Curves, curves_of, curves_of_lines, joined
from training.runs.foreign import read_foreign, recognise
from training.runs.metric_lines import parse_lines
from training.runs.runlog import is_own_run
from training.runs.tail import Tail


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
