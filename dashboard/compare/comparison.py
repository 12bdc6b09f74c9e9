"""From what is chosen to what can be shown: the evaluations, aligned, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.errors import CarmaskError
from core.metric_table import Metric
from dashboard.compare.image_sets import Wanted
from dashboard.compare.measured import Facts, find_measured, subject_for
from dashboard.compare.rows import Chosen, ChosenImages, Row
from training.comparison.aligned import Compared, align
from training.evaluation.stored import EvaluationFacts, StoredEvaluation
from training.evaluation.subjects import Subject


@dataclass(frozen=True, eq=False)
class Found:
    """What was measured of the chosen rows, and what was not."""

    measured: tuple[tuple[Row, StoredEvaluation], ...]
    missing: tuple[tuple[Row, Subject], ...]
    """Rows that are not measured on these images."""
    faulty: tuple[tuple[str, str], ...]
    """Name of a row and why it can't be measured."""

    @property
    def ranked(self) -> list[Row]:
        """Those measured that were not trained on the images' cars."""
        return [row for row, each in self.measured if each.facts.verdict.kind != "leaky"]


def look_up(rows: Sequence[Row], wanted: Wanted, facts: Facts) -> Found:
    """Returns what was measured of rows on the wanted images.

    Args:
        rows: What is compared.
        wanted: The images.
        facts: What was evaluated of each checkpoint.
    """
    measured, missing, faulty = [], [], []
    for row in rows:
        try:
            subject = subject_for(row)
        except CarmaskError as error:
            faulty.append((row.name, str(error)))
            continue
        evaluation = find_measured(subject, wanted.images, facts)
        if evaluation is None:
            missing.append((row, subject))
        else:
            measured.append((row, evaluation))
    return Found(tuple(measured), tuple(missing), tuple(faulty))


def chosen_of(
    measured: Sequence[tuple[Row, StoredEvaluation]], baseline: int, metric: Metric, wanted: Wanted
) -> Chosen:
    """Returns the comparison of rows that are all measured.

    Args:
        measured: The rows with what was measured of them.
        baseline: Place of the one that the others are compared against.
        metric: What is compared by.
        wanted: The images.

    Raises:
        DataError: They can't be compared.
    """
    rows = tuple(row for row, _ in measured)
    evaluations = tuple(
        replace(evaluation, facts=replace(evaluation.facts, title=row.title))
        for row, evaluation in measured
    )
    samples = wanted.here.samples if wanted.here else ()
    return Chosen(
        rows=rows,
        evaluations=evaluations,
        compared=_aligned([e.facts for e in evaluations], evaluations),
        baseline=baseline,
        metric=metric,
        images=ChosenImages(
            wanted.images.title,
            {sample.key: sample for sample in samples},
            wanted.missing,
        ),
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _aligned(
    facts: Sequence[EvaluationFacts], _evaluations: Sequence[StoredEvaluation]
) -> Compared:
    return align(_evaluations)
