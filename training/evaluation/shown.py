"""The scores that lists show of a checkpoint: the same wherever it is listed, with their path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.checkpoint import CheckpointInfo
from core.errors import CarmaskError
from core.metric_table import HEADLINE
from core.names import counted
from training.evaluation.stored import (
    SUFFIX,
    EvaluationFacts,
    folder_of,
    list_evaluations,
    read_evaluation,
)


@dataclass(frozen=True)
class ShownScores:
    """Means of a checkpoint by itself, and what they are of."""

    means: Mapping[str, float]
    """By the names of `HEADLINE`; none where nothing was ever measured."""
    prediction: str
    """By which path the masks came about; with "in training" for those of its validation."""
    photos: str = ""
    """What they were measured on; "" where that is not recorded."""


def shown_scores(path: Path, info: CheckpointInfo) -> ShownScores:
    """Returns the scores of a stored evaluation in a single pass, else those of the training.

    Of several evaluations that counts which can be trusted, is of validation photos, and has the
    most cars; of equals the newest.

    Args:
        path: The checkpoint.
        info: What its header says.
    """
    try:
        single = [facts for facts in list_evaluations(path) if not facts.is_combined]
        if single:
            facts = max(single, key=_weight)
            scored = read_evaluation(folder_of(path) / f"{facts.key}{SUFFIX}").scored
            means = {metric.name: float(scored[metric.name].mean()) for metric in HEADLINE}
            photos = f"{counted(facts.images, 'photo')} of {counted(facts.cars, 'car')}"
            return ShownScores(means, facts.prediction, f"{facts.data}: {photos}")
    except CarmaskError:
        pass  # damaged: the training's own are left
    known = {metric.name: info.metrics.get(metric.name) for metric in HEADLINE}
    means = {name: float(value) for name, value in known.items() if isinstance(value, int | float)}
    return ShownScores(means, "single pass in training")


def _weight(facts: EvaluationFacts) -> tuple[bool, bool, int, str]:
    return facts.verdict.is_clean, facts.part == "val", facts.cars, facts.created
