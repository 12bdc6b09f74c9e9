"""The photos that checkpoints are judged on, and how masks are made for that.

The photos are those of data folders, or the part of them that a split chose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from core.checkpoint import find_checkpoint
from core.errors import CarmaskError, ConfigError, DataError
from core.masks import MaskSettings, require_range
from core.split_verdict import SplitVerdict, worst
from training.data.folder import Dataset, Reading, Sample, open_datasets
from training.data.lineage import NO_RECORD, trained_before
from training.data.sides import Split, TrainedCars, load_split
from training.evaluation.subjects import Subject, fingerprint_of
from training.runs.runlog import read_config


@dataclass(frozen=True)
class EvaluationSettings:
    """Threshold and clean-up, the same for all checkpoints of an evaluation.

    Raises:
        ConfigError: A value is outside its range.
    """

    threshold: float | None = None
    """Least probability that counts as car, in [0, 1]; None takes each checkpoint's own."""
    keep_largest: bool = False
    """Keep the largest connected part and remove all others."""
    fill_holes: bool = False
    """Fill the background that the mask encloses."""
    min_area: float = 0.0
    """Connected parts below this share of the picture are removed, in [0, 1]; 0 keeps all."""

    def __post_init__(self) -> None:
        if self.threshold is not None:
            require_range("threshold", self.threshold, 0, 1)
        require_range("min_area", self.min_area, 0, 1)

    def masks(self, own: float) -> MaskSettings:
        """Returns how masks of a checkpoint are made whose own threshold is `own`, in [0, 1]."""
        threshold = own if self.threshold is None else self.threshold
        return MaskSettings(float(threshold), self.keep_largest, self.fill_holes, self.min_area)


Part = Literal["all", "train", "val"]

_OTHER_SPLIT = "the checkpoint was trained with another split than the one given"
_NO_SPLIT = "the checkpoint does not say which split it was trained with"
_NO_RECORD = "its training cars are unknown: its run's split.json does not lie beside it"
_NO_EARLIER_RECORD = (
    "its training cars are not all known: its run goes back to a checkpoint without a record"
)


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
        facts = sorted(
            (each.name, each.fingerprint(), each.cars_fingerprint()) for each in self.datasets
        )
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def split_fingerprint(self) -> str:
        """The split's fingerprint; "" for part "all"."""
        return self.split.fingerprint() if self.split else ""

    @property
    def cars(self) -> int:
        """How many cars the photos show."""
        return len({(sample.source, sample.car) for sample in self.samples})

    def judge(self, subject: Subject) -> tuple[SplitVerdict, tuple[str, ...]]:
        """Returns how far a subject's scores on these photos can be trusted.

        A checkpoint carries its split's verdict; which cars it was trained on stands in its run's
        split.json, where that lies beside it.

        Returns:
            The worst of the verdicts: on these photos' cars, of the checkpoints' splits, and of the
            split that was given; and what the scores must be read with, a sentence each.
        """
        verdicts: list[SplitVerdict] = []
        found: list[str] = []
        for path, info in zip(subject.paths, subject.infos, strict=True):
            own = str(info.split.get("fingerprint", ""))
            trained = self._trained(path, own)
            on_cars = trained.verdict_on(self.samples)
            verdicts.append(on_cars)
            # What the file leaves open does not matter where its run has the whole record.
            if info.verdict.kind == "leaky" or not trained.complete:
                verdicts.append(info.verdict)
            if info.verdict.kind == "leaky":
                found.append(f"{info.verdict.sentence()} (in the split of this checkpoint)")
            if self.split is not None and self.split_fingerprint != own:
                given = self.split.verdict()
                verdicts.append(given)
                if not on_cars.is_clean:  # else another split is no fault
                    found.append(_OTHER_SPLIT if own else _NO_SPLIT)
                if not given.is_clean:
                    found.append(f"{given.sentence()} (in the split that was given)")
            if on_cars.kind == "leaky":
                found.append(f"{on_cars.shared} of {on_cars.total} cars were trained on")
            elif on_cars.kind == "unknown":
                found.append(_NO_EARLIER_RECORD if trained.cars else _NO_RECORD)
        return worst(verdicts), tuple(dict.fromkeys(found))

    def anchored(self, subject: Subject) -> int:
        """Returns how many masks began as a subject's own, or as those of what it started from."""
        if not any(sample.anchor for sample in self.samples):
            return 0
        own = {each for path in subject.paths for each in _lineage(path)}
        return sum(sample.anchor in own for sample in self.samples)

    def _trained(self, path: Path, own: str) -> TrainedCars:
        """Returns what a checkpoint was trained on, by its run or else by the given split."""
        trained = NO_RECORD
        with suppress(DataError):
            trained = trained_before(path)
        if not trained.complete and self.split is not None and self.split_fingerprint == own:
            return self.split.trained()
        return trained


def _lineage(checkpoint: Path) -> set[str]:
    """Returns the fingerprints of a checkpoint and of those that it started from, as far as known.

    They are told by the runs' settings; runs may have lost their weights meanwhile.
    """
    found: set[str] = set()
    waiting = [checkpoint]
    while waiting:
        with suppress(CarmaskError):
            path = find_checkpoint(waiting.pop())
            run, fingerprint = path.resolve().parent.parent, fingerprint_of(path)
            if fingerprint not in found:
                found.add(fingerprint)
                if start := read_config(run).start_from:
                    waiting += [base / start for base in (Path(), run.parent.parent)]
    return found


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
