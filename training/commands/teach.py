"""python -m training teach: teaches a network corrected photos, and says whether it helped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError
from core.places import current_runs
from training.commands import EXIT_OK, fit
from training.commands.judging import say_warnings
from training.commands.options import counting_bar, terminated_like_ctrl_c

if TYPE_CHECKING:
    from training.teaching import TeachPlan

CURVE = (5, 10, 20, 40)
"""Corrected photos of the runs of --curve, besides one with all of them."""
_SETTINGS = {
    "minutes": (float, "how long to learn (default: 15)"),
    "learning_rate": (float, "its highest; more learns faster and forgets more"),
    "batch": (int, "photos that the network works on at once (default: the base's)"),
    "workers": (int, "processes that read photos (default: the base's)"),
    "threads": (int, "CPU threads of the network; 0 leaves the choice to torch"),
    "device": (str, "auto, cpu, cuda or mps"),
    "seed": (int, "of the order and the augmentations"),
}
"""Settings of the training that can be chosen; the others are the base's, or made for teaching."""


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "teach",
        help="teach a network your corrected photos, and say whether it helped",
        description="Trains from a base network on all corrected photos and a replay of its own "
        "data, half of each, then compares both on photos that neither has learnt from. A network "
        "that was taught before is taught from its base again.",
    )
    parser.add_argument("--base", type=Path, metavar="C", help="checkpoint, or a run's folder")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        metavar="DIR",
        help="data folder with corrected photos (default: data/corrected)",
    )
    parser.add_argument(
        "--check",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="data folder with labelled photos to compare on; they are not learnt from",
    )
    parser.add_argument(
        "--replay",
        type=Path,
        action="append",
        metavar="DIR",
        help="data folder of the base (default: those of its run that are here)",
    )
    parser.add_argument("--no-replay", dest="replay", action="store_const", const=[])
    parser.add_argument("--runs", type=Path, default=current_runs(), help="folder of all runs")
    parser.add_argument("--name", help="name of the new run (default: taught- and the time)")
    parser.add_argument(
        "--curve",
        action="store_true",
        help="also teach with 5, 10, 20 and 40 of the photos, each as long, and compare all",
    )
    parser.add_argument(
        "--resume", type=Path, metavar="RUN", help="go on with this taught run's folder"
    )
    parser.add_argument("--metric", default="iou", help="what to compare by (default: iou)")
    for name, (kind, text) in _SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Teaches, and prints the verdicts."""
    from core.metric_table import find_metric
    from training.teaching import create_taught_run

    find_metric(options.metric)
    if options.resume:
        return _train_and_compare([options.resume], options.metric, options.device)
    if options.base is None:
        raise ConfigError(
            "Which network is to be taught? Give --base C, such as runs/carmask-fast."
        )
    plans = _plans(options)
    for note in plans[-1].notes:
        print(f"note: {note}")
    last = create_taught_run(plans[-1], options.runs, options.name)
    folders = [
        create_taught_run(plan, options.runs, f"{last.name}-{plan.facts.photos}")
        for plan in plans[:-1]
    ]
    return _train_and_compare([*folders, last], options.metric, options.device)


def _plans(options: argparse.Namespace) -> list[TeachPlan]:
    """Returns what to train; the last one learns from all corrected photos."""
    from training.teaching import plan_teaching

    given = {name: getattr(options, name) for name in _SETTINGS}

    def plan(photos: int) -> TeachPlan:
        return plan_teaching(
            options.base,
            options.data or [Path("data/corrected")],
            check=options.check,
            replay=options.replay,
            photos=photos,
            **{name: value for name, value in given.items() if value is not None},
        )

    whole = plan(0)
    few = [plan(count) for count in CURVE if options.curve and count < whole.facts.photos]
    return [*few, whole]


def _train_and_compare(folders: Sequence[Path], metric: str, device: str | None) -> int:
    for folder in folders:
        fit.go_on(folder)
    with terminated_like_ctrl_c():
        _compare(folders, metric, device or "auto")
    print(f"Use it with --checkpoint {folders[-1]}, or archive or delete it on the Runs page.")
    return EXIT_OK


def _compare(folders: Sequence[Path], name: str, device: str) -> None:
    """Prints the base and each taught network on new photos and on the base's own data."""
    from core.metric_table import find_metric
    from core.names import counted
    from training.comparison.aligned import align
    from training.comparison.verdict import verdicts
    from training.evaluation.images import EvaluationSettings, open_images
    from training.evaluation.run import evaluate_subjects
    from training.evaluation.subjects import subject_of
    from training.runs.runlog import read_config
    from training.teaching import check_sets, read_teaching

    metric, config = find_metric(name), read_config(folders[-1])
    subjects = [subject_of(Path(config.start_from)), *map(subject_of, folders)]
    learnt = [teaching.photos for folder in folders if (teaching := read_teaching(folder))]
    for each in check_sets(folders[-1], config):
        images = open_images(each.folders, each.reading, each.split, "val")
        with counting_bar("compare") as progress:
            evaluations = evaluate_subjects(
                subjects, images, EvaluationSettings(), device=device, progress=progress
            )
        say_warnings(evaluations)
        compared = align(evaluations)
        of = f"{counted(compared.images, 'photo')}, {counted(len(set(compared.cars)), 'car')}"
        print(f"On {each.title} ({images.name}: {of}), mean {metric.title}:")
        means = compared.intervals(metric)
        found = verdicts(compared, metric, [(0, at) for at in range(1, len(subjects))])
        print(f"  {subjects[0].title}: {means[0].text()}")
        for subject, count, mean, verdict in zip(
            subjects[1:], learnt, means[1:], found, strict=True
        ):
            photos = counted(count, "corrected photo")
            print(f"  {subject.title}, {photos}: {mean.text()}, {verdict.short}")
