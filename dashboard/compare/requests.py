"""The jobs that measure rows, as few as there can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboard.compare.choice import Row
from training.jobs.evaluation import EvaluationRequest


def requests_for(rows: Sequence[Row], asked: EvaluationRequest) -> list[EvaluationRequest]:
    """Returns jobs for rows; checkpoints that stand alone share one, so the data are read once.

    Args:
        rows: What is to be measured.
        asked: On which data, and what of them; its checkpoints don't matter.
    """
    found = []
    for flips in (False, True):
        alone = [row.paths[0] for row in rows if len(row.paths) == 1 and row.flips == flips]
        if alone:
            found.append(replace(asked, checkpoints=tuple(alone), tta=flips))
    return found + [
        replace(asked, checkpoints=row.paths, cascade=True)
        if row.cascade
        else replace(asked, checkpoints=row.paths, tta=row.flips, ensemble=True)
        for row in rows
        if len(row.paths) > 1
    ]
