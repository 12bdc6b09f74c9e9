"""python -m training trial: what a training will cost, from a few of its steps."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.commands import EXIT_OK
from training.commands.fit import add_settings, given_settings
from training.commands.options import terminated_like_ctrl_c
from training.jobs.job import job_at


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "trial",
        help="do a few steps of a training: seconds an epoch, and memory",
        description="It takes the settings of `fit` and writes nothing.",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--job", type=Path, metavar="DIR", help="folder to report in, for a page")
    add_settings(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measures a few steps and prints what they cost."""
    with terminated_like_ctrl_c(), ExitStack() as stack:
        state = stack.enter_context(job_at(options.job)) if options.job else None
        from training.engine.trial import measure_step  # torch takes seconds

        cost = measure_step(given_settings(options))
        if state is not None:
            state.say("finished", **asdict(cost))
    if options.json:
        print(json.dumps(asdict(cost)))
        return EXIT_OK
    seconds = cost.seconds_per_image * cost.images_per_epoch
    print(
        f"{seconds:.1f} s an epoch of {cost.images_per_epoch} images "
        f"({1 / cost.seconds_per_image:.1f} images/s), validation on top; "
        f"{cost.peak_bytes / 1e9:.1f} GB of memory"
    )
    return EXIT_OK
