"""python -m training evaluate: scores checkpoints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError
from core.names import counted
from training.commands.judging import (
    add_judging,
    finite,
    images_of,
    say_failures,
    say_warnings,
    subjects_of,
)
from training.commands.options import add_checkpoints, counting_bar, terminated_like_ctrl_c, writing

if TYPE_CHECKING:
    from training.comparison.table import Gain
    from training.evaluation.cost import Cost
    from training.evaluation.measure import ImageRow
    from training.evaluation.stored import StoredEvaluation


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "evaluate",
        help="score checkpoints on photos with masks",
        description="What was computed before is found again, beside the checkpoint; interrupted, "
        "the same command goes on where it stopped. Exit status: 0 done, 1 a photo can't be read, "
        "2 wrong usage.",
    )
    add_checkpoints(parser, "several are scored on the same photos, each read once")
    parser.add_argument("--data", action="append", type=Path, required=True, metavar="DIR")
    add_judging(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, one row a photo")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write all rows to a .csv or .parquet file"
    )
    parser.add_argument(
        "--cost", action="store_true", help="also measure speed and memory here; takes minutes"
    )
    parser.add_argument(
        "--job", type=Path, metavar="DIR", help="folder to say the progress in, for a page"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Scores checkpoints on the photos of data folders."""
    from training.evaluation.cost import measure_costs
    from training.evaluation.images import EvaluationSettings
    from training.evaluation.run import evaluate_subjects

    settings = EvaluationSettings(threshold=options.threshold)
    _check_out(options.out)
    if not (options.checkpoint or options.cascade):
        raise ConfigError("There is nothing to score; give --checkpoint C or --cascade C FALLBACK.")
    asked = {each.identity: each for each in subjects_of(options)}
    subjects = list(asked.values())  # a network that was named twice is scored once
    images = images_of(options)
    with terminated_like_ctrl_c(), _shown(options.job) as progress:
        evaluations = evaluate_subjects(
            subjects, images, settings, device=options.device, progress=progress
        )
        costs = []
        if options.cost:
            costs = measure_costs(subjects, device=options.device, progress=progress)
    if options.out:
        _write_rows(evaluations, options.out)
    say_warnings(evaluations)
    print(_json(evaluations, costs) if options.json else _text(evaluations, costs))
    return say_failures(evaluations[0])


@contextmanager
def _shown(job: Path | None) -> Iterator[Callable[[int, int], None]]:
    """Gives what progress is said to: a bar, or the folder that a page watches."""
    from training.jobs.evaluation import evaluation_at

    with ExitStack() as stack:
        if job is not None:
            yield stack.enter_context(evaluation_at(job)).progress
            return
        bars: list[Callable[[int, int], None]] = []

        def show(done: int, total: int) -> None:
            if not bars:  # no bar at all where everything is found
                bars.append(stack.enter_context(counting_bar("evaluate")))
            bars[0](done, total)

        yield show


def _json(evaluations: Sequence[StoredEvaluation], costs: Sequence[Cost]) -> str:
    """Returns a list with an object an evaluation: facts, means, gain, cost and rows."""
    told = []
    for place, evaluation in enumerate(evaluations):
        rows = evaluation.image_rows
        gain = _gain_of(evaluation, evaluations)
        told.append(
            {
                **asdict(evaluation.facts),
                **_means(rows),
                "gain": None if gain is None else _gain_facts(gain),
                "cost": asdict(costs[place]) if costs else None,
                "rows": [asdict(row) for row in rows],
            }
        )
    return json.dumps(finite(told))


def _gain_of(evaluation: StoredEvaluation, evaluations: Sequence[StoredEvaluation]) -> Gain | None:
    """Returns what a combined subject brings; None for a single pass of one checkpoint."""
    if not evaluation.facts.is_combined:
        return None
    from training.comparison.table import gain_of  # its statistics take as long as all the rest

    return gain_of(evaluation, evaluations)


def _gain_facts(gain: Gain) -> dict[str, Any]:
    """Returns over what and in how many times its time; by metric the difference and its ends."""
    from core.metric_table import METRICS

    intervals = {metric.name: gain.verdict(metric).interval for metric in METRICS}
    return {
        "over": gain.single.facts.title,
        "times": gain.times,
        **{name: [each.estimate, each.low, each.high] for name, each in intervals.items()},
    }


def _text(evaluations: Sequence[StoredEvaluation], costs: Sequence[Cost]) -> str:
    """Returns the means for a person; where there are several data folders, each one's too."""
    lines = []
    for place, evaluation in enumerate(evaluations):
        means = _means(evaluation.image_rows)
        sources, verdict = means.pop("sources", {}), evaluation.facts.verdict
        for name, figures in {"": means, **(sources if len(sources) > 1 else {})}.items():
            of = f"{evaluation.facts.title}{name and f' on {name}'}"
            mark = "" if verdict.is_clean else f", {verdict.label}"
            photos, cars = counted(figures["images"], "photo"), counted(figures["cars"], "car")
            lines.append(f"{of}: {photos} of {cars}{mark}")
            lines += [f"  {n:18} {v:.4f}" for n, v in figures.items() if isinstance(v, float)]
        gain = _gain_of(evaluation, evaluations)
        lines += [f"  {gain.sentence()}"] if gain is not None else []
        lines += [f"  {line}" for line in costs[place].lines()] if costs else []
    return "\n".join(lines)


def _means(rows: Sequence[ImageRow]) -> dict[str, Any]:
    """Returns the summary of rows; only counts of 0 if none of the photos can be read."""
    from training.evaluation.measure import summary_of

    if all(row.error for row in rows):
        return {"images": 0, "cars": 0}
    return summary_of(rows)


def _check_out(out: Path | None) -> None:
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--out is {out}; give a file that ends in .csv or .parquet.")


def _write_rows(evaluations: Sequence[StoredEvaluation], out: Path) -> None:
    """Writes the rows of all, with a first column that says of which checkpoint they are."""
    import pandas as pd

    tables = []
    for evaluation in evaluations:
        table = evaluation.rows.copy()
        table.insert(0, "checkpoint", evaluation.facts.title)
        tables.append(table)
    rows = pd.concat(tables, ignore_index=True)
    with writing(out):
        if out.suffix == ".csv":
            rows.to_csv(out, index=False)
        else:
            rows.to_parquet(out, index=False)
