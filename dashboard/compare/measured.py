"""What was measured before, of which checkpoint on which images; and where those images are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from core.names import counted
from core.session import BoundedCache
from dashboard.compare.choice import Row
from dashboard.compare.rows import Known, cascade_name
from dashboard.dataset.sources import Source, open_source, reading_for
from dashboard.ui.folders import run_files
from dashboard.ui.waiting import waiting
from training.data.folder import Reading
from training.data.sides import load_split
from training.evaluation.images import EvaluationImages, EvaluationSettings, Part, open_images
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

Facts = Mapping[Path, Sequence[EvaluationFacts]]
"""What was evaluated of each checkpoint."""
USUAL = 3
"""Checkpoints that are compared before anybody chose."""
_KEPT_BYTES = 500_000_000
"""Most that evaluations weigh together: 50 of 4,320 images do."""
_PARTS: Mapping[str, str] = {"val": "validation", "train": "training"}


@dataclass(frozen=True)
class ImageSet:
    """Images that evaluations are of; two of them are compared only on the same set."""

    data: str
    """The data folders' names: "carvana512 + synthetic"."""
    data_fingerprint: str
    part: Part
    split_fingerprint: str
    images: int
    cars: int

    @property
    def name(self) -> str:
        """What the URL calls it."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:10]

    @property
    def title(self) -> str:
        """What a person calls it: "carvana512, validation: 640 images of 40 cars"."""
        side = f", {_PARTS[self.part]}" if self.part in _PARTS else ""
        images, cars = counted(self.images, "image"), counted(self.cars, "car")
        return f"{self.data}{side}: {images} of {cars}"

    @staticmethod
    def of(facts: EvaluationFacts) -> ImageSet:
        """Returns the images that an evaluation is of."""
        return ImageSet(
            facts.data,
            facts.data_fingerprint,
            facts.part,
            facts.split_fingerprint,
            facts.images,
            facts.cars,
        )

    @staticmethod
    def of_images(images: EvaluationImages) -> ImageSet:
        """Returns the set of images that are on this machine."""
        return ImageSet(
            images.name,
            images.fingerprint,
            images.part,
            images.split_fingerprint,
            len(images.samples),
            images.cars,
        )


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


def images_here(
    wanted: ImageSet, sources: Sequence[Source]
) -> tuple[EvaluationImages | None, Reading, str]:
    """Returns the images of a set where they are here, how they are read, and why they are not.

    Args:
        wanted: The set.
        sources: The data folders that there are.
    """
    names = wanted.data.split(" + ")
    places = [[s for s in sources if s.root.resolve().name == name] for name in names]
    absent = [name for name, found in zip(names, places, strict=True) if not found]
    if absent:
        why = (
            f"The data folder {' + '.join(absent)} is not on this machine. Put it into data/, or "
            "open it on the Dataset page."
        )
        return None, Reading(), why
    split = None
    if wanted.split_fingerprint:
        files = [p for p, split in split_files().items() if split == wanted.split_fingerprint]
        if not files:
            gone = "The run whose split chose these images is gone, or its split is."
            return None, Reading(), gone
        split = files[0]
    why = ""
    for chosen in product(*places):
        reading = reading_for(chosen)
        try:
            images = open_set(chosen, reading, wanted.part, split)
        except CarmaskError as error:
            why = str(error)
            continue
        if ImageSet.of_images(images) == wanted:
            return images, reading, ""
    return None, Reading(), why or f"The folder {wanted.data} on this machine holds other photos."


def open_set(
    sources: Sequence[Source], reading: Reading, part: Part, split: Path | None
) -> EvaluationImages:
    """Returns the images of data folders, for all sessions; listed anew when folders change.

    Raises:
        CarmaskError: They can't be opened, or the split is of other data.
    """
    stamp = split.stat().st_mtime_ns if split else 0
    keys = [open_source(source, reading).key for source in sources]
    roots = [source.root for source in sources]
    with waiting("Listing the photos", f"images of {roots}"):
        return _images(f"{keys}\0{part}\0{split}\0{stamp}", roots, reading, part, split)


def split_files() -> dict[Path, str]:
    """Returns the split files of the runs with their fingerprints; damaged ones are left out."""
    files = run_files("*/split.json")
    return _splits([(str(path), path.stat().st_mtime_ns) for path in files])


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


@st.cache_resource(max_entries=8, show_spinner=False)
def _images(
    key: str, _roots: Sequence[Path], _reading: Reading, _part: Part, _split: Path | None
) -> EvaluationImages:
    """Returns the images; `key` changes when they would."""
    return open_images(_roots, _reading, _split, _part)


@st.cache_data(max_entries=4, show_spinner=False)
def _splits(files: Sequence[tuple[str, int]]) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for path, _ in files:
        try:
            found[Path(path)] = load_split(Path(path)).fingerprint()
        except CarmaskError:
            continue
    return found
