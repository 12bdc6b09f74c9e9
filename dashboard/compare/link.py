"""The way from runs to the comparison of their checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.checkpoint import find_checkpoint
from core.errors import CheckpointError
from dashboard.compare.rows import PARAMETER
from dashboard.ui.checkpoints import checkpoint_name
from dashboard.ui.frame import COMPARE


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
