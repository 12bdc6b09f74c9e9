"""python -m training check: looks for what is wrong with data folders."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from training.commands import EXIT_OK, EXIT_SPOILT
from training.commands.options import add_reading, counting_bar, reading_of


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "check",
        help="look for faults in data folders",
        description="Look for faults in data folders. Exit status: 0 nothing would spoil a "
        "training, 1 something would, 2 wrong usage.",
    )
    parser.add_argument("data", nargs="+", type=Path, metavar="DIR", help="data folder")
    parser.add_argument("--split", type=Path, metavar="FILE", help="look at this split's sides too")
    parser.add_argument("--json", action="store_true", help="print JSON with all names")
    parser.add_argument("--workers", type=int, help="processes that read (default: one a core)")
    add_reading(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Reads the folders' photos and masks and prints what it finds."""
    from training.data.folder import check_reading, open_dataset
    from training.data.sides import load_split
    from training.health.check import check_datasets
    from training.health.index import FactsIndex, default_index

    if options.workers is not None and options.workers < 0:
        raise ConfigError(f"--workers is {options.workers}; give 0 or more.")
    split = load_split(options.split) if options.split else None
    reading = reading_of(options)
    datasets = [open_dataset(root, reading, allow_empty=True) for root in options.data]
    doubled = [name for name, n in Counter(each.name for each in datasets).items() if n > 1]
    if doubled:
        raise ConfigError(f"Two data folders are called {doubled[0]!r}; rename one.")
    check_reading(reading, datasets)
    index = FactsIndex(default_index())
    samples = [sample for dataset in datasets for sample in dataset.samples]
    with counting_bar("read photos and masks") as progress:
        index.update(samples, workers=options.workers, progress=progress)
    if index.notice:
        print(f"note: {index.notice}", file=sys.stderr)
    report = check_datasets(datasets, index, split)
    index.close()
    print(json.dumps(report.to_json(), indent=1) if options.json else report.text())
    return EXIT_SPOILT if report.spoils else EXIT_OK
