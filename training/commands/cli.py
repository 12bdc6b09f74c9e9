"""The command line: python -m training COMMAND, each in a file of `training.commands`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.errors import CarmaskError
from training.commands import (
    EXIT_STOPPED,
    EXIT_USAGE,
    augment,
    calibrate,
    card,
    check,
    clicks,
    compare,
    doctor,
    evaluate,
    fit,
    queue,
    report,
    review,
    split,
    synthetic,
    teach,
    trial,
)

COMMANDS = (
    fit,
    teach,
    evaluate,
    compare,
    calibrate,
    synthetic,
    augment,
    check,
    split,
    doctor,
    queue,
    trial,
    report,
    card,
    review,
    clicks,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status.

    0 done, 1 done and the answer is no (`check`, `doctor`), 2 wrong usage, 130 stopped.
    """
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train and evaluate a U-Net on photos of cars."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.command(options))
    except CarmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_STOPPED
