"""python -m training card: the model card of a checkpoint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from training.commands import EXIT_OK
from training.commands.options import writing


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "card",
        help="write the model card of a checkpoint",
        description="Write what a checkpoint is, what it scores with intervals, where it fails and "
        "how to repeat it, as Markdown. Everything is read from the checkpoint, its run and the "
        "evaluations stored beside it; what only a person can know is left to be filled in.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="C", help="file, or a run's folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: print it")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Prints the card, or writes it."""
    from core.files import write_bytes_atomically
    from training.comparison.model_card import model_card

    text = model_card(options.checkpoint)
    if options.out is None:
        print(text, end="")
        return EXIT_OK
    with writing(options.out):
        write_bytes_atomically(options.out, text.encode())
    print(f"{options.out} written", file=sys.stderr)
    return EXIT_OK
