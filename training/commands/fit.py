"""python -m training fit: trains a network."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from training.commands import EXIT_OK
from training.commands.stopping import terminated_like_ctrl_c
from training.config import TrainConfig, field_choices, field_help
from training.presets import PRESETS, find_preset
from training.progress_bar import training_bar
from training.settings import kinds_of


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser("fit", help="train a network; the run is written to runs/<name>/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--name", help="name of the new run (default: the time)")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with this run's folder")
    add_settings(parser)
    parser.set_defaults(command=run)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Declares --preset and an option for each field of TrainConfig."""
    named = ", ".join(PRESETS)
    parser.add_argument(
        "--preset", metavar="NAME", help=f"settings to begin with: {named}; what else is given wins"
    )
    for declared in fields(TrainConfig):
        _add_field(parser, declared)


def given_settings(options: argparse.Namespace) -> TrainConfig:
    """Returns the settings of a new run: the preset's, and what else was given.

    Raises:
        ConfigError: A value is out of its range.
    """
    given = _given(options)
    return find_preset(options.preset).config(given) if options.preset else TrainConfig(**given)


def run(options: argparse.Namespace) -> int:
    """Trains a new run, or goes on with one."""
    from training.doctor.doctor import Doctor
    from training.engine.loop import Trainer
    from training.runlog import RunLog, create_run, read_config

    if options.resume:
        if options.name or options.preset:
            raise ConfigError("A resumed run keeps its name and settings: no --name, no --preset.")
        log = RunLog(options.resume, read_config(options.resume).extended(_given(options)))
    else:
        log = create_run(options.runs, options.name, given_settings(options))
    with log, terminated_like_ctrl_c():
        try:
            with training_bar() as show:
                state = Trainer(log.config, log, show, _command()).run()
        except KeyboardInterrupt:
            saved = "and saved" if log.training_state.is_file() else "before the first step"
            print(f"Stopped {saved}. Go on: python -m training fit --resume {log.folder}")
            raise
    print(f"Finished {state.epoch} epochs, {state.images} images: {log.folder}")
    for finding in Doctor(log.folder).findings():
        print(f"doctor: {finding.text()}")
    return EXIT_OK


def _given(options: argparse.Namespace) -> dict[str, Any]:
    given = {field.name: getattr(options, field.name) for field in fields(TrainConfig)}
    return {name: value for name, value in given.items() if value is not None}


def _command() -> str:
    """Returns the command line that was typed."""
    return shlex.join(["python", "-m", "training", *sys.argv[1:]])


def _add_field(parser: argparse.ArgumentParser, declared: Field[Any]) -> None:
    """Adds the option of one field of TrainConfig, with the field's docstring as its help."""
    text = field_help()[declared.name]
    option = f"--{declared.name.replace('_', '-')}"
    assert declared.default is not MISSING
    if kinds_of(TrainConfig)[declared.name] is tuple:
        metavar = "DIR" if declared.name == "data" else "NAME"
        parser.add_argument(option, action="append", metavar=metavar, help=text)
        return
    choices = field_choices().get(declared.name)
    parser.add_argument(
        option,
        type=kinds_of(TrainConfig)[declared.name],
        metavar="{" + ",".join(choices) + "}" if choices else None,
        help=f"{text} (default: {declared.default})".replace("%", "%%"),
    )
