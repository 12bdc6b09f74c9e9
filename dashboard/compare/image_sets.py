"""The images that checkpoints are compared on, and their photos where they are on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import product
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from core.names import counted
from core.places import workspace
from dashboard.dataset.sources import Source, open_source, reading_for
from dashboard.ui.access import local_only
from dashboard.ui.folders import run_files
from dashboard.ui.waiting import waiting
from training.config import TrainConfig
from training.data.folder import Reading
from training.data.sides import load_split
from training.evaluation.images import EvaluationImages, Part, open_images
from training.evaluation.stored import (
    EvaluationFacts,
)
from training.jobs.evaluation import EvaluationRequest
from training.runs.runlog import read_config
from training.teaching import CheckSet

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


@dataclass(frozen=True)
class Wanted:
    """The images that a person asks for."""

    images: ImageSet
    here: EvaluationImages | None
    """The photos with their masks, where they are on this machine."""
    missing: str
    """Why they are not here; "" where they are."""
    reading: Reading = field(default_factory=Reading)
    """How their data folders are read."""

    @property
    def split(self) -> Path | None:
        """The file of the split that chose them; None for all images of the data."""
        wanted = self.images.split_fingerprint
        return next((path for path, split in split_files().items() if split == wanted), None)

    def request(self) -> EvaluationRequest:
        """Returns what measures checkpoints on these images, which must be on this machine."""
        assert self.here is not None
        return EvaluationRequest(
            checkpoints=(),
            data=tuple(dataset.root for dataset in self.here.datasets),
            reading=self.reading,
            split=self.split,
            part=self.images.part,
        )


def own_images(run: Path) -> Wanted:
    """Returns the validation cars of a run with how the run read them.

    Raises:
        CarmaskError: The run's settings, its split or its data can't be read.
    """
    config = read_config(run)
    reading = config.reading(workspace())
    images = open_set(own_sources(config), reading, "val", run / "split.json")
    return Wanted(ImageSet.of_images(images), images, "", reading)


def images_of(check: CheckSet) -> Wanted:
    """Returns the photos that a taught run is compared with its base on.

    Raises:
        CarmaskError: They or the split can't be read.
    """
    sources = [Source(folder.name, folder) for folder in check.folders]
    images = open_set(sources, check.reading, "val", check.split)
    return Wanted(ImageSet.of_images(images), images, "", check.reading)


def own_sources(config: TrainConfig) -> list[Source]:
    """Returns the data folders of a run; a relative path starts at the workspace."""
    folders = [Path(workspace(), folder) for folder in config.data]
    return [Source(folder.name, folder) for folder in folders]


def own_link(run: Path, config: TrainConfig) -> dict[str, str | list[str]]:
    """Returns what the URL of the Compare page says of a run's own validation cars."""
    sources = own_sources(config)
    words: dict[str, str | list[str]] = {
        "data": [str(source.root) for source in sources],
        "on": [source.name for source in sources],
        "dataset": sources[0].name,
        "images": "other",
        "part": "Validation",
        "split": run.name,
    }
    reading = {
        "classes": list(config.classes),
        "inverted": list(config.inverted_masks),
        "rule": [config.car_rule] if config.car_rule else [],
        "leave_out": list(config.leave_out),
    }
    return words | {word: values for word, values in reading.items() if values}


@local_only
def own_images_or_none(run: Path) -> Wanted | None:
    """Returns a run's validation cars; None where they can't be had here."""
    try:
        return own_images(run)
    except (CarmaskError, OSError):
        return None
