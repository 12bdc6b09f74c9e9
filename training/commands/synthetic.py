"""python -m training synthetic: draws a set of cars."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.commands import EXIT_OK
from training.commands.options import counting_bar


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser("synthetic", help="draw a set of cars with exact masks")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cars", type=int, default=24)
    parser.add_argument("--views", type=int, default=16, help="views of one turn, 1 to 16")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Draws a synthetic set."""
    from training.synthetic import generate_set

    with counting_bar("draw") as progress:
        generate_set(
            options.out,
            cars=options.cars,
            views=options.views,
            seed=options.seed,
            progress=progress,
        )
    print(f"Wrote {options.cars} cars to {options.out}")
    return EXIT_OK
