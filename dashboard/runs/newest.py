"""The newest runs in one line, each a way to itself."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from dashboard.runs.listed import Listed, listed_runs, progress
from dashboard.ui.badges import coloured_mark
from dashboard.ui.frame import RUNS
from dashboard.ui.text import plain


def show_newest(count: int = 3) -> None:
    """Draws links to the runs that started last; nothing where there is none."""
    try:
        runs = [run for run in listed_runs() if run.summary.written_by and not run.notes.archived]
    except CarmaskError:
        return
    if not runs:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Newest runs**", width="content")
        for run in runs[:count]:
            st.page_link(
                RUNS.path, label=_label(run), icon=RUNS.icon, query_params={"run": run.name}
            )


def _label(run: Listed) -> str:
    summary = run.summary
    verdict = summary.verdict_on_figures
    dice = summary.best.get("dice") if summary.best else None
    if run.alive:
        state = f"{summary.status}, {progress(summary)}"
    else:
        state = "" if summary.status in ("finished", "unknown") else summary.status
    parts = (
        plain(run.title),
        plain(state),
        f"Dice {dice:.4f}" if dice is not None else "",
        coloured_mark(verdict) if verdict else "",
    )
    return " · ".join(part for part in parts if part)
