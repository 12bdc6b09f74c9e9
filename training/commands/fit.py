"""python -m training fit: trains a network."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import nullcontext
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import CarmaskError, ConfigError
from core.places import current_runs
from training.commands import EXIT_OK, EXIT_USAGE
from training.commands.options import terminated_like_ctrl_c, training_bar
from training.config import TrainConfig, field_choices, field_help, field_kinds
from training.presets import PRESETS, find_preset

if TYPE_CHECKING:
    from training.engine.distributed import DistributedContext
    from training.runs.runlog import RunLog


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "fit",
        help="train a network; the run is written to runs/<name>/",
        epilog="Several graphics cards or machines: torchrun --nproc-per-node N -m training fit "
        "... starts N processes that share each batch and the validation photos, so --batch stays "
        "what it is; --workers and --threads count for each process. --resume works alike.",
    )
    parser.add_argument("--runs", type=Path, default=current_runs(), help="folder of all runs")
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


def go_on(folder: Path) -> int:
    """Trains a run that exists, like `fit --resume`; one that is finished stays as it is."""
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    return run(parser.parse_args(["fit", "--resume", str(folder)]))


def run(options: argparse.Namespace) -> int:
    """Trains a new run, or goes on with one; alone or as one of several processes."""
    from training.engine.distributed import LostProcessError, distributed_context

    first = True
    try:
        with terminated_like_ctrl_c(), distributed_context() as processes:
            first = processes.first
            return _train(options, processes)
    except LostProcessError as lost:
        if first or not lost.reported:
            raise
        return EXIT_USAGE


def _train(options: argparse.Namespace, processes: DistributedContext) -> int:
    from training.engine.loop import Trainer
    from training.runs.doctor.findings import Doctor

    with _open_log(options, processes) as log:
        bar = training_bar() if processes.first else nullcontext(lambda _: None)
        command = f"{processes.command} {shlex.join(sys.argv[1:])}"
        try:
            with bar as show:
                state = Trainer(log.config, log, show, command, processes).run()
        except KeyboardInterrupt:
            log.end_before_start("stopped")
            saved = "and saved" if log.training_state.is_file() else "before the first step"
            if processes.first:
                print(f"Stopped {saved}. Go on: {processes.command} fit --resume {log.folder}")
            raise
        except CarmaskError as error:
            log.end_before_start("failed", str(error))
            raise
    if processes.first:
        print(f"Finished {state.epoch} epochs, {state.images} images: {log.folder}")
        for finding in Doctor(log.folder).findings():
            print(f"doctor: {finding.text()}")
    return EXIT_OK


def _open_log(options: argparse.Namespace, processes: DistributedContext) -> RunLog:
    """Returns the run's log; the first process opens it, the others leave the writing to it."""
    from training.runs.runlog import RunLog, SilentLog, create_run, read_config

    log: RunLog | None = None

    def opened() -> tuple[Path, TrainConfig]:
        nonlocal log
        if not options.resume:
            log = create_run(options.runs, options.name, given_settings(options))
        elif options.name or options.preset:
            raise ConfigError("A resumed run keeps its name and settings: no --name, no --preset.")
        else:
            config = read_config(options.resume).extended(_given(options))
            log = RunLog(options.resume, config)
        return log.folder, log.config

    folder, config = processes.from_first(opened)
    return log or SilentLog(folder, config)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    given = {field.name: getattr(options, field.name) for field in fields(TrainConfig)}
    return {name: value for name, value in given.items() if value is not None}


def _add_field(parser: argparse.ArgumentParser, declared: Field[Any]) -> None:
    """Adds the option of one field of TrainConfig, with the field's docstring as its help."""
    text = field_help()[declared.name]
    option = f"--{declared.name.replace('_', '-')}"
    assert declared.default is not MISSING
    if field_kinds()[declared.name] is tuple:
        metavar = "DIR" if declared.name == "data" else "NAME"
        parser.add_argument(option, action="append", metavar=metavar, help=text)
        return
    choices = field_choices().get(declared.name)
    parser.add_argument(
        option,
        type=field_kinds()[declared.name],
        metavar="{" + ",".join(choices) + "}" if choices else None,
        help=f"{text} (default: {declared.default})".replace("%", "%%"),
    )
