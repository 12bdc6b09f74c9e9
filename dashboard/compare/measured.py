"""What was measured before, of which checkpoint on which images; and the measuring of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from core.names import counted
from core.session import BoundedCache
from dashboard.compare.image_sets import ImageSet, Wanted
from dashboard.compare.rows import Chosen, Known, Row, cascade_name
from dashboard.ui.job_view import show_jobs
from dashboard.ui.text import plain
from training.evaluation.cost import Cost, cost_of
from training.evaluation.images import EvaluationSettings
from training.evaluation.stored import (
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    folder_of,
    list_evaluations,
    read_evaluation,
)
from training.evaluation.subjects import (
    Subject,
    cascade_of,
    ensemble_of,
    fingerprint_of,
    subject_of,
)
from training.jobs.evaluation import EvaluationRequest, start_evaluation

Facts = Mapping[Path, Sequence[EvaluationFacts]]
"""What was evaluated of each checkpoint."""
USUAL = 3
"""Checkpoints that are compared before anybody chose."""
_KEPT_BYTES = 500_000_000
"""Most that evaluations weigh together: 50 of 4,320 images do."""


def facts_by_checkpoint(paths: Iterable[Path]) -> Facts:
    """Returns the facts of every evaluation of checkpoints, the newest first; reads no row."""
    found = {}
    for path in paths:
        folder = folder_of(path)
        if not folder.is_dir():  # spares the reading of the whole checkpoint
            continue
        stamps = [each.stat().st_mtime_ns for each in (path, folder)]
        found[path] = _facts(str(path), stamps)
    return found


def sets_for(paths: Iterable[Path], facts: Facts) -> list[ImageSet]:
    """Returns the sets that were evaluated; those of most of the named checkpoints first.

    Of equals the one with the most checkpoints at all stands first, then that with the most cars,
    which tells most, then the newest.

    Args:
        paths: The checkpoints that matter most.
        facts: What was evaluated of all.
    """
    newest: dict[ImageSet, str] = {}
    every: Counter[ImageSet] = Counter()
    wanted: Counter[ImageSet] = Counter()
    matter = set(paths)
    for path, found in facts.items():
        for each in found:
            newest[ImageSet.of(each)] = max(newest.get(ImageSet.of(each), ""), each.created)
        every.update({ImageSet.of(each) for each in found})
        wanted.update({ImageSet.of(each) for each in found if path in matter})
    return sorted(
        every, key=lambda one: (wanted[one], every[one], one.cars, newest[one]), reverse=True
    )


def usual_names(known: Known, facts: Facts) -> list[str]:
    """Returns the rows that are compared before anybody chose.

    They are the best checkpoints of those that were evaluated on the same images as the best one of
    all, where it was evaluated, and the cascade that begins with it, where that was too; else the
    best ones of the runs.
    """
    sets = sets_for([known.paths[name] for name in list(known.infos)[:1]], facts)
    names = [name for name in known.infos if name.endswith("/best")]
    if sets:
        there = {path for path, each in facts.items() if sets[0] in map(ImageSet.of, each)}
        names = [name for name in known.infos if known.paths[name] in there] or names
        return names[:USUAL] + _cascades(names[0], known, facts, sets[0])
    return names[:USUAL]


def _cascades(first: str, known: Known, facts: Facts, images: ImageSet) -> list[str]:
    """Returns the rows of the cascades of a first checkpoint that were evaluated on images."""
    fallbacks = {
        each.fingerprints[1]
        for each in facts.get(known.paths[first], ())
        if each.cascade and ImageSet.of(each) == images
    }
    if not fallbacks:
        return []
    others = (name for name in known.infos if name != first)
    return [
        cascade_name(first, each)
        for each in others
        if fingerprint_of(known.paths[each]) in fallbacks
    ]


def subject_for(row: Row) -> Subject:
    """Returns what is evaluated for a row.

    Raises:
        CarmaskError: A checkpoint can't be read, or does not segment photos.
    """
    if row.cascade:
        return cascade_of(*row.paths)
    subjects = [subject_of(path, flips=row.flips) for path in row.paths]
    return subjects[0] if len(subjects) == 1 else ensemble_of(subjects, flips=row.flips)


def find_measured(subject: Subject, images: ImageSet, facts: Facts) -> StoredEvaluation | None:
    """Returns what was measured of a subject on a set of images; None if nothing was.

    The images themselves need not be on this machine.
    """
    masks = EvaluationSettings().masks(subject.threshold)
    for each in facts.get(subject.paths[0], ()):
        same = each.identity == subject.identity
        if same and ImageSet.of(each) == images and each.settings.masks(0.0) == masks:
            path = evaluation_path(subject, each.key)
            try:
                return _evaluation(path)
            except (CarmaskError, OSError):  # it is measured again
                return None
    return None


@st.cache_data(max_entries=512, show_spinner=False)
def _facts(path: str, stamps: Sequence[int]) -> list[EvaluationFacts]:
    """Returns the facts of a checkpoint's evaluations; `stamps` are times (ns) of its files."""
    try:
        return list_evaluations(Path(path))
    except CarmaskError:
        return []


def _evaluation(path: Path) -> StoredEvaluation:
    """Returns an evaluation from its file, for all sessions; one that was written anew, anew."""
    key = f"{path}\0{path.stat().st_mtime_ns}"
    evaluation = _kept().get(key)
    if evaluation is None:
        evaluation = read_evaluation(path)
        _kept().put(key, evaluation, evaluation.histograms.counts.nbytes)
    return evaluation


@st.cache_resource
def _kept() -> BoundedCache[StoredEvaluation]:
    return BoundedCache(_KEPT_BYTES)


def requests_for(rows: Sequence[Row], asked: EvaluationRequest) -> list[EvaluationRequest]:
    """Returns jobs for rows; checkpoints that stand alone share one, so the data are read once.

    Args:
        rows: What is to be measured.
        asked: On which data, and what of them; its checkpoints don't matter.
    """
    found = []
    for flips in (False, True):
        alone = [row.paths[0] for row in rows if len(row.paths) == 1 and row.flips == flips]
        if alone:
            found.append(replace(asked, checkpoints=tuple(alone), tta=flips))
    return found + [
        replace(asked, checkpoints=row.paths, cascade=True)
        if row.cascade
        else replace(asked, checkpoints=row.paths, tta=row.flips, ensemble=True)
        for row in rows
        if len(row.paths) > 1
    ]


def costs_of(chosen: Chosen) -> list[Cost]:
    """Returns the cost of each row, in their order.

    Raises:
        CarmaskError: A checkpoint was damaged since it was listed.
    """
    return [_cost_of(row) for row in chosen.rows]


def _cost_of(row: Row) -> Cost:
    folder = folder_of(row.paths[0])
    files = [*row.paths, *([folder] if folder.is_dir() else [])]
    return _cost_at(row.name, [file.stat().st_mtime_ns for file in files], row)


@st.cache_data(max_entries=256, show_spinner=False)
def _cost_at(name: str, times: list[int], _row: Row) -> Cost:
    """Returns the cost of a row; `times` (ns) are those of its checkpoints and what is beside."""
    return cost_of(subject_for(_row))


def show_missing(rows: Sequence[Row], wanted: Wanted) -> None:
    """Draws which rows are not measured yet, and the way to measure them; nothing if all are."""
    if not rows:
        return
    names = ", ".join(f"**{plain(row.title)}**" for row in rows[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    text = f"No results for these images yet: {names}{more}."
    if wanted.here is None:
        st.info(f"{text} {plain(wanted.missing)}", icon=":material/hourglass_empty:")
        return
    count = counted(len(rows), "checkpoint")
    with st.container(key="missing"):
        st.markdown(f":material/hourglass_empty: {text}")
        offer_measuring(rows, wanted, f"Measure {count}", "measure")


def offer_measuring(rows: Sequence[Row], wanted: Wanted, action: str, key: str) -> None:
    """Draws the button that measures rows on images, which must be on this machine."""
    requests = requests_for(rows, wanted.request())
    answers = len(rows) * wanted.images.images
    show_jobs(requests, action, key, answers, start_evaluation)
