"""What a result's state is called and how it is shown: ready, to check, no car, failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import streamlit as st

from core.uncertainty import MaskState

State = MaskState | Literal["failed"]


class _Style(NamedTuple):
    title: str
    counted: str
    """How a count goes on."""
    colour: Literal["green", "orange", "gray", "red"]
    icon: str


STATES: Mapping[State, _Style] = {
    "ready": _Style("Ready", "ready", "green", ":material/check:"),
    "check": _Style("Check", "to check", "orange", ":material/visibility:"),
    "no car": _Style("No car", "without a car", "gray", ":material/no_crash:"),
    "failed": _Style("Unreadable", "can't be read", "red", ":material/broken_image:"),
}


def show_state(state: State) -> None:
    """Draws a state as a badge."""
    style = STATES[state]
    st.badge(style.title, icon=style.icon, color=style.colour)


def state_counts(states: Iterable[State]) -> str:
    """Returns how many there are of each state: "27 ready, 2 to check, 1 without a car"."""
    listed = list(states)
    counts = {state: listed.count(state) for state in STATES}
    return ", ".join(f"{count} {STATES[state].counted}" for state, count in counts.items() if count)
