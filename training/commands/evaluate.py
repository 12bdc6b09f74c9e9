"""python -m training evaluate: scores a checkpoint."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError, DataError
from training.commands import EXIT_OK
from training.commands.reading import add_reading, reading_of
from training.progress_bar import counting_bar

if TYPE_CHECKING:
    from core.checkpoint import CheckpointInfo
    from training.data import Dataset, Sample
    from training.sides import Split


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser("evaluate", help="score a checkpoint on photos with masks")
    parser.add_argument("--checkpoint", type=Path, required=True, help="file, or a run's folder")
    parser.add_argument("--data", action="append", type=Path, required=True, metavar="DIR")
    add_reading(parser)
    parser.add_argument("--split", type=Path, help="split.json of a run")
    parser.add_argument("--part", choices=["all", "train", "val"], default="all")
    parser.add_argument("--threshold", type=float, help="default: the checkpoint's own")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print JSON, one score line a photo")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Scores a checkpoint on the photos of data folders."""
    from core.masks import MaskSettings
    from core.predict import Predictor
    from training.data import open_datasets
    from training.evaluate import evaluate

    datasets = open_datasets(options.data, reading_of(options))
    samples, split = _samples(options, datasets)
    predictor = Predictor.load(options.checkpoint, options.device)
    assert predictor.info is not None
    threshold = predictor.info.threshold if options.threshold is None else options.threshold
    for warning in _leaks(options.checkpoint, predictor.info, samples, datasets, split):
        print(warning, file=sys.stderr)
    for dataset in datasets:
        for problem in dataset.problems():
            print(f"note: {problem}", file=sys.stderr)
    with counting_bar("evaluate") as progress:
        evaluation = evaluate(
            predictor, samples, settings=MaskSettings(threshold=threshold), progress=progress
        )
    summary = evaluation.summary()
    if options.json:
        rows = [
            {"image": f"{r.sample.source}/{r.sample.name}", "car": r.sample.car, **vars(r.scores)}
            for r in evaluation.results
        ]
        verdict = predictor.info.split.get("verdict", "")
        print(json.dumps({**summary, "verdict": verdict, "rows": rows}))
        return EXIT_OK
    for name, facts in {"all": summary, **summary["sources"]}.items():
        print(f"{name}: {facts['images']} photos of {facts['cars']} cars")
        for metric, value in facts.items():
            if isinstance(value, float):
                print(f"  {metric:18} {value:.4f}")
    return EXIT_OK


def _samples(
    options: argparse.Namespace, datasets: Sequence[Dataset]
) -> tuple[list[Sample], Split | None]:
    """Returns the photos to score, and the split that chose them."""
    from training.splits import load_split

    if options.part == "all":
        return [sample for dataset in datasets for sample in dataset.samples], None
    if options.split is None:
        raise ConfigError(f"--part {options.part} needs --split FILE, a run's split.json.")
    split = load_split(options.split)
    return split.select(datasets, options.part), split


def _leaks(
    checkpoint: Path,
    info: CheckpointInfo,
    samples: Sequence[Sample],
    datasets: Sequence[Dataset],
    split: Split | None,
) -> Iterator[str]:
    """Yields what makes the scores look better than the network is.

    The checkpoint carries its split's verdict; which cars it was trained on stands in its run's
    split.json, where that lies beside it.
    """
    from core.checkpoint import find_checkpoint
    from training.runlog import read_split

    if info.leak:
        yield f"{info.leak} (in the split of this checkpoint)"
    own = info.split.get("fingerprint")
    if split is not None and split.fingerprint() != own and split.verdict().startswith("LEAKY"):
        yield f"{split.verdict()} (in the split that was given)"
    try:
        trained_by = read_split(find_checkpoint(checkpoint).resolve().parent.parent)
    except DataError:
        return  # not in a run's folder, so nobody can tell
    if trained_by.fingerprint() != own:
        return
    trained, cars = trained_by.trained_on(samples, datasets)
    if trained:
        yield f"note: {trained} of {cars} cars were trained on"
