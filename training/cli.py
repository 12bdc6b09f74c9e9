"""The command line: python -m training fit | evaluate | synthetic."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.device import DEVICE_NAMES
from core.errors import CarmaskError, ConfigError
from training.config import TrainConfig, field_help

EXIT_OK, EXIT_USAGE, EXIT_STOPPED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 2 wrong usage, 130 stopped."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except CarmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train and evaluate a U-Net on photos of cars."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fit = commands.add_parser("fit", help="train a network; the run is written to runs/<name>/")
    fit.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    fit.add_argument("--name", help="name of the new run (default: the time)")
    fit.add_argument("--resume", type=Path, metavar="RUN", help="go on with this run's folder")
    for declared in fields(TrainConfig):
        _add_field(fit, declared)
    fit.set_defaults(command=_fit)

    check = commands.add_parser("evaluate", help="score a checkpoint on photos with masks")
    check.add_argument("--checkpoint", type=Path, required=True, help="file, or a run's folder")
    check.add_argument("--data", action="append", type=Path, required=True, metavar="DIR")
    check.add_argument("--split", type=Path, help="split.json of a run")
    check.add_argument("--part", choices=["all", "train", "val"], default="all")
    check.add_argument("--threshold", type=float, help="default: the checkpoint's own")
    check.add_argument("--device", default="auto", help=", ".join(DEVICE_NAMES))
    check.add_argument("--json", action="store_true", help="print JSON, one score line a photo")
    check.set_defaults(command=_evaluate)

    draw = commands.add_parser("synthetic", help="draw a set of cars with exact masks")
    draw.add_argument("--out", type=Path, required=True, metavar="DIR")
    draw.add_argument("--cars", type=int, default=24)
    draw.add_argument("--views", type=int, default=16, help="views of one turn, 1 to 16")
    draw.add_argument("--seed", type=int, default=0)
    draw.set_defaults(command=_synthetic)
    return parser


def _add_field(parser: argparse.ArgumentParser, declared: Field[Any]) -> None:
    """Adds the option of one field of TrainConfig, with the field's docstring as its help."""
    text = field_help()[declared.name]
    option = f"--{declared.name.replace('_', '-')}"
    if declared.name == "data":
        parser.add_argument(option, action="append", metavar="DIR", help=text)
        return
    assert declared.default is not MISSING
    kind = get_type_hints(TrainConfig)[declared.name]
    assert not get_args(kind)
    parser.add_argument(option, type=kind, help=f"{text} (default: {declared.default})")


def _fit(options: argparse.Namespace) -> int:
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
    with log, _terminated_like_ctrl_c():
        try:
            with _training_bar() as show:
                state = Trainer(log.config, log, show).run()
        except KeyboardInterrupt:
            print(f"Stopped and saved. Go on: python -m training fit --resume {log.folder}")
            raise
    print(f"Finished {state.epoch} epochs, {state.images} images: {log.folder}")
    return EXIT_OK


def _evaluate(options: argparse.Namespace) -> int:
    """Scores a checkpoint on the photos of data folders."""
    from core.masks import MaskSettings
    from core.predict import Predictor
    from training.data import open_datasets
    from training.evaluate import evaluate
    from training.splits import load_split

    datasets = open_datasets(options.data)
    if options.part == "all":
        samples = [sample for dataset in datasets for sample in dataset.samples]
    elif options.split is None:
        raise ConfigError(f"--part {options.part} needs --split FILE, a run's split.json.")
    else:
        samples = load_split(options.split).select(datasets, options.part)
    predictor = Predictor.load(options.checkpoint, options.device)
    assert predictor.info is not None
    threshold = predictor.info.threshold if options.threshold is None else options.threshold
    for dataset in datasets:
        for problem in dataset.problems():
            print(f"note: {problem}", file=sys.stderr)
    with counting_bar("evaluate") as progress:
        evaluation = evaluate(
            predictor, samples, settings=MaskSettings(threshold=threshold), progress=progress
        )
    summary = evaluation.summary()
    if options.json:
        rows = [
            {"image": f"{r.sample.source}/{r.sample.name}", "car": r.sample.car, **vars(r.scores)}
            for r in evaluation.results
        ]
        print(json.dumps({**summary, "rows": rows}))
        return EXIT_OK
    for name, facts in {"all": summary, **summary["sources"]}.items():
        print(f"{name}: {facts['images']} photos of {facts['cars']} cars")
        for metric, value in facts.items():
            if isinstance(value, float):
                print(f"  {metric:18} {value:.4f}")
    return EXIT_OK


def _synthetic(options: argparse.Namespace) -> int:
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


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function of (done, total) that draws a progress bar on standard error."""
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _training_bar() -> Iterator[Callable[[Any], None]]:
    """Gives a function of a training's Progress that draws a bar with loss and Dice."""
    with _bar() as bar:
        task = bar.add_task("read the data", total=None)

        def show(at: Any) -> None:
            dice = "" if at.dice is None else f", Dice {at.dice:.4f}"
            loss = f", loss {at.loss:.4f}" if at.loss else ""
            what = f"epoch {at.epoch}/{at.epochs} {at.phase}{loss}{dice}"
            if at.done <= bar.tasks[0].completed:
                bar.reset(task)
            bar.update(task, description=what, completed=at.done, total=at.total)

        yield show


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """Turns SIGTERM into KeyboardInterrupt, so that a stopped trainer saves its state too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
