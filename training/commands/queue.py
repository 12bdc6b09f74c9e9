"""python -m training queue: runs what waits for a device; the Train page starts it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.places import current_runs
from training.commands import EXIT_OK


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "queue",
        help="run what the Train page has put into the queue, one after the other",
        description="It ends when nothing waits, and at once where another one does this.",
    )
    parser.add_argument("--runs", type=Path, default=current_runs(), help="folder of all runs")
    parser.add_argument("--device", default="cpu", help="whose queue: cpu, cuda, cuda:1, mps")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Runs a device's queue until it is empty."""
    from training.jobs.launch import work

    work(options.runs, options.device)
    return EXIT_OK
