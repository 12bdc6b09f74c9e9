"""The rows that are compared: checkpoints, ensembles, flips and cascades, by their URL names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from core.checkpoint import SUFFIX, CheckpointEntry, CheckpointInfo, read_info
from core.errors import CarmaskError
from core.names import unique
from dashboard.compare.choice import Row
from dashboard.ui.access import visitor_path
from dashboard.ui.checkpoints import checkpoint_name
from dashboard.ui.folders import runs_folder
from training.runs.curve_shapes import colour_of
from training.runs.notes import read_notes

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
