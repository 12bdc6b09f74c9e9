"""Predictions for each photo of some data folders, as several benchmarks need them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from core.image_model import ImageModel, Prediction
from core.masks import Mask, MaskSettings, mask_from_probability
from training.commands.options import counting_bar
from training.data.folder import Sample
from training.evaluation.images import open_images


def options_of_photos(description: str | None, checkpoint: Path) -> argparse.ArgumentParser:
    """Returns a parser of what `predictions` needs; `checkpoint` is the default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--checkpoint", type=Path, default=checkpoint)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--split", type=Path, help="a run's split.json: its validation photos only")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth photo")
    return parser


def predictions(
    options: argparse.Namespace, model: ImageModel, threshold: float
) -> Iterator[tuple[Sample, Mask, Prediction, Mask]]:
    """Yields each photo, its true mask, its prediction and the mask of that, bool (H, W)."""
    images = open_images(options.data, None, options.split, "val" if options.split else "all")
    settings = MaskSettings(threshold)
    chosen = images.samples[:: options.every]
    with counting_bar("ask") as progress:
        for done, sample in enumerate(chosen, start=1):
            photo, truth = sample.read()
            prediction = model.predict(photo)
            probability = prediction.at_size(*truth.shape)
            yield sample, truth, prediction, mask_from_probability(probability, settings)
            progress(done, len(chosen))
