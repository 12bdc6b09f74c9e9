"""Evaluating: what was computed before is found, the rest is computed and stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from core.errors import DataError
from training.evaluation.images import EvaluationImages, EvaluationSettings
from training.evaluation.stored import (
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    facts_of,
    find_evaluation,
    write_evaluation,
)
from training.evaluation.subjects import Subject


def evaluate_subjects(
    subjects: Sequence[Subject],
    images: EvaluationImages,
    settings: EvaluationSettings,
    *,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[StoredEvaluation]:
    """Returns the evaluations of subjects, in their order; what was missing is stored from now on.

    Of what is found, the verdict is looked at again: a leak or an anchored mask that is noticed now
    is stored as well.

    What was interrupted goes on where it stopped. A photo that can't be read becomes a row with
    its error.

    Args:
        subjects: What to evaluate.
        images: The photos; each is read once, whatever the number of subjects.
        settings: Threshold and clean-up.
        device: As for `core.device.resolve_device`.
        progress: Called with (answers known, answers in all) where something is missing; an answer
            is one subject's to one photo.
        stop: Asked after each photo (on a graphics card after eight); when it says True, only the
            finished evaluations are returned.

    Raises:
        CheckpointError: A checkpoint's weights are damaged.
        DataError: An evaluation can't be written.
        DeviceError: This machine has no such device.
        KeyboardInterrupt: As it came; what was computed is kept for the next time.
    """
    found: dict[str, StoredEvaluation] = {}
    missing: dict[str, tuple[Subject, EvaluationFacts]] = {}
    keys = []
    for subject in subjects:
        facts = facts_of(subject, images, settings)
        keys.append(facts.key)
        known = find_evaluation(subject, images, settings)
        verdict, warnings = images.judge(subject)
        anchored = images.anchored(subject)
        told = replace(facts, verdict=verdict, warnings=warnings, anchored=anchored)
        if known is None:
            missing[facts.key] = subject, told
        elif _is_worse(told, known.facts):
            told = replace(known.facts, verdict=verdict, warnings=warnings, anchored=anchored)
            found[facts.key] = replace(known, facts=told)
            with suppress(DataError):  # a folder that can't be written keeps the old verdict
                write_evaluation(evaluation_path(subject, facts.key), found[facts.key])
        else:
            found[facts.key] = known
    if missing:
        from training.evaluation.compute import compute  # torch takes seconds

        found |= compute(list(missing.values()), images.samples, device, progress, stop)
    return [found[key] for key in keys if key in found]


def _is_worse(now: EvaluationFacts, before: EvaluationFacts) -> bool:
    """Returns whether figures deserve less trust than what is stored says."""
    leaks = now.verdict.kind == "leaky" and before.verdict.kind != "leaky"
    return leaks or now.anchored > before.anchored
