"""Was it the padding or the augmentation? The starting point's story as an experiment.

Trains each variant of the U-Net on the same cars for the same number of images, scores all of them
on the same cars that none of them saw, and prints which difference is one. The exception is variant
e, whose split leaks on purpose: it shows by how much such a number flatters.

What is finished is kept; interrupted, the same command goes on where it stopped. Some two hours
on two cores:

    python benchmarks/ablation.py --data data/carvana512
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.metric_table import Metric, find_metric  # noqa: E402
from training.commands.options import counting_bar  # noqa: E402
from training.comparison.aligned import Compared, align, align_rows  # noqa: E402
from training.comparison.experiment import (  # noqa: E402
    FEW,
    HONEST,
    LEAKING,
    METRICS,
    VARIANTS,
    Answer,
    Variant,
    answers,
    best_dice,
    mean_rows,
)
from training.comparison.interval import mean_interval  # noqa: E402
from training.comparison.verdict import verdicts  # noqa: E402
from training.data.folder import Dataset, open_dataset  # noqa: E402
from training.data.sides import Split, load_split  # noqa: E402
from training.data.splits import split_at_random, split_by_car  # noqa: E402
from training.evaluation.images import EvaluationSettings, open_images  # noqa: E402
from training.evaluation.run import evaluate_subjects  # noqa: E402
from training.evaluation.subjects import subject_of  # noqa: E402
from training.runs.listing import list_runs  # noqa: E402
from training.runs.notes import change_notes  # noqa: E402
from training.runs.runlog import read_metrics  # noqa: E402

VAL_SHARE, SPLIT_SEED = 0.15, 0
SETTINGS = (
    *("--width", "8", "--stem", "plain", "--size", "128", "--epochs", "0"),
    *("--warmup-steps", "100", "--ema", "0.99", "--threads", "1"),
)
"""What all variants have in common; the rest is as `python -m training fit` has it."""
UNPADDED = ("--padding", "valid", "--norm", "none", "--learning-rate", "0.001")
PADDED = ("--padding", "same", "--norm", "none", "--learning-rate", "0.002")
NORMALISED = ("--padding", "same", "--norm", "batch", "--learning-rate", "0.004")
"""Each with the learning rate that was best after 2,000 images, see docs/ablation.md."""
PLAIN, AUGMENTED = ("--recipe", "none"), ("--recipe", "studio")
RARELY = ("--validate-every", "12")
"""About as often as the others: an epoch of few cars is short."""


@dataclass(frozen=True)
class Training(Variant):
    """A variant, and how it is trained."""

    settings: tuple[str, ...] = ()
    split: str = "by-car"
    """Which of the split files it is trained on."""


_SETTINGS = {
    "a": UNPADDED + PLAIN,
    "b": UNPADDED + AUGMENTED,
    "c": NORMALISED + PLAIN,
    "d": NORMALISED + AUGMENTED,
    "e": NORMALISED + AUGMENTED,
    "f": PADDED + AUGMENTED,
    "g": NORMALISED + PLAIN + RARELY,
    "h": NORMALISED + AUGMENTED + RARELY,
}
_SPLITS = {"e": "random", "g": "few", "h": "few"}
TRAININGS = tuple(
    Training(*astuple(each), _SETTINGS[each.letter], _SPLITS.get(each.letter, "by-car"))
    for each in VARIANTS
)


@dataclass(frozen=True)
class Place:
    """Where the experiment reads and writes."""

    data: Path
    runs: Path
    work: Path
    """Folder of the split files, and of the data folder with few cars."""

    def split(self, name: str) -> Path:
        """Returns a split file."""
        return self.work / f"{name}.json"

    def data_of(self, variant: Training) -> Path:
        """Returns the data folder that a variant is trained on."""
        return self.work / self.data.name if variant.split == "few" else self.data


def write_splits(place: Place) -> Split:
    """Writes the split files and the folder with few cars; returns the split by car."""
    dataset = open_dataset(place.data)
    by_car = split_by_car([dataset], VAL_SHARE, SPLIT_SEED)
    family = dataset.family
    few = Split(by_car.val_cars, {family: by_car.train_cars[family][:FEW]}, SPLIT_SEED)
    link_cars(place, dataset, {*few.val_cars[family], *few.train_cars[family]})
    splits = {
        "by-car": by_car,
        "random": split_at_random([dataset], VAL_SHARE, SPLIT_SEED),
        "few": few,
    }
    for name, split in splits.items():
        split.save(place.split(name))
        print(f"{place.split(name)}: {split.verdict().sentence()}")
    return by_car


def link_cars(place: Place, dataset: Dataset, cars: set[str]) -> None:
    """Makes a data folder of some cars; the files stay where they are."""
    for sample in dataset.samples:
        if sample.car not in cars:
            continue
        for path in (sample.image_path, sample.mask_path):
            link = place.work / dataset.family / path.relative_to(place.data)
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(path.resolve())


def train(place: Place, images: int, at_once: int, chosen: Sequence[Training]) -> None:
    """Trains what is not finished yet, some at once; stops at the first that fails."""
    status = {run.name: run.status for run in list_runs(place.runs)}
    todo = [
        (name, fit_command(place, variant, name, seed, images, known=name in status))
        for variant in chosen
        for seed, name in enumerate(variant.names())
        if status.get(name) != "finished"
    ]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda each: run_one(*each), todo))


def fit_command(
    place: Place, variant: Training, name: str, seed: int, images: int, *, known: bool
) -> list[str]:
    """Returns the command that trains a variant, or goes on with it."""
    fit = [sys.executable, "-m", "training", "fit"]
    if known:
        return [*fit, "--resume", str(place.runs / name)]
    return [
        *fit,
        *("--runs", str(place.runs), "--name", name, "--seed", str(seed)),
        *("--data", str(place.data_of(variant)), "--split", str(place.split(variant.split))),
        *("--images", str(images), *SETTINGS, *variant.settings),
    ]


def run_one(name: str, command: Sequence[str]) -> None:
    """Runs one training, and says what it comes to."""
    print(f"{name}: {' '.join(command[1:])}", flush=True)
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)


def note(place: Place, chosen: Sequence[Training]) -> None:
    """Gives each run a title that says what it is, and a tag to find them all by."""
    for variant in chosen:
        for seed, name in enumerate(variant.names()):
            title = f"{variant.letter}: {variant.title}" + (f", seed {seed}" if seed else "")
            change_notes(place.runs / name, title=title, tags=("ablation",), archived=True)


def evaluated(place: Place, variants: Sequence[Training]) -> Compared:
    """Returns all runs' figures on the validation cars of the split by car."""
    images = open_images([place.data], None, place.split("by-car"), "val")
    names = [name for each in variants for name in each.names()]
    subjects = [subject_of(place.runs / name) for name in names]
    with counting_bar("evaluate") as progress:
        found = evaluate_subjects(subjects, images, EvaluationSettings(), progress=progress)
    return align_rows(names, align(found).rows)


def scores(place: Place, compared: Compared, variants: Sequence[Training]) -> Iterator[str]:
    """Yields the table of variants, in Markdown."""
    metrics = [find_metric(name) for name in METRICS]
    yield "| | variant | seeds | images/s | " + " | ".join(each.title for each in metrics) + " |"
    yield "|" + "---|" * (4 + len(metrics))
    for variant in sorted(variants, key=lambda each: each.letter):
        rows = mean_rows(compared, variant)
        cells = [mean_interval(rows[each.name], compared.cars).text() for each in metrics]
        speed = median(speed for name in variant.names() for speed in speeds_of(place.runs / name))
        facts = f"{variant.letter} | {variant.title} | {variant.seeds} | {speed:.0f}"
        yield f"| {facts} | " + " | ".join(cells) + " |"


def speeds_of(run: Path) -> list[float]:
    """Returns the images a second of each epoch of a run, validation left out."""
    return [line["images_per_second"] for line in read_metrics(run) if line["kind"] == "epoch"]


def table_of(found: Sequence[Answer], metric: Metric) -> Iterator[str]:
    """Yields the verdict of each question, in Markdown; the seeds' own differences beside it."""
    yield f"| what changes | | {metric.title} | each seed |"
    yield "|---|---|---|---|"
    for each in found:
        apart = ", ".join(f"{difference:+.4f}" for difference in each.each_seed)
        pair = f"{each.with_it} against {each.without}"
        yield f"| {each.what} | {pair} | {each.verdict.short} | {apart} |"


def flattery(place: Place, compared: Compared, variants: Sequence[Training]) -> Iterator[str]:
    """Yields by how much the leaking split flatters."""
    by_letter = {variant.letter: variant for variant in variants}
    if not {HONEST, LEAKING} <= by_letter.keys():
        return
    leaky, honest = by_letter[LEAKING], by_letter[HONEST]
    own = [best_dice(place.runs / each.names()[0]) for each in (leaky, honest)]
    yield f"What e's log says, of photos whose cars it saw: Dice {own[0]:.4f}; d's: {own[1]:.4f}."
    kept = place_of_validation(place, compared)
    tables = [mean_rows(compared, each)[kept] for each in (honest, leaky)]
    together = align_rows(["d", "e"], tables)
    for name in METRICS:
        metric = find_metric(name)
        verdict = verdicts(together, metric, [(0, 1)])[0]
        yield (
            f"On the {together.images} photos that neither was trained on, of cars that e alone "
            f"saw: e is {verdict.short} ({metric.title})."
        )


def place_of_validation(place: Place, compared: Compared) -> pd.Series[bool]:
    """Returns which of the compared photos the leaking split keeps for validation too."""
    (leaking,) = load_split(place.split("random")).val_images.values()
    return compared.rows[0]["image"].isin(leaking)


def main() -> None:
    """Trains, scores and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/carvana512"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--work", type=Path, default=Path("data/ablation"), help="for split files")
    parser.add_argument("--images", type=int, default=14_720, help="that each run sees")
    parser.add_argument("--at-once", type=int, default=2, help="trainings side by side")
    parser.add_argument("--only", default="", metavar="LETTERS", help="such as bd (default: all)")
    options = parser.parse_args()

    place = Place(options.data, options.runs, options.work)
    chosen = [each for each in TRAININGS if not options.only or each.letter in options.only]
    write_splits(place)
    train(place, options.images, options.at_once, chosen)
    note(place, chosen)
    compared = evaluated(place, chosen)
    print(*scores(place, compared, chosen), "", sep="\n")
    for name in ("dice", "boundary_iou_3px"):
        metric = find_metric(name)
        print(*table_of(answers(compared, metric, chosen), metric), "", sep="\n")
    print(*flattery(place, compared, chosen), sep="\n")


if __name__ == "__main__":
    main()
