"""python -m training compare: says which checkpoint is better, and how sure that is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError
from training.commands.judging import (
    add_judging,
    finite,
    images_of,
    say_failures,
    say_warnings,
    subjects_of,
)
from training.commands.options import counting_bar, terminated_like_ctrl_c, writing

if TYPE_CHECKING:
    from core.metric_table import Metric
    from training.comparison.aligned import Compared
    from training.comparison.ranking import Ranking, SeedSpread
    from training.comparison.table import ComparisonTable
    from training.comparison.verdict import Verdict
    from training.evaluation.stored import StoredEvaluation
    from training.evaluation.subjects import Subject

_MOST_PAIRS = 10
"""Verdicts that are printed; of more pairs, those against the baseline."""
_BESIDE = ("dice", "boundary_iou", "hd95")
"""Metrics that a reader gets beside the chosen one; CSV and JSON have all of them."""


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "compare",
        help="say which checkpoint is better, and how sure that is",
        description="Intervals draw cars, not photos; verdicts hold for all pairs at once. What "
        "is not evaluated yet is evaluated first. Exit status: 0 done, 1 a photo can't be read, "
        "2 wrong usage.",
    )
    parser.add_argument(
        "checkpoint", type=Path, nargs="+", metavar="C", help="file, or a run's folder"
    )
    parser.add_argument(
        "--data",
        action="append",
        type=Path,
        metavar="DIR",
        help="default: the photos that all were evaluated on before; they need not be here",
    )
    add_judging(parser)
    parser.add_argument(
        "--metric", default="dice", help="what verdicts and ranks are by (default: dice)"
    )
    parser.add_argument(
        "--baseline", metavar="C", help="what the table's verdicts are against (default: the first)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with all pairs")
    for name in ("markdown", "latex", "csv"):
        parser.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"write the table as {name}"
        )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Compares checkpoints on the photos of data folders."""
    from core.metric_table import METRICS, find_metric
    from training.comparison.aligned import align
    from training.comparison.ranking import rank
    from training.comparison.table import comparison_table
    from training.evaluation.cost import cost_of

    metric = find_metric(options.metric)
    subjects = subjects_of(options)
    baseline = _baseline(options, subjects)
    evaluations = _evaluations(options, subjects)
    compared = align(evaluations)
    ranking = rank(compared, metric)
    shown = [metric, *(each for each in METRICS if each.name in _BESIDE and each != metric)]
    costs = [cost_of(subject) for subject in subjects]
    table = comparison_table(compared, ranking, shown, compared.names[baseline], costs)
    _write_files(options, table)
    say_warnings(evaluations)
    seeds = _seeds(compared, subjects, metric)
    if options.json:
        print(_json(compared, ranking, table, seeds))
    else:
        print(_text(ranking, table, compared.names[baseline], seeds))
    return say_failures(evaluations[0])


def _baseline(options: argparse.Namespace, subjects: Sequence[Subject]) -> int:
    """Returns the place of the baseline, named by its path as given or by its title."""
    if options.baseline is None:
        return 0
    if Path(options.baseline) in options.checkpoint:
        return int(options.checkpoint.index(Path(options.baseline)))
    titles = [subject.title for subject in subjects]
    if options.baseline not in titles:
        raise ConfigError(
            f"--baseline {options.baseline} is not among what is compared; choose one of: "
            f"{', '.join(titles)}."
        )
    return titles.index(options.baseline)


def _evaluations(
    options: argparse.Namespace, subjects: Sequence[Subject]
) -> list[StoredEvaluation]:
    """Returns the evaluations; those that are missing are computed if the photos are there."""
    from training.comparison.table import stored_together
    from training.evaluation.images import EvaluationSettings
    from training.evaluation.run import evaluate_subjects

    settings = EvaluationSettings(threshold=options.threshold)
    if not options.data:
        if options.split or options.part != "all":
            raise ConfigError(
                "--split and --part choose among the photos of --data; give that too."
            )
        return stored_together(subjects, settings)
    images = images_of(options)
    with terminated_like_ctrl_c(), counting_bar("evaluate") as progress:
        return evaluate_subjects(
            subjects, images, settings, device=options.device, progress=progress
        )


def _seeds(compared: Compared, subjects: Sequence[Subject], metric: Metric) -> list[SeedSpread]:
    """Returns the spread of every group of single checkpoints that differ by the seed alone."""
    from training.comparison.ranking import seed_groups, seed_spread

    single = [at for at, each in enumerate(subjects) if len(each.paths) == 1 and not each.flips]
    groups = seed_groups([subjects[at].paths[0] for at in single])
    return [seed_spread(compared, metric, [single[at] for at in group]) for group in groups]


def _write_files(options: argparse.Namespace, table: ComparisonTable) -> None:
    forms: dict[str, Callable[[], str]] = {
        "markdown": table.to_markdown,
        "latex": table.to_latex,
        "csv": table.to_csv,
    }
    for name, written in forms.items():
        path = getattr(options, name)
        if path is None:
            continue
        with writing(path):
            path.write_text(written(), encoding="utf-8")


def _text(
    ranking: Ranking, table: ComparisonTable, baseline: str, seeds: Sequence[SeedSpread]
) -> str:
    cells = [list(table.texts.columns), *table.texts.itertuples(index=False, name=None)]
    widths = [max(len(str(row[at])) for row in cells) for at in range(len(cells[0]))]
    lines = [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    lines += ["", *table.notes]
    if ranking.verdicts:
        lines += ["", f"By {ranking.metric.title}:"]
        lines += [
            f"  {each.names[1]} against {each.names[0]}: {each.short}"
            for each in _shown(ranking, baseline)
        ]
        lines += ["", f"Ranking by {ranking.metric.title}:"]
        lines += [
            f"  {place.text:8} {place.name}  {place.interval.text_with(ranking.metric.unit)}"
            for place in ranking.ranked
        ]
    lines += ["", *(spread.sentence for spread in seeds)] if seeds else []
    return "\n".join(lines)


def _shown(ranking: Ranking, baseline: str) -> Sequence[Verdict]:
    """Returns the verdicts that a person reads: all of few, else those against the baseline."""
    if baseline in ranking.unranked:
        return ranking.verdicts
    others = [place.name for place in ranking.ranked if place.name != baseline]
    against = [ranking.verdict(name, against=baseline) for name in others]
    if len(ranking.verdicts) > _MOST_PAIRS:
        return against
    return [*against, *(each for each in ranking.verdicts if baseline not in each.names)]


def _json(
    compared: Compared, ranking: Ranking, table: ComparisonTable, seeds: Sequence[SeedSpread]
) -> str:
    told = {
        "metric": ranking.metric.name,
        "photos": compared.images,
        "cars": len(set(compared.cars)),
        "left_out": compared.left_out,
        "table": table.figures.to_dict("records"),
        "verdicts": [
            {
                "a": each.names[0],
                "b": each.names[1],
                "kind": each.kind,
                "gain": each.interval.estimate,
                "low": each.interval.low,
                "high": each.interval.high,
                "looks": each.looks,
                "cars_needed": each.cars_needed,
                "sentence": each.sentence,
            }
            for each in ranking.verdicts
        ],
        "ranking": [
            {"name": place.name, "rank": place.rank, "last": place.last} for place in ranking.places
        ],
        "ties": ranking.groups,
        "seeds": [asdict(spread) for spread in seeds],
    }
    return json.dumps(finite(told))
