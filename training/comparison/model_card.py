"""The model card of a checkpoint: what it is, what it scores, where it fails, how to repeat it.

Everything in it is read from the checkpoint, its run's folder and the evaluations that are stored
beside it; nothing is computed on photos. What only a person can know is a line to fill in.

Source: Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.checkpoint import CheckpointInfo, find_checkpoint, read_info
from core.errors import CarmaskError
from core.metric_table import METRICS, Metric, find_metric
from core.names import counted
from core.places import short_path
from training.comparison.interval import mean_interval
from training.comparison.slices import PART_TITLES, WAY_TITLES, WAYS, cut
from training.evaluation.cost import cost_of
from training.evaluation.stored import (
    SUFFIX,
    StoredEvaluation,
    folder_of,
    list_evaluations,
    read_evaluation,
)
from training.evaluation.subjects import fingerprint_of, subject_of, title_of
from training.jobs.launch import fit_arguments, typed_command
from training.runs.runlog import read_config

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
        return "No scores yet."
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


FILL_IN = "_To be filled in:_"
"""How a line begins that only a person can write."""


def model_card(file_or_run: Path) -> str:
    """Returns the model card of a checkpoint, or of a run's best one, as Markdown.

    Raises:
        CheckpointError: It can't be read.
    """
    path = find_checkpoint(file_or_run)
    info = read_info(path)
    evaluations, unreadable = _evaluations(path)
    parts = [
        f"# Model card: {_title(path, info)}",
        _summary(path, info),
        "## Data",
        *_data(info),
        "## Scores",
        *scores(path, info, evaluations),
        *(f"The stored evaluation {text}" for text in unreadable),
        "## Where it fails",
        *failures(evaluations),
        "## Cost",
        _cost(path),
        "## Architecture",
        _architecture(info),
        "## How to repeat it",
        *_repeat(path, info),
        "## Limits",
        *_limits(info, evaluations),
        "## Licence",
        f"{FILL_IN} under which licence the weights may be used, and whether the licences of the "
        "data above allow that.",
    ]
    return "\n\n".join(parts) + "\n"


def _title(path: Path, info: CheckpointInfo) -> str:
    return info.title if path.stem == "best" and info.title else title_of(path)


def _evaluations(path: Path) -> tuple[list[StoredEvaluation], list[str]]:
    """Returns the evaluations of this very file, the newest first, and what can't be read."""
    found, unreadable = [], []
    for facts in list_evaluations(path):
        if len(facts.fingerprints) > 1 and not (
            facts.cascade and facts.fingerprints[0] == fingerprint_of(path)
        ):
            continue  # figures of an ensemble, or as another one's fallback, are not its own
        try:
            found.append(read_evaluation(folder_of(path) / f"{facts.key}{SUFFIX}"))
        except CarmaskError as error:
            unreadable.append(f"{facts.key} is left out: {error}")
    return found, unreadable


def _summary(path: Path, info: CheckpointInfo) -> str:
    model = info.model
    norm = "no normalisation" if model.norm == "none" else f"{model.norm} normalisation"
    padded = "A padded" if model.padding == "same" else "An unpadded"
    trained = [f"epoch {info.epoch}"] if info.epoch else []
    trained += [f"{info.images_seen:,} training photos seen, repeats counted"] * bool(
        info.images_seen
    )
    text = (
        f"{padded} U-Net with {norm}, width {model.width} and depth {model.depth} that marks the "
        f"pixels of cars in photos: {model.parameter_count():,} parameters, "
        f"{path.stat().st_size / 1e6:.1f} MB."
    )
    if trained:
        text += f" Written after {', '.join(trained)}."
    return f"{text} {FILL_IN} who made it, what for, and whom to ask."


def _data(info: CheckpointInfo) -> Iterator[str]:
    """Yields what it was trained on, and the verdict on its split."""
    if info.data:
        yield table(
            ("Data set", "Layout", "Photos", "Cars", "Fingerprint"),
            [
                (
                    name,
                    str(facts.get("layout", "")),
                    number(facts.get("images")),
                    number(facts.get("cars")),
                    f"`{str(facts.get('fingerprint', ''))[:12]}`",
                )
                for name, facts in info.data.items()
                if isinstance(facts, dict)
            ],
        )
    else:
        yield "The checkpoint does not say on which data it was trained."
    sides = [
        f"{number(info.split[key])} photos {what}"
        for key, what in (("train_images", "trained on"), ("val_images", "kept for validation"))
        if key in info.split
    ]
    verdict = info.verdict
    mark = "" if verdict.is_clean else f"**{verdict.label}.** "
    counted = f" ({', '.join(sides)})" if sides else ""
    yield f"{mark}Split: {verdict.sentence()}{counted}."
    yield f"{FILL_IN} where the data come from, and their licences."


def _cost(path: Path) -> str:
    """Returns size and multiplications, and time and memory where they were measured here."""
    told = cost_of(subject_of(path))
    lines = told.lines()
    if not told.latency:
        lines.append("Time and memory were not measured on this machine.")
    return "\n".join(f"- {line}" for line in lines)


def _architecture(info: CheckpointInfo) -> str:
    preprocessing = info.preprocessing
    mean, std = (
        ", ".join(f"{v:g}" for v in each) for each in (preprocessing.mean, preprocessing.std)
    )
    rows = [(name, f"{value}") for name, value in asdict(info.model).items()]
    rows += [
        ("photo's area", f"{preprocessing.size} x {preprocessing.size} px, its shape is kept"),
        ("mean", mean),
        ("std", std),
        ("threshold", f"{info.threshold:g}"),
    ]
    return table(("Setting", "Value"), rows)


def _repeat(path: Path, info: CheckpointInfo) -> Iterator[str]:
    """Yields the command that trains it again, as far as its run's folder tells."""
    run = path.resolve().parent.parent
    try:
        config = read_config(run)
    except CarmaskError as error:
        yield f"The run that made it can't be read here: {error}"
    else:
        command = typed_command(fit_arguments(config, run.parent, run.name))
        yield f"```\n{command}\n```"
        if config.start_from:
            yield f"It goes on from `{config.start_from}`, which has to be there first."
    versions = info.code.get("versions")
    known = versions if isinstance(versions, dict) else {}
    code = str(info.code.get("fingerprint", ""))[:12]
    told = [f"{name} {version}" for name, version in known.items() if version]
    if told or code:
        yield f"Written {info.created or 'at an unknown time'} by code `{code}` with " + (
            f"{', '.join(told)}."
        )


def _limits(info: CheckpointInfo, evaluations: Sequence[StoredEvaluation]) -> Iterator[str]:
    """Yields what is known to limit the use of it."""
    seen = ", ".join(info.data) or "data that it does not name"
    measured = ", ".join(dict.fromkeys(each.facts.data for each in evaluations))
    lines = [
        f"- It was trained on {seen}. What it does on other photos is not known"
        + (f", besides the scores on {measured} above." if measured else "."),
        "- It marks car pixels and doesn't tell cars apart.",
        "- Not for decisions about people or safety.",
        f"- {FILL_IN} what it must not be used for, and what was seen to go wrong.",
    ]
    if not info.verdict.is_clean:
        flatters = "are" if info.verdict.kind == "leaky" else "may be"
        lines.insert(
            0, f"- **{info.verdict.sentence()}**: its validation scores {flatters} too good."
        )
    yield "\n".join(lines)
