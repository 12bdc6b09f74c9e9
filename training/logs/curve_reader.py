"""Reads a run's curves, its own or foreign ones; looks again at what was appended only."""

from __future__ import annotations

from pathlib import Path

from core.errors import RunError, reason
from training.logs.curves import Curves, curves_of, curves_of_lines, joined, parse_lines
from training.logs.foreign import read_foreign, recognise
from training.logs.tail import Tail
from training.runlog import is_own_run


class CurveReader:
    """The curves of one run, kept up to date; one reader for one viewer."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._tail = Tail(run / "metrics.jsonl")
        self._curves = curves_of([], [])
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
        return Curves(self._curves.steps.copy(), self._curves.epochs.copy())

    def _read_own(self) -> None:
        appended = self._tail.read()
        if appended.afresh:
            self._curves = curves_of([], [])
        if appended.data:
            self._curves = joined(self._curves, curves_of_lines(parse_lines(appended.data)))

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
