"""The doctor's visits to one run: a single one, or again and again while it is trained."""

from __future__ import annotations

from pathlib import Path

from core.errors import RunError
from training.runs.doctor.case import Case, case_of
from training.runs.doctor.findings import Finding, findings_of
from training.runs.listing import CurveReader, RunReader


class Doctor:
    """Looks at one run, our own or a foreign one; a second look reads what was appended alone."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._summary = RunReader(run.name, run)
        self._curves = CurveReader(run)
        self._told: set[str] = set()

    def case(self) -> Case:
        """Returns the run as it is now.

        Raises:
            RunError: It is no run, or can't be read.
        """
        try:
            summary = self._summary.read()
        except FileNotFoundError as error:
            raise RunError(f"There is no run {self._run}; give a run's folder.") from error
        if not summary.written_by or (summary.error and summary.written_by != "carmask"):
            raise RunError(f"{self._run}: {summary.error}")
        return case_of(summary, self._curves.read())

    def findings(self) -> list[Finding]:
        """Returns what is wrong with the run as it is now, the worst first.

        Raises:
            RunError: As `case`.
        """
        return findings_of(self.case())

    def news(self) -> list[Finding]:
        """Returns what is wrong now and was not told before; each kind is told once.

        Raises:
            RunError: As `case`.
        """
        found = [each for each in self.findings() if each.kind not in self._told]
        self._told.update(each.kind for each in found)
        return found
