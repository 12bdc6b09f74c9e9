"""Evaluations that checkpoints have in common: for a comparison without the photos."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import DataError
from training.evaluation.settings import EvaluationSettings
from training.evaluation.stored import (
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    list_evaluations,
    read_evaluation,
)
from training.evaluation.subjects import Subject

_Photos = tuple[str, str, str]


def stored_together(
    subjects: Sequence[Subject], settings: EvaluationSettings
) -> list[StoredEvaluation]:
    """Returns the stored evaluations of subjects on the same photos: those of the most cars.

    Args:
        subjects: What is compared, at least one.
        settings: How masks were made.

    Raises:
        CheckpointError: A checkpoint can't be read.
        DataError: They were not all evaluated on the same photos with these settings.
    """
    found = [_by_photos(subject, settings) for subject in subjects]
    shared = [photos for photos in found[0] if all(photos in each for each in found)]
    if not shared:
        lacking = [each.title for each, facts in zip(subjects, found, strict=True) if not facts]
        which = f"{', '.join(lacking)} was never" if lacking else "They were not all"
        raise DataError(
            f"{which} evaluated on the same photos with these settings, so there is nothing to "
            "compare yet. Give the photos with --data DIR."
        )
    chosen = max(shared, key=lambda photos: (found[0][photos].cars, found[0][photos].created))
    return [
        read_evaluation(evaluation_path(subject, facts[chosen].key))
        for subject, facts in zip(subjects, found, strict=True)
    ]


def _by_photos(subject: Subject, settings: EvaluationSettings) -> dict[_Photos, EvaluationFacts]:
    """Returns the facts of a subject's evaluations by what they are on."""
    wanted = settings.masks(subject.threshold)
    found: dict[_Photos, EvaluationFacts] = {}
    for facts in list_evaluations(subject.paths[0]):
        same = facts.identity == subject.identity
        if same and facts.settings.masks(subject.threshold) == wanted:
            photos = facts.data_fingerprint, facts.part, facts.split_fingerprint
            found.setdefault(photos, facts)  # the newest comes first
    return found
