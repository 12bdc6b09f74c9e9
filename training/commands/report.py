"""python -m training report: a comparison as one HTML file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DataError
from training.commands import EXIT_OK
from training.commands.options import (
    add_reading,
    counting_bar,
    reading_of,
    terminated_like_ctrl_c,
    writing,
)

if TYPE_CHECKING:
    from core.image_model import ImageModel
    from training.comparison.report import Photos
    from training.data.folder import Sample
    from training.evaluation.stored import StoredEvaluation
    from training.evaluation.subjects import Subject


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "report",
        help="write a comparison of checkpoints as one HTML file",
        description="Write one HTML file with verdicts, figures and pictures that opens without a "
        "network. What was evaluated before is found again, beside the checkpoints.",
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        nargs="+",
        metavar="C",
        help="file, or a run's folder; the others are compared against the first",
    )
    parser.add_argument(
        "--data",
        action="append",
        type=Path,
        metavar="DIR",
        help="photos with masks; without it the newest photos that all were evaluated on, and no "
        "pictures",
    )
    add_reading(parser)
    parser.add_argument("--split", type=Path, metavar="FILE", help="split.json of a run")
    parser.add_argument("--part", choices=["all", "train", "val"], default="all")
    parser.add_argument("--metric", default="dice", metavar="NAME", help="what to compare by")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Writes the report."""
    from core.files import write_bytes_atomically
    from core.metric_table import find_metric
    from training.comparison.report import report_html
    from training.evaluation.subjects import subject_of
    from training.runs.curve_shapes import colour_of

    metric = find_metric(options.metric)
    subjects = [subject_of(path) for path in options.checkpoint]
    evaluations, samples = _evaluations(options, subjects)
    colours = [colour_of(place) for place in range(len(subjects))]
    photos = _photos(subjects, evaluations, samples, options.device)
    page = report_html(evaluations, colours, metric, 0, photos)
    with writing(options.out):
        write_bytes_atomically(options.out, page)
    print(f"{options.out}: {len(page) / 1e6:.1f} MB", file=sys.stderr)
    return EXIT_OK


def _evaluations(
    options: argparse.Namespace, subjects: Sequence[Subject]
) -> tuple[list[StoredEvaluation], Mapping[tuple[str, str], Sample]]:
    """Returns what is known of the subjects, and the photos by source and name."""
    from training.evaluation.images import EvaluationSettings, open_images
    from training.evaluation.run import evaluate_subjects

    if not options.data:
        return _stored(subjects), {}
    images = open_images(options.data, reading_of(options), options.split, options.part)
    with terminated_like_ctrl_c(), counting_bar("evaluate") as progress:
        found = evaluate_subjects(
            subjects, images, EvaluationSettings(), device=options.device, progress=progress
        )
    return found, {sample.key: sample for sample in images.samples}


def _stored(subjects: Sequence[Subject]) -> list[StoredEvaluation]:
    """Returns the newest evaluations that all subjects have of the same photos."""
    from training.evaluation.stored import evaluation_path, list_evaluations, read_evaluation

    known = [
        {
            (facts.data_fingerprint, facts.part, facts.split_fingerprint): facts.key
            for facts in reversed(list_evaluations(subject.paths[0]))
            if facts.identity == subject.identity
        }
        for subject in subjects
    ]
    for photos in reversed(known[0]):
        if all(photos in each for each in known):
            return [
                read_evaluation(evaluation_path(subject, each[photos]))
                for subject, each in zip(subjects, known, strict=True)
            ]
    raise DataError(
        "These checkpoints were not evaluated on the same photos; give the photos with --data DIR."
    )


def _photos(
    subjects: Sequence[Subject],
    evaluations: Sequence[StoredEvaluation],
    samples: Mapping[tuple[str, str], Sample],
    device: str,
) -> Photos:
    """Returns where the pictures come from: the photos, and the networks that look at some."""
    from core.image import read_image
    from core.masks import Mask, mask_from_probability
    from training.comparison.report import Photos

    networks: dict[int, ImageModel] = {}

    def mask_of(place: int, sample: Sample) -> Mask:
        if place not in networks:
            networks[place] = subjects[place].load(device)
        facts = evaluations[place].facts
        probability = networks[place](read_image(sample.image_path))
        return mask_from_probability(probability, facts.settings.masks(facts.threshold))

    return Photos(samples, mask_of)
