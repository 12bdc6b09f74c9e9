"""Draws the page anew from a part of it that runs by a clock, and loses no choice by that.

A tick of such a part brings the browser's values of all widgets and its URL, as they were when it
was sent. One that was sent while a callback's choice was being drawn brings them from before that
choice; a page drawn with them would take the choice back.
"""

from __future__ import annotations

import time
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException

QUIET = 1.5
"""Seconds for which nothing else was drawn: longer than from one tick to the next, so that the
tick was sent after all that was chosen had reached the browser."""
_DRAWN, _CHOSEN = "drawn_at", "chosen_by_code"


def choose(key: str, value: object) -> None:
    """Gives a widget a value that no late tick takes back. For callbacks."""
    st.session_state[key] = value
    st.session_state.setdefault(_CHOSEN, {})[key] = value


def note_drawn() -> None:
    """Notes that something was drawn now; the last thing that a page or a fragment does."""
    st.session_state[_DRAWN] = time.monotonic()
    chosen = st.session_state.get(_CHOSEN, {})
    # What was drawn with another value since, a person has chosen.
    st.session_state[_CHOSEN] = {
        key: value for key, value in chosen.items() if st.session_state.get(key) == value
    }


def redraw_when_quiet() -> None:
    """Draws the whole page anew if a tick can be trusted; else returns, for a later one to try."""
    if time.monotonic() - st.session_state.get(_DRAWN, float("-inf")) > QUIET:
        for key, value in st.session_state.get(_CHOSEN, {}).items():
            if key in st.session_state and st.session_state[key] != value:
                with suppress(StreamlitAPIException):  # it was drawn in this very run
                    st.session_state[key] = value
        st.rerun()
