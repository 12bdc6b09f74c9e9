"""python -m training fit: trains a network."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from core.errors import ConfigError
from training.commands import EXIT_OK
from training.commands.stopping import terminated_like_ctrl_c
from training.config import TrainConfig, field_help
from training.progress_bar import training_bar


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser("fit", help="train a network; the run is written to runs/<name>/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--name", help="name of the new run (default: the time)")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with this run's folder")
    for declared in fields(TrainConfig):
        _add_field(parser, declared)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Trains a new run, or goes on with one."""
    from training.loop import Trainer, with_epochs
    from training.runlog import RunLog, create_run, read_config

    given = {
        f.name: getattr(options, f.name)
        for f in fields(TrainConfig)
        if getattr(options, f.name) is not None
    }
    if options.resume:
        extra = sorted(given.keys() - {"epochs"})
        if extra or options.name:
            raise ConfigError(
                "A resumed run keeps its settings; beside --resume only --epochs and --runs can "
                f"be given, not {', '.join(extra or ['name'])}."
            )
        log = RunLog(options.resume, with_epochs(read_config(options.resume), options.epochs))
    else:
        log = create_run(options.runs, options.name, TrainConfig(**given))
    with log, terminated_like_ctrl_c():
        try:
            with training_bar() as show:
                state = Trainer(log.config, log, show).run()
        except KeyboardInterrupt:
            print(f"Stopped and saved. Go on: python -m training fit --resume {log.folder}")
            raise
    print(f"Finished {state.epoch} epochs, {state.images} images: {log.folder}")
    return EXIT_OK


def _add_field(parser: argparse.ArgumentParser, declared: Field[Any]) -> None:
    """Adds the option of one field of TrainConfig, with the field's docstring as its help."""
    text = field_help()[declared.name]
    option = f"--{declared.name.replace('_', '-')}"
    assert declared.default is not MISSING
    kind = get_type_hints(TrainConfig)[declared.name]
    if kinds_of(TrainConfig)[declared.name] is tuple:
        metavar = "DIR" if declared.name == "data" else "NAME"
        parser.add_argument(option, action="append", metavar=metavar, help=text)
        return
    parser.add_argument(option, type=kind, help=f"{text} (default: {declared.default})")
