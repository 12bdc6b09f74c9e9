"""The model card of a checkpoint: what it is, what it scores, where it fails, how to repeat it.

Everything in it is read from the checkpoint, its run's folder and the evaluations that are stored
beside it; nothing is computed on photos. What only a person can know is a line to fill in.

Source: Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from core.checkpoint import CheckpointInfo, find_checkpoint, read_info
from core.errors import CarmaskError
from training.comparison.model_card_scores import failures, number, scores, table
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
