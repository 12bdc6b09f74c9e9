"""What the commands that judge checkpoints on photos have in common."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.names import counted
from training.commands import EXIT_OK, EXIT_SPOILT
from training.commands.options import add_reading, reading_of

if TYPE_CHECKING:
    from training.evaluation.images import EvaluationImages
    from training.evaluation.stored import StoredEvaluation
    from training.evaluation.subjects import Subject


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Declares which photos are taken, how masks are made, and what else than single checkpoints.

    The command declares `checkpoint` and `data` itself.
    """
    add_reading(parser)
    parser.add_argument("--split", type=Path, metavar="FILE", help="split.json of a run")
    parser.add_argument("--part", choices=["all", "train", "val"], default="all")
    parser.add_argument("--threshold", type=float, help="default: each checkpoint's own")
    parser.add_argument(
        "--tta", action="store_true", help="also score each with the mirrored photo (mean of both)"
    )
    parser.add_argument(
        "--ensemble", action="store_true", help="also score the mean of all checkpoints"
    )
    parser.add_argument(
        "--cascade",
        type=Path,
        nargs=2,
        action="append",
        default=[],
        metavar=("C", "FALLBACK"),
        help="also score what app and command line do by default: C with the mirrored photo, and "
        "FALLBACK, closer where the car is small, for photos that C does not know",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def subjects_of(options: argparse.Namespace) -> list[Subject]:
    """Returns what is scored: every checkpoint, and what the other options add to them."""
    from training.evaluation.subjects import cascade_of, ensemble_of, subject_of

    sides = (False, True) if options.tta else (False,)
    found = [subject_of(path, flips=flips) for flips in sides for path in options.checkpoint]
    if options.ensemble:
        found += [ensemble_of(found, flips=flips) for flips in sides]
    return found + [cascade_of(first, fallback) for first, fallback in options.cascade]


def images_of(options: argparse.Namespace) -> EvaluationImages:
    """Returns the photos that were asked for, and says what is left out of the data folders."""
    from training.evaluation.images import open_images

    images = open_images(options.data, reading_of(options), options.split, options.part)
    for dataset in images.datasets:
        for problem in dataset.problems():
            print(f"note: {problem}", file=sys.stderr)
    return images


def finite(value: Any) -> Any:
    """Returns a value in which what is no number is None: JSON has no word for NaN."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say_warnings(evaluations: Sequence[StoredEvaluation]) -> None:
    """Says what the figures must be read with."""
    for evaluation in evaluations:
        of = f"{evaluation.facts.title}: " if len(evaluations) > 1 else ""
        verdict = evaluation.facts.verdict
        if not verdict.is_clean:
            print(f"{of}{verdict.sentence()}", file=sys.stderr)
        for warning in filter(None, (*evaluation.facts.warnings, evaluation.facts.anchoring)):
            print(f"{of}note: {warning}", file=sys.stderr)


def say_failures(evaluation: StoredEvaluation) -> int:
    """Names the photos that can't be read, the same ones for all; returns the exit status."""
    failed = [row for row in evaluation.image_rows if row.error]
    for row in failed:
        print(f"{row.source}/{row.image} can't be read: {row.error}", file=sys.stderr)
    if not failed:
        return EXIT_OK
    print(
        f"{len(failed)} of {counted(len(evaluation.image_rows), 'photo')} can't be read and stand "
        "in no mean.",
        file=sys.stderr,
    )
    return EXIT_SPOILT
