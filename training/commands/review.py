"""python -m training review: finds labels that are likely wrong, and photos worth labelling."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError, DataError
from core.names import counted
from core.places import current_runs
from training.commands import EXIT_OK, EXIT_SPOILT
from training.commands.judging import finite
from training.commands.options import (
    add_checkpoints,
    add_reading,
    counting_bar,
    reading_of,
    terminated_like_ctrl_c,
    writing,
)

if TYPE_CHECKING:
    from training.data.folder import Dataset
    from training.jobs.job import JobState
    from training.review.rows import ReviewRow
    from training.review.suspects import ListName, Suspect

_SHOWN = 10
"""Photos of a list that are printed; the CSV has all."""
_TITLES: dict[ListName, str] = {
    "parts": "Parts that contradict the label",
    "edges": "Edges",
    "siblings": "Among a car's views",
    "uncertain": "Uncertain predictions",
    "disagreement": "Two networks disagree",
}
TABLE = "suspects.csv"
"""Of a review's folder: every photo of every list."""


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "review",
        help="find labels that are likely wrong, and photos worth labelling",
        description="Labels are judged by networks that were not trained on the photo's car: of "
        "the checkpoints given, or of one network a fold. Interrupted, the same command goes on "
        "where it stopped. Exit status: 0 done, 1 a photo can't be read, 2 wrong usage.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", action="append", type=Path, metavar="DIR", help="labelled photos")
    what.add_argument("--photos", type=Path, metavar="DIR", help="a folder of photos without masks")
    add_checkpoints(
        parser,
        "the first that is new to a car judges its photos, and a second one is compared with it",
    )
    parser.add_argument(
        "--folds", type=int, metavar="K", help="train K networks, each without a Kth of the cars"
    )
    parser.add_argument("--preset", default="best", help="how folds are trained (default: best)")
    parser.add_argument(
        "--minutes", type=float, help="time of each fold's training (default: the preset's epochs)"
    )
    parser.add_argument("--runs", type=Path, default=current_runs(), help="where folds' runs go")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the review (default: in the cache)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON with all lists")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    add_reading(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Scores the photos and prints the lists."""
    from training.data.folder import open_datasets
    from training.jobs.job import job_at
    from training.jobs.review import ReviewRequest

    if options.photos and options.folds:
        raise ConfigError("--folds are for labelled photos; give --data, or --checkpoint alone.")
    datasets = open_datasets(options.data, reading_of(options)) if options.data else []
    folder = options.out
    if folder is None:
        folder = ReviewRequest(
            data=tuple(options.data or ()),
            photos=options.photos,
            checkpoints=tuple(options.checkpoint),
            reading=reading_of(options),
            folds=options.folds,
            device=options.device,
        ).folder
    with terminated_like_ctrl_c(), job_at(folder) as state, _progress(state) as progress:
        rows = _rows(options, datasets, folder, state, progress)
        lists = _lists(rows)
        _write_table(lists, folder / TABLE)
    print(_json(rows, lists) if options.json else _text(rows, lists, folder))
    return EXIT_SPOILT if any(row.error for row in rows) else EXIT_OK


def _rows(
    options: argparse.Namespace,
    datasets: Sequence[Dataset],
    folder: Path,
    state: JobState,
    progress: Callable[[int, int], None],
) -> list[ReviewRow]:
    checkpoints = list(options.checkpoint)
    if options.folds is not None:
        checkpoints += _folds(options, datasets, folder, state)
    from training.review.judges import judges_of
    from training.review.run import review_labels, review_photos  # torch takes seconds

    judges = judges_of(checkpoints, options.device)
    if options.data:
        samples = [sample for dataset in datasets for sample in dataset.samples]
        return review_labels(samples, judges, folder, progress)
    from core.photos import list_photos

    photos = list_photos([options.photos])
    if not photos:
        raise DataError(f"There is no photo in {options.photos}; give a folder with some.")
    return review_photos(photos, options.photos.resolve().name, judges, folder, progress)


def _folds(
    options: argparse.Namespace, datasets: Sequence[Dataset], folder: Path, state: JobState
) -> list[Path]:
    """Returns the folds' runs, trained."""
    from training.presets import find_preset
    from training.review.folds import train_folds

    reading = reading_of(options)
    given: dict[str, Any] = {
        "data": tuple(str(path.resolve()) for path in options.data),
        "classes": reading.classes,
        "car_rule": reading.car_rule,
        "cars": str(reading.cars.resolve()) if reading.cars else "",
        "inverted_masks": reading.inverted,
        "leave_out": reading.left_out,
        "device": options.device,
    }
    if options.minutes:
        given |= {"minutes": options.minutes, "epochs": 0}

    def say(text: str) -> None:
        print(text, flush=True)
        state.say("running", text)

    config = find_preset(options.preset).config(given)
    with writing(folder):
        return train_folds(datasets, options.folds, config, options.runs, folder, say)


@contextmanager
def _progress(state: JobState) -> Iterator[Callable[[int, int], None]]:
    """Gives what progress is reported to: the job's state, and a bar that comes with the first."""
    with ExitStack() as stack:
        bars: list[Callable[[int, int], None]] = []

        def show(done: int, total: int) -> None:
            if not bars:
                bars.append(stack.enter_context(counting_bar("review")))
            bars[0](done, total)
            state.progress(done, total)

        yield show


def _lists(rows: Sequence[ReviewRow]) -> dict[ListName, list[Suspect]]:
    """Returns the lists that there is anything in."""
    from training.review.suspects import suspects

    lists = {name: suspects(rows, name) for name in _TITLES}
    return {name: found for name, found in lists.items() if found}


def _write_table(lists: dict[ListName, list[Suspect]], path: Path) -> None:
    with writing(path), path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ("list", "score", "folder", "photo", "car", "view", "reason", "soft_minimum", "by")
        )
        for name, found in lists.items():
            for each in found:
                row = each.row
                least = "" if row.soft_minimum is None else f"{row.soft_minimum:.5f}"
                facts = (row.source, row.name, row.car, row.view, each.reason, least, row.by)
                table.writerow((name, f"{each.score:.4f}", *facts))


def _text(rows: Sequence[ReviewRow], lists: dict[ListName, list[Suspect]], folder: Path) -> str:
    lines = _counts(rows)
    for name, found in lists.items():
        above = [each for each in found if each.is_suspected]
        lines.append(f"{_TITLES[name]}: {len(above)} suspected of {counted(len(found), 'photo')}")
        lines += [f"  {each.score:5.1f}  {each.row.name}: {each.reason}" for each in above[:_SHOWN]]
        if len(above) > _SHOWN:
            lines.append(f"  and {len(above) - _SHOWN} more")
    return "\n".join([*lines, f"All photos: {folder / TABLE}"])


def _counts(rows: Sequence[ReviewRow]) -> list[str]:
    """Returns how many photos were judged, and why others were not."""
    judged = sum(row.is_scored for row in rows)
    lines = [f"{judged:,} of {counted(len(rows), 'photo')} judged"]
    seen = [row for row in rows if not row.network and not row.error]
    if seen:
        cars = len({(row.source, row.car) for row in seen})
        lines.append(
            f"{counted(len(seen), 'photo')} of {counted(cars, 'car')} left out: every checkpoint "
            "was trained on the car, or has no record of its cars. Give another --checkpoint, or "
            "--folds K."
        )
    return lines + [f"{row.name} can't be read: {row.error}" for row in rows if row.error]


def _json(rows: Sequence[ReviewRow], lists: dict[ListName, list[Suspect]]) -> str:
    from dataclasses import asdict

    facts = {
        "photos": len(rows),
        "judged": sum(row.is_scored for row in rows),
        "errors": [{"photo": row.name, "error": row.error} for row in rows if row.error],
        "lists": {
            name: [
                {"score": each.score, "reason": each.reason, **asdict(each.row)} for each in found
            ]
            for name, found in lists.items()
        },
    }
    return json.dumps(finite(facts))
