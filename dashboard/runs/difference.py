"""In which settings the chosen runs differ."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.names import unique
from dashboard.runs.listed import Listed
from dashboard.ui.text import plain
from training.config import field_help
from training.runs.config_difference import config_difference


def show_difference(chosen: Sequence[Listed]) -> None:
    """Draws the settings that differ, a row each; nothing for fewer than two runs."""
    if len(chosen) < 2:
        return
    st.subheader("Settings that differ", anchor=False)
    table = config_difference([run.summary.folder for run in chosen])
    silent = [run for run in chosen if not (run.summary.folder / "config.json").is_file()]
    if silent:
        names = ", ".join(plain(run.title) for run in silent)
        st.caption(f"Without a config.json: {names}.")
    if table.empty:
        if len(silent) < len(chosen) - 1:
            st.caption("None: these runs have the same settings.")
        return
    titles = [run.title for run in chosen]
    table.columns = unique(["Setting", "What it is", *titles], "{} {}")[2:]
    texts = field_help()
    table = table.fillna("").reset_index(names="Setting")
    table["What it is"] = [texts.get(name, "").partition(". ")[0] for name in table["Setting"]]
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Setting": st.column_config.TextColumn(pinned=True, width=150),
            "What it is": st.column_config.TextColumn(width="large"),
        },
        height="content" if len(table) < 16 else 560,
        alt="Settings that differ",
    )
