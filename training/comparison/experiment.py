"""The shipped experiment: was it the padding or the augmentation? One computation of its answers.

Page, documents and `benchmarks/ablation.py` all take their figures from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.checkpoint import find_checkpoint
from core.errors import DataError
from core.metric_table import HEADLINE, Metric, find_metric
from training.comparison.aligned import Compared, align, align_rows
from training.comparison.verdict import Verdict, verdicts
from training.data.sides import load_split
from training.evaluation.stored import (
    StoredEvaluation,
    evaluation_path,
    list_evaluations,
    read_evaluation,
)
from training.evaluation.subjects import subject_of
from training.runs.listing import EXPERIMENT
from training.runs.runlog import read_metrics

if TYPE_CHECKING:
    import pandas as pd

FEW = 20
"""Cars of the variants with few of them."""
METRICS = tuple(metric.name for metric in HEADLINE)


@dataclass(frozen=True)
class Variant:
    """One way to train."""

    letter: str
    title: str
    seeds: int = 1

    def names(self) -> list[str]:
        """Returns its runs, one a seed."""
        return [f"{EXPERIMENT}{self.letter}-seed{seed}" for seed in range(self.seeds)]


VARIANTS = (
    Variant("b", "unpadded, augmented", seeds=2),
    Variant("d", "padded, batch norm, augmented", seeds=2),
    Variant("c", "padded, batch norm", seeds=2),
    Variant("a", "unpadded"),
    Variant("e", "d on a split that leaks"),
    Variant("f", "padded, augmented"),
    Variant("g", f"c with {FEW} cars"),
    Variant("h", f"d with {FEW} cars"),
)
"""In the order of training: what the question needs most is there first."""
LEAKING, HONEST = "e", "d"
"""The variant whose split leaks on purpose, and what it is compared with."""
QUESTIONS = (
    ("augmentation, unpadded", "a", "b"),
    ("augmentation, padded with batch norm", "c", "d"),
    (f"augmentation, the same with {FEW} cars", "g", "h"),
    ("padding with batch norm, not augmented", "a", "c"),
    ("padding with batch norm, augmented", "b", "d"),
    ("padding alone, augmented", "b", "f"),
    ("batch norm alone, augmented", "f", "d"),
)
"""What changes, without it and with it."""


@dataclass(frozen=True)
class Answer:
    """What one change does, by one metric."""

    what: str
    without: str
    """Letter of the variant without the change."""
    with_it: str
    verdict: Verdict
    """Of all seeds, averaged photo by photo; it holds for all questions at once."""
    each_seed: tuple[float, ...]
    """The difference of the means, seed by seed."""


def answers(
    compared: Compared, metric: Metric, variants: Sequence[Variant] = VARIANTS
) -> list[Answer]:
    """Returns what each change does, as far as both of its variants are there.

    Args:
        compared: The runs of the variants, under their names.
        metric: What to compare by.
        variants: Those that were trained.
    """
    by_letter = {variant.letter: variant for variant in variants}
    asked = [each for each in QUESTIONS if {each[1], each[2]} <= by_letter.keys()]
    letters = list(by_letter)
    together = align_rows(letters, [mean_rows(compared, each) for each in variants])
    pairs = [(letters.index(a), letters.index(b)) for _, a, b in asked]
    found = []
    for (what, a, b), verdict in zip(asked, verdicts(together, metric, pairs), strict=True):
        without, with_it = (_means(compared, by_letter[letter], metric) for letter in (a, b))
        apart = tuple(ours - theirs for ours, theirs in zip(with_it, without, strict=False))
        found.append(Answer(what, a, b, verdict, apart))
    return found


def mean_rows(compared: Compared, variant: Variant) -> pd.DataFrame:
    """Returns a variant's rows, each figure the mean over its seeds."""
    tables = [compared.rows[compared.place_of(name)] for name in variant.names()]
    mean = tables[0].copy()
    for metric in METRICS:
        mean[metric] = sum(table[metric] for table in tables) / len(tables)
    return mean


def flattery(runs: Path, variants: Sequence[Variant] = VARIANTS) -> float:
    """Returns by how much the leaking split's own Dice is above that of the honest one.

    Args:
        runs: The folder of runs.
        variants: Those that were trained, the leaking and the honest one among them.
    """
    by_letter = {variant.letter: variant for variant in variants}
    leaking, honest = (by_letter[letter].names()[0] for letter in (LEAKING, HONEST))
    return round(best_dice(runs / leaking), 4) - round(best_dice(runs / honest), 4)


def best_dice(run: Path) -> float:
    """Returns the best Dice of a run's own validation."""
    return float(max(line["val"]["dice"] for line in read_metrics(run) if "val" in line))


def shipped_experiment(runs: Path) -> Compared | None:
    """Returns the runs' stored figures on the same photos; None where a run is not there.

    Args:
        runs: The folder of runs.

    Raises:
        CarmaskError: A checkpoint or its evaluation can't be read, or there is none.
    """
    names = [name for variant in VARIANTS for name in variant.names()]
    if not all((runs / name).is_dir() for name in names):
        return None
    found = [_stored(runs / name) for name in names]
    return align_rows(names, align(found).rows)


def sentences(compared: Compared, runs: Path) -> tuple[str, str, str]:
    """Returns the answer in three sentences: the padding, the augmentation, the leak.

    Args:
        compared: What `shipped_experiment` returned.
        runs: The folder of runs.
    """
    by_pair = {(a.without, a.with_it): a for a in answers(compared, find_metric("dice"))}
    both, alone, norm, many, few = (
        by_pair[pair].verdict
        for pair in (("b", "d"), ("b", "f"), ("f", "d"), ("c", "d"), ("g", "h"))
    )
    return (
        f"It was the padding, together with batch normalisation: {_short(both)}; the padding alone "
        f"is {_short(alone)}, batch normalisation alone {_short(norm)}.",
        f"With {_training_cars(runs)} cars to learn from the augmentation is {_short(many)}; with "
        f"{FEW} it is {_short(few)}, for it stands in for cars that one hasn't got.",
        f"A split that leaks flatters by {flattery(runs):.4f} Dice, and no curve shows it.",
    )


def _short(verdict: Verdict) -> str:
    """Returns a verdict inside a sentence: "a tie (less than 0.0005 either way)"."""
    what, colon, rest = verdict.short.partition(": ")
    return f"{what} ({rest})" if colon else what


def _training_cars(runs: Path) -> int:
    """Returns how many cars the variants learn from, but for those with few."""
    by_letter = {variant.letter: variant for variant in VARIANTS}
    split = load_split(runs / by_letter[HONEST].names()[0] / "split.json")
    return sum(map(len, split.train_cars.values()))


def _means(compared: Compared, variant: Variant, metric: Metric) -> list[float]:
    return [
        float(compared.rows[compared.place_of(name)][metric.name].mean())
        for name in variant.names()
    ]


def _stored(run: Path) -> StoredEvaluation:
    """Returns a run's evaluation; of several the newest."""
    path = find_checkpoint(run)
    facts = next((each for each in list_evaluations(path) if not each.is_combined), None)
    if facts is None:
        raise DataError(
            f"The run {run.name} has no evaluation; python benchmarks/ablation.py makes it."
        )
    return read_evaluation(evaluation_path(subject_of(path), facts.key))
