"""The check of data folders: everything that would spoil a training, or may, with its places.

A finding is an error where a training would stop or its numbers would be wrong: nothing to train
on, files that can't be read, masks of another size than their photo, full masks, empty masks (a
warning in COCO, VOC and augmented sets, where photos without a car are usual), cars or copies of
one picture on both sides of a split, photos on neither side. All else is a warning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import CarmaskError
from core.names import counted
from core.split_verdict import SplitVerdict
from training.data.folder import Dataset, Reading, Sample, open_dataset
from training.data.sides import Split
from training.health.facts import ImageFacts
from training.health.findings import STOPPING, Finding, findings_of
from training.health.index import FactsIndex
from training.health.leaks import Placed, duplicate_findings, split_findings
from training.jobs.workers import WorkerDiedError, WorkerPool

_ORDER = ("error", "warning", "note")
_SHOWN = 10


@dataclass(frozen=True)
class Report:
    """What a check found."""

    findings: tuple[Finding, ...]
    """Worst first."""
    datasets: tuple[Dataset, ...]
    """What was looked through."""
    unmeasured: int = 0
    """Photos that were not looked into, because they are not measured yet."""
    verdict: SplitVerdict | None = None
    """On the split; None if none was given."""

    @property
    def counts(self) -> dict[str, int]:
        """How many names each kind of finding has, over all data folders."""
        counts: dict[str, int] = defaultdict(int)
        for finding in self.findings:
            counts[finding.kind] += len(finding.names)
        return dict(counts)

    @property
    def spoils(self) -> bool:
        """Whether something would spoil a training."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def stopping(self) -> tuple[str, ...]:
        """The photos at which a training would stop, by their names, sorted."""
        kinds = (finding.names for finding in self.findings if finding.kind in STOPPING)
        return tuple(sorted({name for names in kinds for name in names}))

    def to_json(self) -> dict[str, Any]:
        """Returns all of it, for `json.dumps`."""
        return {
            "spoils": self.spoils,
            "verdict": None if self.verdict is None else self.verdict.to_json(),
            "unmeasured": self.unmeasured,
            "datasets": [
                {
                    "name": dataset.name,
                    "layout": dataset.layout,
                    "photos": len(dataset.samples),
                    "cars": len(dataset.cars),
                }
                for dataset in self.datasets
            ],
            "counts": self.counts,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def text(self) -> str:
        """Returns it for a terminal, with the first ten names of each finding."""
        lines = [
            f"{dataset.name} ({dataset.layout}): {counted(len(dataset.samples), 'photo')} with "
            f"masks of {counted(len(dataset.cars), 'car')}"
            for dataset in self.datasets
        ]
        if self.verdict:
            lines.append(f"split: {self.verdict.sentence()}")
        if self.unmeasured:
            count = counted(self.unmeasured, "photo is", "photos are")
            lines.append(f"{count} not measured yet and left out here.")
        for finding in self.findings:
            place = f"{finding.source}: " if finding.source and len(self.datasets) > 1 else ""
            lines += ["", f"{finding.severity}: {place}{finding.title}"]
            lines += [f"    {line}" for line in _places(finding)]
            lines.append(f"  {finding.advice}")
        return "\n".join([*lines, "", self._sum()])

    def _sum(self) -> str:
        if not self.findings:
            return "No problems found."
        kinds = [finding.severity for finding in self.findings]
        parts = [
            counted(kinds.count(severity), severity) for severity in _ORDER if severity in kinds
        ]
        end = "a training would fail" if self.spoils else "a training would run"
        return f"{', '.join(parts)}: {end}."


def check_dataset(dataset: Dataset, index: FactsIndex, split: Split | None = None) -> Report:
    """Returns what is wrong with a data folder, as far as its photos are measured."""
    return check_datasets([dataset], index, split)


def check_datasets(
    datasets: Sequence[Dataset], index: FactsIndex, split: Split | None = None
) -> Report:
    """Returns what is wrong with data folders, each for itself and across them.

    Args:
        datasets: Data folders of different names.
        index: The facts of their photos (see `FactsIndex.update`).
        split: Whose sides are looked at.
    """
    found: list[Finding] = []
    placed: list[Placed] = []
    for dataset in datasets:
        facts = index.known(dataset.samples)
        pairs = zip(dataset.samples, facts, strict=True)
        found += findings_of(dataset, [(each, known) for each, known in pairs if known])
        placed += _placed(dataset, facts, split, several=len(datasets) > 1)
    found += duplicate_findings(placed, index.pictures, split=split is not None)
    if split is not None:
        found += split_findings(placed, split)
    found.sort(key=lambda finding: _ORDER.index(finding.severity))
    return Report(
        findings=tuple(found),
        datasets=tuple(datasets),
        unmeasured=sum(place.facts is None for place in placed),
        verdict=None if split is None else split.verdict(),
    )


def _placed(
    dataset: Dataset, facts: Sequence[ImageFacts | None], split: Split | None, *, several: bool
) -> list[Placed]:
    family = dataset.family
    train, val = split.sides_of(family) if split is not None else (set(), set())
    divided = [split.divided(sample) if split is not None else "" for sample in dataset.samples]
    return [
        Placed(
            sample=sample,
            family=family,
            name=f"{dataset.name}/{sample.name}" if several else sample.name,
            facts=known,
            train=its in train,
            val=its in val,
        )
        for sample, known, its in zip(dataset.samples, facts, divided, strict=True)
    ]


def _places(finding: Finding) -> list[str]:
    """Returns a line for each of the first places of a finding."""
    if finding.groups:
        lines = [" = ".join(group[:_SHOWN]) for group in finding.groups]
    elif finding.details:
        pairs = zip(finding.names, finding.details, strict=True)
        lines = [f"{name}: {detail}" for name, detail in pairs]
    else:
        lines = list(finding.names)
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"and {more:,} more"] if more > 0 else [])


COUNT = 500
"""Masks that are read at most, evenly over the data: more would not change the picture."""
LONGEST = 128
"""Longest side of the mean in px."""


@dataclass(frozen=True)
class MeanMask:
    """The mean of masks that were drawn over each other."""

    share: NDArray[np.float32]
    """Share of the masks that have a car at each place, (h, w) in [0, 1]."""
    count: int
    """Masks that it was made from."""


def mean_mask(
    samples: Sequence[Sample], facts: Sequence[ImageFacts | None], count: int = COUNT
) -> MeanMask | None:
    """Returns the mean of at most `count` masks, evenly chosen; None if none can be read.

    Each mask is stretched to one shape, the photos' middle one: where in the picture, not where in
    px, is the question.

    Args:
        samples: The photos.
        facts: What was measured of each, in the same order; None where nothing was.
        count: Masks to read.
    """
    readable = [
        (sample, (known.height, known.width))
        for sample, known in zip(samples, facts, strict=True)
        if known is not None and not known.error and known.width and known.height
    ]
    if not readable:
        return None
    places = np.unique(np.linspace(0, len(readable) - 1, min(count, len(readable))).astype(int))
    chosen = [readable[place] for place in places]
    height, width = _common_shape([shape for _, shape in chosen])
    total, read = np.zeros((height, width)), 0
    for sample, shape in chosen:
        try:
            mask = sample.mask.read(shape)
        except (CarmaskError, OSError):  # changed since it was measured
            continue
        total += cv2.resize(
            mask.view(np.uint8) * np.float32(1), (width, height), None, 0, 0, cv2.INTER_AREA
        )
        read += 1
    return MeanMask((total / read).clip(0, 1).astype(np.float32), read) if read else None


def _common_shape(shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Returns (height, width) of LONGEST px with the shapes' middle ratio."""
    ratio = float(np.median([width / height for height, width in shapes]))
    ratio = min(max(ratio, 1 / 8), 8)
    return (round(LONGEST / ratio), LONGEST) if ratio >= 1 else (LONGEST, round(LONGEST * ratio))


@dataclass(frozen=True)
class Look:
    """What a look at a data folder found."""

    report: Report
    mean_mask: MeanMask | None
    """None where it was not asked for, or no mask could be read."""


@dataclass(frozen=True)
class Asked:
    """What is to be looked at, such that another process can."""

    root: Path
    reading: Reading
    index: Path
    """File of the facts."""
    split: Split | None
    with_mean: bool
    """Whether the mean mask is wanted."""


def look(dataset: Dataset, index: FactsIndex, split: Split | None, *, with_mean: bool) -> Look:
    """Returns the check of a data folder and, if wanted, its mean mask."""
    report = check_dataset(dataset, index, split)
    mean = mean_mask(dataset.samples, index.known(dataset.samples)) if with_mean else None
    return Look(report, mean)


def look_apart(asked: Asked) -> Look:
    """Returns the same from a process of its own; the report then names no data folders.

    Of a hundred thousand photos a check computes for many seconds; in a thread of the app every
    page would wait for it.

    Raises:
        CarmaskError: The data folder can't be opened, or the process ended without an answer.
    """
    try:
        with WorkerPool(1) as pool:
            return pool.submit(_answer, asked).result()
    except WorkerDiedError as error:
        raise CarmaskError(
            f"The check of {asked.root} ended with status {error.status}. Try "
            f"python -m training check {asked.root}, which says more."
        ) from error


def _answer(asked: Asked) -> Look:
    """Returns what was asked for, small enough to send."""
    dataset = open_dataset(asked.root, asked.reading, allow_empty=True)
    index = FactsIndex(asked.index)
    try:
        found = look(dataset, index, asked.split, with_mean=asked.with_mean)
    finally:
        index.close()
    return replace(found, report=replace(found.report, datasets=()))
