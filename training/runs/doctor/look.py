"""A look at a few masks before a training learns from them: are they black and white, and whole?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.data.folder import Dataset, Sample
from training.health.facts import ImageFacts, measure
from training.health.findings import Finding, findings_of
from training.runs.doctor.case import MaskLook, OddMasks

LOOKED_AT = 16
"""Masks that are looked at, spread over all."""
_ODD = ("mask_values", "empty_mask", "full_mask", "unclear_mask", "inverted", "other_values")
"""Findings of `training.health` that say that a mask's values are not what they should be."""


def look_at_masks(datasets: Sequence[Dataset], samples: Sequence[Sample]) -> MaskLook:
    """Returns what is odd about a few of the masks that a training learns from.

    Args:
        datasets: The data folders.
        samples: The training photos.
    """
    step = max(1, -(-len(samples) // LOOKED_AT))
    seen = {sample: measure(sample) for sample in samples[::step]}
    found = [
        OddMasks(finding.title, finding.names, finding.advice)
        for dataset in datasets
        for finding in findings_of(dataset, _of(dataset, seen))
        if finding.kind in _ODD and not _is_usual(finding)
    ]
    return MaskLook(len(seen), tuple(found))


def _is_usual(finding: Finding) -> bool:
    """Tells whether photos without a car are usual in such a folder."""
    return finding.kind == "empty_mask" and finding.severity != "error"


def _of(dataset: Dataset, seen: Mapping[Sample, ImageFacts]) -> list[tuple[Sample, ImageFacts]]:
    return [(sample, facts) for sample, facts in seen.items() if sample.source == dataset.name]
