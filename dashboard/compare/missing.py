"""Rows that are not measured on the wanted images: said in words, and measured when asked to."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.names import counted
from dashboard.compare.choice import Row
from dashboard.compare.requests import requests_for
from dashboard.compare.wanted import Wanted
from dashboard.ui.job_view import show_jobs
from dashboard.ui.text import plain
from training.jobs.evaluation import start_evaluation


def show_missing(rows: Sequence[Row], wanted: Wanted) -> None:
    """Draws which rows are not measured yet, and the way to measure them; nothing if all are."""
    if not rows:
        return
    names = ", ".join(f"**{plain(row.title)}**" for row in rows[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    text = f"No results for these images yet: {names}{more}."
    if wanted.here is None:
        st.info(f"{text} {plain(wanted.missing)}", icon=":material/hourglass_empty:")
        return
    count = counted(len(rows), "checkpoint")
    with st.container(key="missing"):
        st.markdown(f":material/hourglass_empty: {text}")
        requests = requests_for(rows, wanted.request())
        answers = len(rows) * wanted.images.images
        show_jobs(requests, f"Measure {count}", "measure", answers, start_evaluation)
