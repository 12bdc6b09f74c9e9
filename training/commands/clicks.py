"""python -m training clicks: trains the network that answers clicks."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.facts import first_fault
from core.places import current_runs
from training.clicks.config import ClickConfig
from training.commands import EXIT_OK
from training.commands.options import terminated_like_ctrl_c


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "clicks",
        help="train the network that corrects a mask by clicks",
        description="The network is written to runs/NAME/; a training of that name goes on.",
    )
    parser.add_argument("--runs", type=Path, default=current_runs(), help="folder of all runs")
    parser.add_argument("--name", required=True, help="name of the run")
    texts = TypeAdapter(ClickConfig).json_schema()["properties"]
    for field in fields(ClickConfig):
        option, text = f"--{field.name.replace('_', '-')}", texts[field.name]["description"]
        needed = field.default is MISSING
        if texts[field.name]["type"] == "array":
            parser.add_argument(option, action="append", required=needed, help=text)
        else:
            kind = str if needed else type(field.default)
            shown = "" if needed or field.default == "" else f" (default: {field.default})"
            parser.add_argument(option, type=kind, required=needed, help=text + shown)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Trains until the time is over."""
    given = {field.name: getattr(options, field.name) for field in fields(ClickConfig)}
    try:
        config = ClickConfig(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise ConfigError(f"{first_fault(error)}.") from error
    from training.clicks.train import ClickTrainer  # torch takes seconds

    folder = options.runs / options.name
    try:
        with terminated_like_ctrl_c():
            trainer = ClickTrainer(folder, config)
            trainer.run()
    except KeyboardInterrupt:
        print(f"Stopped and saved. The same command goes on: {folder}")
        raise
    print(f"Finished {trainer.state.step} steps: {folder}")
    return EXIT_OK
