"""The photos that checkpoints are judged on: data folders, or the part that a split chose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from core.errors import ConfigError, DataError
from training.data import Dataset, Reading, Sample, open_datasets
from training.evaluation.subjects import Subject
from training.runlog import read_split
from training.sides import Split, load_split

Part = Literal["all", "train", "val"]


@dataclass(frozen=True)
class EvaluationImages:
    """A set of photos with masks; made by `open_images`."""

    datasets: tuple[Dataset, ...]
    """The data folders."""
    part: Part
    """"all" for every photo, or the side of the split."""
    split: Split | None
    """What chose the photos; None for part "all"."""
    samples: tuple[Sample, ...]
    """The photos, in the data folders' order."""

    @property
    def name(self) -> str:
        """The data folders' names: "carvana512 + synthetic"."""
        return " + ".join(dataset.name for dataset in self.datasets)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the data: names, sizes and cars of all photos of the folders."""
        facts = sorted((each.name, each.fingerprint(), _cars(each)) for each in self.datasets)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def split_fingerprint(self) -> str:
        """The split's fingerprint; "" for part "all"."""
        return self.split.fingerprint() if self.split else ""

    @property
    def cars(self) -> int:
        """How many cars the photos show."""
        return len({(sample.source, sample.car) for sample in self.samples})

    def warnings(self, subject: Subject) -> tuple[str, ...]:
        """Returns what a subject's scores on these photos must be read with, a sentence each.

        A checkpoint carries its split's verdict; which cars it was trained on stands in its run's
        split.json, where that lies beside it. Empty if nothing speaks against them.
        """
        found: list[str] = []
        for path, info in zip(subject.paths, subject.infos, strict=True):
            own = str(info.split.get("fingerprint", ""))
            found += [f"{info.leak} (in the split of this checkpoint)"] if info.leak else []
            on_cars = self._on_cars(path, own)
            # Another split is no fault where it is known to keep these cars out of its training.
            found += self._on_given_split(own, told=bool(on_cars))
            found += on_cars
        return tuple(dict.fromkeys(found))

    def _on_given_split(self, own: str, *, told: bool) -> list[str]:
        """Returns what there is to say where the given split is not the checkpoint's own one.

        Args:
            own: Fingerprint of the checkpoint's split; "" if it names none.
            told: Whether to tell that it is another one.
        """
        if self.split is None or self.split_fingerprint == own:
            return []
        other = "the checkpoint was trained with another split than the one given"
        silent = "the checkpoint does not say which split it was trained with"
        found = [other if own else silent] if told else []
        if self.split.verdict().startswith("LEAKY"):
            found.append(f"{self.split.verdict()} (in the split that was given)")
        return found

    def _on_cars(self, path: Path, own: str) -> list[str]:
        """Returns how many of the cars a checkpoint was trained on, or that nobody can tell."""
        trained_by = self.split
        if trained_by is None or self.split_fingerprint != own:
            try:
                trained_by = read_split(path.resolve().parent.parent)
            except DataError:
                trained_by = None
        if trained_by is None or trained_by.fingerprint() != own:
            return ["its training cars are unknown: its run's split.json does not lie beside it"]
        trained, cars = trained_by.trained_on(self.samples, self.datasets)
        return [f"{trained} of {cars} cars were trained on"] if trained else []


def open_images(
    data: Sequence[Path],
    reading: Reading | None = None,
    split: Path | None = None,
    part: Part = "all",
) -> EvaluationImages:
    """Returns the photos of data folders, or those of one side of a split; reads no picture.

    Args:
        data: The folders.
        reading: How they are to be read.
        split: A run's split.json; needed for "train" and "val".
        part: Which photos.

    Raises:
        DataError: A folder can't be opened, the split can't be read or is of other data, or no
            photo stands on the side that was asked for.
        ConfigError: A part of a split was asked for without a split, or a split without a part.
    """
    datasets = tuple(open_datasets(data, reading or Reading()))
    if part == "all":
        if split is not None:
            raise ConfigError(f"{split} was given without a part; add --part val (or train).")
        samples = [sample for dataset in datasets for sample in dataset.samples]
        return EvaluationImages(datasets, part, None, tuple(samples))
    if split is None:
        raise ConfigError(f"--part {part} needs --split FILE, a run's split.json.")
    chosen = load_split(split)
    samples = chosen.select(datasets, part)
    if not samples:
        raise DataError(f"No photo of the data stands on the side {part!r} of {split}.")
    return EvaluationImages(datasets, part, chosen, tuple(samples))


def _cars(dataset: Dataset) -> str:
    """Returns a SHA-256 of which photo shows which car: the rule for that is the caller's."""
    cars = "".join(f"{sample.name}\0{sample.car}\n" for sample in dataset.samples)
    return hashlib.sha256(cars.encode()).hexdigest()
