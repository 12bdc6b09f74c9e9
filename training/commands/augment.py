"""python -m training augment: writes an augmented set."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from training.commands import EXIT_OK
from training.commands.options import add_reading, counting_bar, reading_of, terminated_like_ctrl_c


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "augment",
        help="write an augmented set: several pictures of each photo",
        description="Interrupted, the same command goes on where it stopped.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the set")
    parser.add_argument(
        "--per-image", type=int, required=True, metavar="N", help="pictures made of each photo"
    )
    parser.add_argument(
        "--recipe", required=True, metavar="R", help="name of a recipe, or its .json file"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--size", type=int, metavar="PX", help="side of the square (default: the photo's own size)"
    )
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="processes (default: all processors)"
    )
    parser.add_argument("--originals", action="store_true", help="add each photo as it is, too")
    add_reading(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Writes an augmented set, or goes on with one."""
    from training.augment.recipe import find_recipe
    from training.augment.written.settings import AugmentJob
    from training.augment.written.writer import write_augmented

    job = AugmentJob(
        data=options.data,
        out=options.out,
        per_image=options.per_image,
        recipe=find_recipe(options.recipe),
        seed=options.seed,
        size=options.size,
        originals=options.originals,
        workers=options.workers,
        reading=reading_of(options),
    )
    with terminated_like_ctrl_c():
        try:
            with counting_bar("augment", unit="images") as progress:
                written = write_augmented(job, progress=progress)
        except KeyboardInterrupt:
            print(f"Stopped. Give the same command again to go on with {job.out}")
            raise
    for name in written.unreadable:
        print(f"note: {name} can't be read, left out", file=sys.stderr)
    what = "There are" if not written.made else f"Wrote {written.made:,} images; there are"
    print(f"{what} {written.images:,} in {job.out}, all that was asked for.")
    return EXIT_OK
