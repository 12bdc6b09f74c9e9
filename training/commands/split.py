"""python -m training split: writes which cars are trained on and which are kept."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from core.errors import ConfigError
from core.names import counted
from training.commands import EXIT_OK
from training.commands.options import add_reading, counting_bar, reading_of
from training.config import Anchored

if TYPE_CHECKING:
    from training.data.folder import Dataset, Sample
    from training.data.sides import Part, Sides, Split

Measured = dict["Sample", float]
"""The car's share of the picture, in [0, 1], of each sample whose mask was read."""


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "split",
        help="write which cars are trained on and which are kept for validation",
        description="An augmented set follows the cars of the folder that it was made from.",
    )
    parser.add_argument("--data", action="append", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--val-share", type=float, default=0.15, help="share that is kept (default: 0.15)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--by",
        choices=["car", "random"],
        default="car",
        help='"random" divides single photos: cars leak, and the split says so',
    )
    parser.add_argument(
        "--stratify", action="store_true", help="read the masks; small and large cars on both sides"
    )
    parser.add_argument(
        "--folds", type=int, metavar="K", help="write K files, FILE with _fold1 and so on"
    )
    parser.add_argument(
        "--anchored",
        choices=get_args(Anchored),
        default="train",
        help="where photos stand whose mask was made of a network's own: train keeps them out of "
        "validation, where they flatter that network",
    )
    add_reading(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Splits data folders and prints what both sides are like."""
    from training.data.folder import open_datasets

    _refuse_what_does_not_fit(options)
    datasets = open_datasets(options.data, reading_of(options))
    measured = _shares(datasets, measure=options.stratify)
    for path, made in _splits(options, datasets, measured):
        split = made.with_digests(datasets)
        split.save(path)
        print(f"{path}: {split.verdict().sentence()}")
        sides: tuple[tuple[Part, Sides], ...] = (
            ("train", split.train_cars),
            ("val", split.val_cars),
        )
        for part, cars in sides:
            count = sum(len(each) for each in cars.values())
            print(f"  {part:5} {_facts(split.select(datasets, part), count, measured)}")
        print(f"  fingerprint {split.fingerprint()}")
    return EXIT_OK


def _refuse_what_does_not_fit(options: argparse.Namespace) -> None:
    if options.by == "random" and (options.stratify or options.folds is not None):
        raise ConfigError(
            "--by random takes neither --stratify nor --folds: both divide cars. Leave them out, "
            "or split by car."
        )
    if options.seed < 0:
        raise ConfigError(f"--seed is {options.seed}; it must be 0 or more.")
    if not options.out.resolve().parent.is_dir():
        raise ConfigError(f"There is no folder {options.out.parent} to write to; make it first.")


def _splits(
    options: argparse.Namespace, datasets: Sequence[Dataset], measured: Measured
) -> list[tuple[Path, Split]]:
    """Returns the splits with the files that they go to."""
    from training.data.splits import mean_shares, split_at_random, split_by_car, split_folds

    out, keep = options.out, options.anchored == "any"
    share, seed = options.val_share, options.seed
    if options.by == "random":
        return [(out, split_at_random(datasets, share, seed, keep_anchored=keep))]
    shares = None
    if options.stratify:
        families = {dataset.name: dataset.family for dataset in datasets}
        shares = mean_shares((families[s.source], s.car, share) for s, share in measured.items())
    if options.folds is None:
        return [(out, split_by_car(datasets, share, seed, shares, keep_anchored=keep))]
    folds = split_folds(datasets, options.folds, seed, shares, keep_anchored=keep)
    return [
        (out.with_name(f"{out.stem}_fold{number}{out.suffix}"), fold)
        for number, fold in enumerate(folds, start=1)
    ]


def _shares(datasets: Sequence[Dataset], *, measure: bool) -> Measured:
    """Returns the shares that the index knows, after measuring what it lacks where wanted."""
    from training.health.index import FactsIndex, default_index

    samples = [sample for dataset in datasets for sample in dataset.samples]
    index = FactsIndex(default_index())
    if measure:
        with counting_bar("read the masks") as progress:
            index.update(samples, progress=progress)
    known = zip(samples, index.known(samples), strict=True)
    shares = {s: facts.share for s, facts in known if facts and math.isfinite(facts.share)}
    index.close()
    return shares


def _facts(samples: Sequence[Sample], cars: int, measured: Measured) -> str:
    """Returns how many photos and cars a side has, and how large the car is on average."""
    text = f"{counted(len(samples), 'photo'):>13} of {counted(cars, 'car')}"
    shares = [measured[sample] for sample in samples if sample in measured]
    if len(shares) < len(samples):
        return text
    return f"{text}, the car takes {100 * sum(shares) / max(1, len(shares)):.2f}% of a picture"
