"""What is compared: the rows of the comparison and the images; all parts of the page get this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.metric_table import Metric
    from training.comparison.aligned import Compared
    from training.data.folder import Sample
    from training.evaluation.stored import StoredEvaluation


@dataclass(frozen=True)
class Row:
    """One of those that are compared: a checkpoint or an ensemble, with or without flips."""

    name: str
    """What the URL calls it; no two rows have the same."""
    title: str
    """What a person calls it; no two rows have the same."""
    paths: tuple[Path, ...]
    """The checkpoint's file; several for an ensemble."""
    flips: bool = False
    """Whether each photo is also looked at mirrored."""
    run: str = ""
    """Folder of the run that a single checkpoint is of; "" for a foreign one and an ensemble."""
    colour: str = "#1C86C7"
    """Its colour in every figure."""


@dataclass(frozen=True)
class ChosenImages:
    """The images that all rows are measured on."""

    title: str
    """How a person calls them: "carvana512, validation part of carmask-studio"."""
    samples: Mapping[tuple[str, str], Sample] = field(default_factory=dict)
    """Photo and mask by source and image, as in the rows' tables; empty where they aren't here."""
    missing: str = ""
    """A sentence on why no picture can be shown; "" where the photos are on this machine."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A comparison that can be shown: everything in it is measured on the same images."""

    rows: tuple[Row, ...]
    """What is compared, in the order in which it was chosen; at least one."""
    evaluations: tuple[StoredEvaluation, ...]
    """What was measured of each row, in the rows' order."""
    compared: Compared
    """The same, aligned: image i is the same photo in all of them."""
    baseline: int
    """Place in `rows` of the one that the others are compared against."""
    metric: Metric
    """What the page compares by."""
    images: ChosenImages

    @property
    def challenger(self) -> int:
        """The place of the first row that is not the baseline; the baseline's own if alone."""
        return next((i for i in range(len(self.rows)) if i != self.baseline), self.baseline)

    def mark(self, place: int) -> str:
        """Returns what tells a row's figures in this comparison from all others, for caches."""
        facts = self.evaluations[place].facts
        return "\0".join([*facts.fingerprints, facts.key, facts.created, *self.compared.left_out])
