"""python -m training evaluate: scores checkpoints."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError, DataError, reason
from training.commands import EXIT_OK, EXIT_SPOILT
from training.commands.reading import add_reading, reading_of
from training.commands.stopping import terminated_like_ctrl_c
from training.progress_bar import counting_bar

if TYPE_CHECKING:
    from training.evaluation.rows import ImageRow
    from training.evaluation.stored import StoredEvaluation
    from training.evaluation.subjects import Subject


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "evaluate",
        help="score checkpoints on photos with masks",
        description="What was computed before is found again, beside the checkpoint; interrupted, "
        "the same command goes on where it stopped. Exit status: 0 done, 1 a photo can't be read, "
        "2 wrong usage.",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        metavar="C",
        help="file, or a run's folder; several are scored on the same photos, each read once",
    )
    parser.add_argument("--data", action="append", type=Path, required=True, metavar="DIR")
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
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print JSON, one row a photo")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write all rows to a .csv or .parquet file"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Scores checkpoints on the photos of data folders."""
    from training.evaluation.images import open_images
    from training.evaluation.run import evaluate_subjects
    from training.evaluation.settings import EvaluationSettings

    settings = EvaluationSettings(threshold=options.threshold)
    _check_out(options.out)
    subjects = _subjects(options)
    images = open_images(options.data, reading_of(options), options.split, options.part)
    for dataset in images.datasets:
        for problem in dataset.problems():
            print(f"note: {problem}", file=sys.stderr)
    with terminated_like_ctrl_c(), counting_bar("evaluate") as progress:
        evaluations = evaluate_subjects(
            subjects, images, settings, device=options.device, progress=progress
        )
    if options.out:
        _write_rows(evaluations, options.out)
    _say_warnings(evaluations)
    print(_json(evaluations) if options.json else _text(evaluations))
    return _say_failures(evaluations[0])


def _subjects(options: argparse.Namespace) -> list[Subject]:
    """Returns what is scored: every checkpoint, and what --tta and --ensemble add to them."""
    from training.evaluation.subjects import ensemble_of, subject_of

    sides = (False, True) if options.tta else (False,)
    found = [subject_of(path, flips=flips) for flips in sides for path in options.checkpoint]
    if options.ensemble:
        found += [ensemble_of(found, flips=flips) for flips in sides]
    return list({(each.fingerprints, each.flips): each for each in found}.values())


def _json(evaluations: Sequence[StoredEvaluation]) -> str:
    """Returns a list with an object an evaluation: its facts, means, gain and rows."""
    from training.evaluation.gain import gain_of
    from training.evaluation.stored import rows_in

    told = []
    for evaluation in evaluations:
        rows = rows_in(evaluation)
        gain = gain_of(evaluation, evaluations)
        told.append(
            {
                **asdict(evaluation.facts),
                **_means(rows),
                "gain": None if gain is None else gain.facts(),
                "rows": [
                    {name: None if value != value else value for name, value in asdict(row).items()}
                    for row in rows
                ],
            }
        )
    return json.dumps(told)


def _text(evaluations: Sequence[StoredEvaluation]) -> str:
    """Returns the means for a person; where there are several data folders, each one's too."""
    from training.evaluation.gain import gain_of
    from training.evaluation.stored import rows_in

    lines = []
    for evaluation in evaluations:
        means = _means(rows_in(evaluation))
        sources = means.pop("sources", {})
        for name, figures in {"": means, **(sources if len(sources) > 1 else {})}.items():
            of = f"{evaluation.facts.title}{name and f' on {name}'}"
            lines.append(f"{of}: {figures['images']} photos of {figures['cars']} cars")
            lines += [f"  {n:18} {v:.4f}" for n, v in figures.items() if isinstance(v, float)]
        gain = gain_of(evaluation, evaluations)
        if gain is not None:
            lines.append(f"  {gain.sentence()}")
    return "\n".join(lines)


def _means(rows: Sequence[ImageRow]) -> dict[str, Any]:
    """Returns the summary of rows; only counts of 0 if none of the photos can be read."""
    from training.evaluation.measure import summary_of

    if all(row.error for row in rows):
        return {"images": 0, "cars": 0}
    return summary_of(rows)


def _check_out(out: Path | None) -> None:
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--out is {out}; give a file that ends in .csv or .parquet.")


def _write_rows(evaluations: Sequence[StoredEvaluation], out: Path) -> None:
    """Writes the rows of all, with a first column that says of which checkpoint they are."""
    import pandas as pd

    tables = []
    for evaluation in evaluations:
        table = evaluation.rows.copy()
        table.insert(0, "checkpoint", evaluation.facts.title)
        tables.append(table)
    rows = pd.concat(tables, ignore_index=True)
    try:
        if out.suffix == ".csv":
            rows.to_csv(out, index=False)
        else:
            rows.to_parquet(out, index=False)
    except OSError as error:
        raise DataError(f"{out} can't be written ({reason(error)}).") from error


def _say_warnings(evaluations: Sequence[StoredEvaluation]) -> None:
    for evaluation in evaluations:
        of = f"{evaluation.facts.title}: " if len(evaluations) > 1 else ""
        for warning in evaluation.facts.warnings:
            note = "" if warning.startswith("LEAKY") else "note: "
            print(f"{of}{note}{warning}", file=sys.stderr)


def _say_failures(evaluation: StoredEvaluation) -> int:
    """Names the photos that can't be read, the same ones for all; returns the exit status."""
    failed = evaluation.rows[evaluation.rows["error"] != ""]
    for row in failed.itertuples():
        print(f"{row.source}/{row.image} can't be read: {row.error}", file=sys.stderr)
    if failed.empty:
        return EXIT_OK
    print(
        f"{len(failed)} of {len(evaluation.rows)} photos can't be read and stand in no mean.",
        file=sys.stderr,
    )
    return EXIT_SPOILT
