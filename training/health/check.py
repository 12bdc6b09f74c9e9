"""The check of data folders: everything that would spoil a training, or may, with its places.

A finding is an error where a training would stop or its numbers would be wrong: nothing to train
on, files that can't be read, masks of another size than their photo, full masks, empty masks (a
warning in COCO, VOC and augmented sets, where photos without a car are usual), cars or copies of
one picture on both sides of a split, photos on neither side. All else is a warning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.names import counted
from core.split_verdict import SplitVerdict
from training.data.folder import Dataset
from training.data.sides import Split
from training.health.facts import ImageFacts
from training.health.findings import STOPPING, Finding, findings_of
from training.health.index import FactsIndex
from training.health.leaks import Placed, duplicate_findings, split_findings

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
        end = "would spoil a training" if self.spoils else "nothing that would spoil a training"
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
