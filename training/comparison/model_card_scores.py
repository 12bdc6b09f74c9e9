"""The figures of a model card: scores with their intervals, and where they are poor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core.checkpoint import CheckpointInfo
from core.metric_table import METRICS, Metric, find_metric
from core.names import counted
from core.places import short_path
from training.comparison.interval import mean_interval
from training.comparison.slices import WAYS, cut
from training.comparison.words import PART_TITLES, WAY_TITLES
from training.evaluation.stored import StoredEvaluation

_BY = find_metric("dice")
"""What the failures are told by."""
_WORST = 5  # photos that are named
_EVALUATE = "python -m training evaluate --checkpoint {} --data DIR --split FILE --part val"


def scores(
    path: Path, info: CheckpointInfo, evaluations: Sequence[StoredEvaluation]
) -> Iterator[str]:
    """Yields each stored evaluation with intervals, or what the checkpoint itself says."""
    if evaluations:
        yield (
            "Means over whole photos at their own size. Intervals are 95%, from a bootstrap that "
            "resamples cars, not photos."
        )
    for each in evaluations:
        yield f"### {_heading(each)}"
        mark = "" if each.facts.verdict.is_clean else f"**{each.facts.verdict.label}.** "
        yield from (f"{mark}**Read with care:** {caution}." for caution in each.facts.cautions)
        yield _score_table(each)
    if not evaluations:
        yield (
            "No evaluation is stored beside this checkpoint, so there are no intervals. These are "
            "the means of the validation when it was written. For intervals run "
            f"`{_EVALUATE.format(short_path(path))}`."
        )
        yield _own_scores(info)


def _heading(evaluation: StoredEvaluation) -> str:
    facts = evaluation.facts
    part = PART_TITLES[facts.part] + (", mirrored photos too" if facts.flips else "")
    used = f" ({facts.title})" if facts.cascade else ""
    photos, cars = counted(facts.images, "photo"), counted(facts.cars, "car")
    return f"{facts.data}, {part}: {photos} of {cars}{used}"


def _score_table(evaluation: StoredEvaluation) -> str:
    rows, facts = evaluation.scored, evaluation.facts
    notes = [f"Threshold {facts.threshold:g}."]
    if facts.failed:
        words = (
            "photo can't be read and is" if facts.failed == 1 else "photos can't be read and are"
        )
        notes.append(f"{facts.failed:,} {words} in no mean.")
    if rows.empty:
        return " ".join(notes)
    cars = list(zip(rows["source"], rows["car"], strict=True))
    figures = [
        (metric.label, mean_interval(rows[metric.name].to_numpy(np.float64), cars).text())
        for metric in METRICS
    ]
    return f"{table(('Metric', 'Mean (95% interval)'), figures)}\n\n{' '.join(notes)}"


def _own_scores(info: CheckpointInfo) -> str:
    """Returns the validation's means that the checkpoint carries."""
    sources = info.metrics.get("sources", {})
    named = {"all": info.metrics, **(sources if len(sources) > 1 else {})}
    known = [metric for metric in METRICS if metric.name in info.metrics]
    if not known:
        return "The checkpoint carries no scores."
    rows = [
        (
            name,
            number(figures.get("images")),
            number(figures.get("cars")),
            *(_score(figures.get(metric.name), metric) for metric in known),
        )
        for name, figures in named.items()
    ]
    return table(("Photos of", "Photos", "Cars", *(metric.label for metric in known)), rows)


def _score(value: object, metric: Metric) -> str:
    if not isinstance(value, int | float):
        return ""
    return f"{value:.{1 if metric.unit else 4}f}"


def failures(evaluations: Sequence[StoredEvaluation]) -> Iterator[str]:
    """Yields the worst slice of each way of cutting the photos, for each evaluation."""
    if not any(len(each.scored) for each in evaluations):
        yield "Nothing is known of that: no evaluation is stored beside this checkpoint."
        return
    for evaluation in evaluations:
        if evaluation.scored.empty:
            continue
        found = [cut(evaluation.scored, _BY, by) for by in WAYS]
        lines = [
            f"- {WAY_TITLES[each.by]}: {each.sentence}." for each in found if len(each.slices) > 1
        ]
        worst = evaluation.scored.sort_values(_BY.name, ascending=_BY.higher_is_better)[:_WORST]
        names = ", ".join(
            f"`{row.image}` ({getattr(row, _BY.name):.4f})" for row in worst.itertuples()
        )
        lines.append(f"- The worst photos by {_BY.title}: {names}.")
        yield f"{_heading(evaluation)}\n\n" + "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table; the first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(_cell(each) for each in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def number(value: object) -> str:
    """Returns a whole number with its thousands apart; "" for anything else."""
    return f"{value:,}" if isinstance(value, int) else ""
