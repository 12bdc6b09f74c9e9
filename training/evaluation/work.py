"""One evaluation in the making: what is done of it is kept, and goes on where it stopped."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from core.errors import DataError
from core.masks import MaskSettings
from training.evaluation.histograms import Histograms, joined
from training.evaluation.rows import ImageRow
from training.evaluation.stored import (
    UNFINISHED,
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    read_evaluation,
    write_evaluation,
)
from training.evaluation.subjects import Subject
from training.runs.runlog import now

Measured = tuple[ImageRow, Histograms]
"""What is known of one photo."""

_EVERY = 10.0
"""Seconds between two writings of what is done, at least."""
_SHARE = 20.0
"""Times as long as a writing takes, the next one waits: long evaluations are written less often."""


@dataclass
class Work:
    """A subject's evaluation on some photos, as far as it is."""

    subject: Subject
    facts: EvaluationFacts
    """What it is of; counts and times are filled in at its end."""
    measured: list[Measured] = field(default_factory=list)
    """The first photos, in the data's order."""
    _next: float = 0.0

    @classmethod
    def begun(cls, subject: Subject, facts: EvaluationFacts) -> Work:
        """Returns a work that goes on with what an interrupted one left, if it was of this kind.

        What another device or another version of a library computed is not mixed with this one's.
        """
        work = cls(subject, facts)
        with suppress(DataError):
            part = read_evaluation(work.part)
            if (part.facts.device, part.facts.code) == (facts.device, facts.code):
                each = (part.histograms.take(np.array([at])) for at in range(len(part.image_rows)))
                work.measured = list(zip(part.image_rows, each, strict=True))
        return work

    @property
    def done(self) -> int:
        """How many photos are done."""
        return len(self.measured)

    @property
    def masks(self) -> MaskSettings:
        """How its masks are made."""
        return self.facts.settings.masks(self.facts.threshold)

    @property
    def path(self) -> Path:
        """The file of the finished evaluation."""
        return evaluation_path(self.subject, self.facts.key)

    @property
    def part(self) -> Path:
        """The file of what is done so far."""
        return self.path.with_suffix(UNFINISHED)

    def save(self, *, now_and_then: bool = False) -> None:
        """Writes what is done so far; raises a DataError where it can't.

        Args:
            now_and_then: Whether to do so only if the last time was long ago.
        """
        started = time.monotonic()
        if not self.measured or (now_and_then and started < self._next):
            return
        write_evaluation(self.part, self._stored())
        ended = time.monotonic()
        self._next = ended + max(_EVERY, _SHARE * (ended - started))

    def finish(self) -> StoredEvaluation:
        """Returns the whole evaluation after it was written; raises a DataError where it can't."""
        evaluation = self._stored()
        write_evaluation(self.path, evaluation)
        self.part.unlink(missing_ok=True)
        return evaluation

    def _stored(self) -> StoredEvaluation:
        rows = [row for row, _ in self.measured]
        facts = replace(
            self.facts,
            images=len(rows),
            cars=len({(row.source, row.car) for row in rows}),
            failed=sum(bool(row.error) for row in rows),
            created=now(),
        )
        histograms = joined([histograms for _, histograms in self.measured])
        return StoredEvaluation(facts, tuple(rows), histograms)
