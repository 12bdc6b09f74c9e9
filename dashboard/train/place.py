"""Where on the Train page a person is: at the form, or at a run; in the URL."""

from __future__ import annotations

import streamlit as st

NEW, WATCH = "New run", "Watch"


def pick_part(*, alive: bool) -> str:
    """Draws the switch and returns the chosen part.

    Args:
        alive: Whether a run is under way, which is what a person comes back for.
    """
    usual = WATCH if alive or "run" in st.query_params else NEW
    wanted = st.query_params.get("part", usual)
    st.session_state["part_choice"] = wanted if wanted in (NEW, WATCH) else usual
    return str(
        st.segmented_control(
            "Part",
            (NEW, WATCH),
            required=True,
            key="part_choice",
            label_visibility="collapsed",
            on_change=_choose_part,
        )
    )


def watch(name: str) -> None:
    """Goes to a run. A callback's work."""
    st.query_params["run"] = name
    st.query_params["part"] = WATCH


def _choose_part() -> None:
    st.query_params["part"] = st.session_state["part_choice"]
