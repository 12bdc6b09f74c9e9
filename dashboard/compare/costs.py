"""What the rows cost: counted always, and timed where that was done on this machine."""

from __future__ import annotations

import streamlit as st

from dashboard.compare.choice import Chosen, Row
from dashboard.compare.measured import subject_for
from training.evaluation.cost import Cost, cost_of
from training.evaluation.stored import folder_of


def costs_of(chosen: Chosen) -> list[Cost]:
    """Returns the cost of each row, in their order.

    Raises:
        CarmaskError: A checkpoint was damaged since it was listed.
    """
    return [_cost_of(row) for row in chosen.rows]


def _cost_of(row: Row) -> Cost:
    folder = folder_of(row.paths[0])
    files = [*row.paths, *([folder] if folder.is_dir() else [])]
    return _kept(row.name, [file.stat().st_mtime_ns for file in files], row)


@st.cache_data(max_entries=256, show_spinner=False)
def _kept(name: str, times: list[int], _row: Row) -> Cost:
    """Returns the cost of a row; `times` (ns) are those of its checkpoints and what is beside."""
    return cost_of(subject_for(_row))
