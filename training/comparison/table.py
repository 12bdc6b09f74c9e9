"""The table of a comparison, to read, to compute with and to put into a paper.

An ensemble, a cascade or the mirrored photo stands in it with what it brings and what it costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import DataError
from core.metric_table import METRICS, Metric, find_metric
from core.names import counted, first_few
from training.comparison.aligned import Compared
from training.comparison.interval import Interval
from training.comparison.ranking import Ranking
from training.comparison.verdict import LEVEL, Verdict, compare
from training.evaluation.images import EvaluationSettings
from training.evaluation.stored import (
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    list_evaluations,
    read_evaluation,
)
from training.evaluation.subjects import Subject

if TYPE_CHECKING:
    from training.evaluation.cost import Cost


@dataclass(frozen=True, eq=False)
class Gain:
    """Several checkpoints or passes beside the best single one that they are made of."""

    whole: StoredEvaluation
    """The ensemble, the cascade, or the checkpoint with the mirrored photo."""
    single: StoredEvaluation
    """The best by Dice of the checkpoints in it, alone and without the mirrored photo."""
    times: float
    """How many times as long as the single one the network's part takes."""

    def verdict(self, metric: Metric) -> Verdict:
        """Returns whether it is better than the single one, by how much, with its interval."""
        names = self.single.facts.title, self.whole.facts.title
        return compare(self.single.rows, self.whole.rows, metric, names)

    def sentence(self) -> str:
        """Returns by how much Dice rose with its interval, and the cost in time."""
        interval = self.verdict(find_metric("dice")).interval
        over = f"over {self.single.facts.title}, in {self.times:.1f} times its time"
        return f"gain of {interval.text_with('Dice')} {over}"


def gain_of(evaluation: StoredEvaluation, others: Sequence[StoredEvaluation]) -> Gain | None:
    """Returns an evaluation's gain; None if it is a single one, or no single one of it is there.

    Args:
        evaluation: What to look at.
        others: Evaluations of the same photos with the same settings.
    """
    if not evaluation.facts.is_combined or evaluation.scored.empty:
        return None
    members = set(evaluation.facts.fingerprints)
    singles = [
        each
        for each in others
        if not each.facts.is_combined and set(each.facts.fingerprints) <= members
    ]
    if not singles:
        return None
    best = max(singles, key=lambda each: float(each.scored["dice"].mean()))
    times = float(evaluation.scored["seconds"].sum() / best.scored["seconds"].sum())
    return Gain(evaluation, best, times)


_Photos = tuple[str, str, str]


def stored_together(
    subjects: Sequence[Subject], settings: EvaluationSettings
) -> list[StoredEvaluation]:
    """Returns the stored evaluations of subjects on the same photos: those of the most cars.

    Args:
        subjects: What is compared, at least one.
        settings: How masks were made.

    Raises:
        CheckpointError: A checkpoint can't be read.
        DataError: They were not all evaluated on the same photos with these settings.
    """
    found = [_by_photos(subject, settings) for subject in subjects]
    shared = [photos for photos in found[0] if all(photos in each for each in found)]
    if not shared:
        lacking = [each.title for each, facts in zip(subjects, found, strict=True) if not facts]
        which = f"{', '.join(lacking)} was never" if lacking else "They were not all"
        raise DataError(
            f"{which} evaluated on the same photos with these settings, so there is nothing to "
            "compare yet. Give the photos with --data DIR."
        )
    chosen = max(shared, key=lambda photos: (found[0][photos].cars, found[0][photos].created))
    return [
        read_evaluation(evaluation_path(subject, facts[chosen].key))
        for subject, facts in zip(subjects, found, strict=True)
    ]


def _by_photos(subject: Subject, settings: EvaluationSettings) -> dict[_Photos, EvaluationFacts]:
    """Returns the facts of a subject's evaluations by what they are on."""
    wanted = settings.masks(subject.threshold)
    found: dict[_Photos, EvaluationFacts] = {}
    for facts in list_evaluations(subject.paths[0]):
        same = facts.identity == subject.identity
        if same and facts.settings.masks(subject.threshold) == wanted:
            photos = facts.data_fingerprint, facts.part, facts.split_fingerprint
            found.setdefault(photos, facts)  # the newest comes first
    return found


_LATEX = {character: f"\\{character}" for character in "&%$#_{}"}
_LATEX |= {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_MARKDOWN = r"\|*`<["
NOT_RANKED = "no rank"
"""What stands in the place of a verdict on what was trained on the cars it is scored on."""
_NO_SPREAD = np.nan, np.nan, 0, 0
_NAMED = 10  # photos that a note names


@dataclass(frozen=True, eq=False)  # tables have no single answer to ==
class ComparisonTable:
    """Checkpoints with their metrics, each with its interval, and the verdict on each."""

    figures: pd.DataFrame
    """One row a checkpoint, all figures as numbers: what a CSV file has."""
    texts: pd.DataFrame
    """The same for a reader: "0.9929 (0.9921 to 0.9936)"."""
    notes: tuple[str, ...]
    """What the table must be read with: on how many cars, what the intervals are, what is left
    out."""

    def to_csv(self) -> str:
        """Returns the figures as CSV."""
        return self.figures.to_csv(index=False, lineterminator="\n")

    def to_markdown(self) -> str:
        """Returns the texts as a table of GitHub's Markdown, with the notes below."""
        head, *rows = _cells(self.texts, _markdown)
        lines = [head, ["---"] * len(head), *rows]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return table + "".join(f"\n{_markdown(note)}\n" for note in self.notes)

    def to_latex(self) -> str:
        """Returns the texts as a LaTeX table that needs no package, with the notes below."""
        head, *rows = _cells(self.texts, _latex)
        body = [" & ".join(line) + r" \\" for line in rows]
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                r"\begin{tabular}{" + "l" * len(head) + "}",
                r"\hline",
                " & ".join(head) + r" \\",
                r"\hline",
                *body,
                r"\hline",
                r"\end{tabular}",
                r"\caption{" + " ".join(map(_latex, self.notes)) + "}",
                r"\end{table}",
                "",
            ]
        )


def comparison_table(
    compared: Compared,
    ranking: Ranking,
    metrics: Sequence[Metric],
    baseline: str,
    costs: Sequence[Cost] = (),
) -> ComparisonTable:
    """Returns the table of a comparison, in its order.

    Args:
        compared: The checkpoints.
        ranking: Their ranking; ranks and verdicts are by its metric.
        metrics: The metrics that a reader gets; the figures have all of them.
        baseline: Name of the checkpoint that verdicts are against.
        costs: What each costs; empty leaves that out.

    Raises:
        ConfigError: The baseline is not among what is compared.
    """
    compared.place_of(baseline)
    places = {place.name: place for place in ranking.places}
    figures = pd.DataFrame({"checkpoint": compared.names})
    texts = pd.DataFrame({"Checkpoint": compared.names})
    # As objects: a missing rank would make decimals of the others.
    ranks, lasts = ([getattr(places[n], each) for n in compared.names] for each in ("rank", "last"))
    figures["rank"] = pd.Series(ranks, dtype=object)
    figures["last_rank"] = pd.Series(lasts, dtype=object)
    texts["Rank"] = [places[name].text for name in compared.names]
    intervals = {metric.name: compared.intervals(metric) for metric in METRICS}
    for name, each in intervals.items():
        _add(figures, name, each)
    for metric in metrics:
        texts[metric.label] = [interval.text() for interval in intervals[metric.name]]
    if len(compared.names) > 1:
        _add_verdicts(figures, texts, ranking, baseline)
    verdicts = [facts.verdict for facts in compared.facts]
    if verdicts:
        figures["split"] = [verdict.kind for verdict in verdicts]
    if not all(verdict.is_clean for verdict in verdicts):
        texts["Split"] = [verdict.label for verdict in verdicts]
    figures["photos"], figures["cars"] = compared.images, len(set(compared.cars))
    figures["left_out"] = len(compared.left_out)
    seconds = [float(rows["seconds"].median()) for rows in compared.rows]
    figures["seconds"] = seconds
    texts["Time a photo"] = [f"{1000 * each:.0f} ms" for each in seconds]
    if costs:
        _add_costs(figures, texts, costs)
    return ComparisonTable(figures, texts, tuple(_notes(compared, ranking)))


def _add(figures: pd.DataFrame, name: str, intervals: Sequence[Interval]) -> None:
    figures[name] = [interval.estimate for interval in intervals]
    figures[f"{name}_low"] = [interval.low for interval in intervals]
    figures[f"{name}_high"] = [interval.high for interval in intervals]


def _add_verdicts(
    figures: pd.DataFrame, texts: pd.DataFrame, ranking: Ranking, baseline: str
) -> None:
    """Adds what each is against the baseline; the baseline and what has no rank have none."""
    names = list(figures["checkpoint"])
    alone = {baseline, *(names if baseline in ranking.unranked else ranking.unranked)}
    found = [None if name in alone else ranking.verdict(name, against=baseline) for name in names]
    without = ["baseline" if name == baseline else NOT_RANKED for name in names]
    gains = [
        each.interval if each else Interval(0.0 if text == "baseline" else np.nan, *_NO_SPREAD)
        for each, text in zip(found, without, strict=True)
    ]
    figures["verdict"] = [
        each.kind if each else text.replace(" ", "_")
        for each, text in zip(found, without, strict=True)
    ]
    _add(figures, f"{ranking.metric.name}_gain", gains)
    title = f"{ranking.metric.title} against {baseline}"
    texts[title] = [each.short if each else text for each, text in zip(found, without, strict=True)]


def _add_costs(figures: pd.DataFrame, texts: pd.DataFrame, costs: Sequence[Cost]) -> None:
    """Adds what each costs; times and memory of those alone that were measured on this machine."""
    for name in ("parameters", "multiply_adds", "file_bytes", "peak_bytes"):
        figures[name] = [getattr(cost, name) for cost in costs]
    sizes = sorted({(each.width, each.height) for cost in costs for each in cost.latency})
    for width, height in sizes:
        timed = [
            next(
                (each for each in cost.latency if (each.width, each.height) == (width, height)),
                None,
            )
            for cost in costs
        ]
        for quantile in ("median", "p95"):
            figures[f"{quantile}_seconds_{width}x{height}"] = [
                getattr(each, quantile).seconds if each else np.nan for each in timed
            ]
    texts["Size"] = [f"{cost.file_bytes / 1e6:.1f} MB" for cost in costs]


def _notes(compared: Compared, ranking: Ranking) -> list[str]:
    cars = len(set(compared.cars))
    of = f" ({compared.facts[0].data}, {compared.facts[0].part})" if compared.facts else ""
    notes = [
        f"Means over {counted(compared.images, 'photo')} of {counted(cars, 'car')}{of}, with "
        f"{LEVEL:.0%} intervals over cars."
    ]
    if ranking.unranked:
        saw = sorted(ranking.unranked)
        verb = "was" if len(saw) == 1 else "were"
        notes.append(
            f"{first_few(saw, _NAMED)} {verb} trained on some of these cars, so there is no rank: "
            "the scores are too high."
        )
    looks = max((verdict.looks for verdict in ranking.verdicts), default=1)
    if looks > 1:
        notes.append(f"Verdicts and ranks hold for all {looks:,} pairs at once (Holm).")
    if compared.left_out:
        count, named = len(compared.left_out), first_few(compared.left_out, _NAMED)
        notes.append(f"Left out, as they can't be read ({count:,}): {named}.")
    return notes


def _cells(table: pd.DataFrame, escape: Callable[[str], str]) -> list[list[str]]:
    rows = [list(table.columns), *table.itertuples(index=False, name=None)]
    return [[escape(str(cell)) for cell in row] for row in rows]


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _markdown(text: str) -> str:
    return re.sub(f"[{re.escape(_MARKDOWN)}]", r"\\\g<0>", " ".join(text.split()))
