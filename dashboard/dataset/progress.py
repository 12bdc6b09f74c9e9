"""How far the measuring of a data folder is: a line that goes away when it is done."""

from __future__ import annotations

import time

import streamlit as st

from core.names import counted
from dashboard.ui.redraw import redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import duration
from training.health.survey import Survey


def show_progress(survey: Survey) -> None:
    """Draws how far the survey is, and the way to stop it or to go on; nothing when it is done."""
    if survey.running:
        st.fragment(_watch, run_every=1.0)(survey)
    elif survey.state == "stopped":
        _show_stopped(survey)
    elif survey.state == "failed":
        st.error(f"The photos could not be measured: {plain(survey.error)}")


def _watch(survey: Survey) -> None:
    if not survey.running:
        redraw_when_quiet()
    count = len(survey.dataset.samples)
    with _line():
        if survey.state == "looking":
            so_far = duration(time.monotonic() - survey.looking_since)
            photos = counted(count, "photo")
            st.caption(f"{photos} measured; looking for copies and faults … {so_far}")
            return
        if not survey.counted:
            st.caption(f"Looking up which of {counted(count, 'photo')} are measured already …")
            return
        left = survey.seconds_left
        about = f" · about {duration(left)} left" if left is not None else ""
        text = f"Checking photos: {survey.done:,} of {count:,}{about}"
        st.progress(min(1.0, survey.done / max(1, count)), text)
        st.button("Stop", key="stop_survey", icon=":material/stop_circle:", on_click=survey.stop)


def _show_stopped(survey: Survey) -> None:
    with _line():
        photos = counted(len(survey.dataset.samples), "photo")
        st.caption(f"Measured {survey.done:,} of {photos}, then stopped.")
        st.button("Go on", key="go_on", icon=":material/play_circle:", on_click=survey.go_on)


def _line() -> st.delta_generator.DeltaGenerator:
    return st.container(key="survey", horizontal=True, vertical_alignment="center", gap="small")
