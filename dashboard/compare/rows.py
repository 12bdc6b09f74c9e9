"""What is compared: rows (checkpoints, ensembles, cascades) by their URL names, and images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.checkpoint import SUFFIX, CheckpointEntry, CheckpointInfo, find_checkpoint, read_info
from core.errors import CarmaskError, CheckpointError
from core.names import unique
from dashboard.ui.access import visitor_path
from dashboard.ui.checkpoints import checkpoint_name
from dashboard.ui.folders import runs_folder
from dashboard.ui.frame import COMPARE
from training.runs.curve_shapes import colour_of
from training.runs.notes import read_notes

if TYPE_CHECKING:
    from core.metric_table import Metric
    from training.comparison.aligned import Compared
    from training.data.folder import Sample
    from training.evaluation.stored import StoredEvaluation


PARAMETER = "row"
"""Word of the URL that names the rows, once each."""
_FLIPS, _AND, _FALLBACK = "~flips", "|", "~fallback~"
"""What stands behind the name of a row with flips, between the members of an ensemble, and before
the fallback of a cascade."""


@dataclass(frozen=True)
class Known:
    """Every checkpoint that can be a row: those of the runs, and the files that rows name."""

    paths: Mapping[str, Path]
    """Files by name, the best first."""
    infos: Mapping[str, CheckpointInfo]
    """Facts by name; those that can be read."""
    errors: Mapping[str, str]
    """Why one can't be read, by name."""


def known_checkpoints(entries: Iterable[CheckpointEntry], names: Sequence[str]) -> Known:
    """Returns the checkpoints of the runs, and the files that rows name by their paths.

    Args:
        entries: Those of the runs, readable or not, the best first.
        names: Names of rows.
    """
    found = {checkpoint_name(entry.path): entry for entry in entries}
    members = [member for name in names for member in members_of(name)]
    found |= {name: _file(name) for name in members if name not in found}
    return Known(
        {name: entry.path for name, entry in found.items()},
        {name: entry.info for name, entry in found.items() if entry.info is not None},
        {name: entry.error or "" for name, entry in found.items() if entry.info is None},
    )


def rows_of(names: Sequence[str], known: Known) -> tuple[list[Row], list[tuple[str, str]]]:
    """Returns the rows of these names, and name and reason of each that there can't be."""
    rows, faulty = [], []
    for name in dict.fromkeys(names):
        members = members_of(name)
        errors = [known.errors[each] for each in members if each in known.errors]
        if errors:
            faulty.append((name, " ".join(errors)))
            continue
        paths = tuple(known.paths[each] for each in members)
        cascade = _FALLBACK in name
        if cascade and len(paths) != 2:
            faulty.append((name, "A cascade needs two different checkpoints."))
            continue
        run = paths[0].parent.parent.name if len(paths) == 1 and not _is_path(members[0]) else ""
        flips = cascade or name.endswith(_FLIPS)
        rows.append(Row(name, title_of(name), paths, flips, cascade, run))
    titles = unique([row.title for row in rows], "{} ({})")
    coloured = [
        replace(row, title=title, colour=colour_of(place))
        for place, (row, title) in enumerate(zip(rows, titles, strict=True))
    ]
    return coloured, faulty


def members_of(name: str) -> list[str]:
    """Returns the names of the checkpoints of a row; one, an ensemble's, or a cascade's."""
    joined = name.removesuffix(_FLIPS).replace(_FALLBACK, _AND)
    return list(dict.fromkeys(joined.split(_AND)))


def row_name(members: Iterable[str], *, flips: bool) -> str:
    """Returns the name of the row of these checkpoints."""
    return _AND.join(members) + (_FLIPS if flips else "")


def cascade_name(first: str, fallback: str) -> str:
    """Returns the name of the row of a checkpoint with a fallback."""
    return f"{first}{_FALLBACK}{fallback}"


def title_of(name: str) -> str:
    """Returns how a person calls a row: "carmask-studio", "a + b, mirrored", "a, fallback b"."""
    titles = [_title(each) for each in members_of(name)]
    if _FALLBACK in name:
        return ", fallback ".join(titles)
    return " + ".join(titles) + (", mirrored" if name.endswith(_FLIPS) else "")


def chosen_names() -> list[str] | None:
    """Returns the names of the rows that the URL asks for; None where nobody chose."""
    if PARAMETER not in st.query_params:
        return None
    return [name for name in dict.fromkeys(st.query_params.get_all(PARAMETER)) if name]


def choose_rows(names: Sequence[str]) -> None:
    """Writes rows to the URL. For callbacks."""
    st.query_params[PARAMETER] = list(dict.fromkeys(names)) or ""


def _title(name: str) -> str:
    if _is_path(name):
        path = Path(name)
        return path.parent.parent.name if path.parent.name == "checkpoints" else path.stem
    run, _, stem = name.partition("/")
    title = read_notes(runs_folder() / run).title or run
    return title if stem == "best" else f"{title} {stem}"


def _file(name: str) -> CheckpointEntry:
    """Returns the checkpoint in a file outside the runs."""
    if not _is_path(name):
        return CheckpointEntry(Path(name), error="There is no such checkpoint (any more).")
    try:
        path = visitor_path(name)
        return CheckpointEntry(path, info=read_info(path))
    except (CarmaskError, OSError) as error:
        return CheckpointEntry(Path(name), error=str(error))


def _is_path(name: str) -> bool:
    """Tells whether a name is a file's and not a run's and its checkpoint's."""
    return name.endswith(SUFFIX)


@dataclass(frozen=True)
class Row:
    """What is compared: a checkpoint or an ensemble, with or without flips, or a cascade."""

    name: str
    """What the URL calls it; no two rows have the same."""
    title: str
    """What a person calls it; no two rows have the same."""
    paths: tuple[Path, ...]
    """The checkpoint's file; several for an ensemble; the first and its fallback for a cascade."""
    flips: bool = False
    """Whether each photo is also looked at mirrored."""
    cascade: bool = False
    """Whether the second checkpoint predicts where the first one is uncertain."""
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


def link_comparison(runs: Sequence[Path], label: str = "Compare checkpoints") -> None:
    """Draws the way to compare the best checkpoint of each run; nothing where none has one.

    Args:
        runs: Folders of runs.
        label: What the way is called.
    """
    names = []
    for run in runs:
        try:
            names.append(checkpoint_name(find_checkpoint(run)))
        except CheckpointError:
            continue
    if names:
        link_rows(names, label)


def link_rows(names: Sequence[str], label: str = "Compare checkpoints") -> None:
    """Draws the way to compare these checkpoints, by their names in the URL."""
    st.page_link(
        COMPARE.path,
        label=label,
        icon=COMPARE.icon,
        query_params={PARAMETER: list(names)},
    )
