"""Evaluation: whole photos at their own size, every one of them, never crops or batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.masks import MaskSettings, mask_from_probability
from core.metrics import Counts, MaskScores, counts, mean_scores, pooled_scores, score
from core.predict import Predictor
from training.data import Sample


@dataclass(frozen=True)
class ImageResult:
    """One photo's scores."""

    sample: Sample
    scores: MaskScores
    pixels: Counts


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of photos; means are over photos and no photo ever drops out."""

    results: tuple[ImageResult, ...]

    def summary(self) -> dict[str, Any]:
        """Returns the metrics by name, with counts, pooled figures and the same a data folder."""
        facts = _summary(self.results)
        sources = sorted({result.sample.source for result in self.results})
        facts["sources"] = {
            source: _summary([r for r in self.results if r.sample.source == source])
            for source in sources
        }
        return facts


def evaluate(
    predictor: Predictor,
    samples: Sequence[Sample],
    *,
    settings: MaskSettings,
    progress: Callable[[int, int], None] | None = None,
    look: Callable[[Sample, NDArray[np.float32]], None] | None = None,
) -> Evaluation:
    """Returns the scores of a predictor on samples.

    Args:
        predictor: The network.
        samples: Photos with masks.
        settings: Threshold and clean-up.
        progress: Called with (photos done, photos in all).
        look: Called with each sample and its probability (H, W) float32.

    Raises:
        ImageError: A photo can't be read.
        MaskError: A mask can't be read or has another size than its photo.
    """
    results = []
    for done, sample in enumerate(samples, start=1):
        image, truth = sample.read()
        probability = predictor(image)
        mask = mask_from_probability(probability, settings)
        results.append(ImageResult(sample, score(mask, truth), counts(mask, truth)))
        if look:
            look(sample, probability)
        if progress:
            progress(done, len(samples))
    return Evaluation(tuple(results))


def _summary(results: Sequence[ImageResult]) -> dict[str, Any]:
    pooled = pooled_scores(result.pixels for result in results)
    return {
        "images": len(results),
        "cars": len({(result.sample.source, result.sample.car) for result in results}),
        **asdict(mean_scores([result.scores for result in results])),
        "pooled_dice": pooled.dice,
        "pooled_iou": pooled.iou,
    }
