"""What a page shows while it waits: what is done, since when, and about how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.ui.words import duration

_SHOWN_AFTER = 0.5
"""Seconds from which on Streamlit shows that it waits; what is quicker is no measure."""


@contextmanager
def waiting(doing: str, kind: str = "") -> Iterator[None]:
    """Shows what is done, the seconds so far, and about how many it takes: those of the last time.

    Nothing is shown of what is done within half a second, as what is cached.

    Args:
        doing: What is done: "Cutting out car.jpg".
        kind: What takes alike long each time; `doing` unless given.
    """
    took = _seconds()
    before = took.get(kind or doing)
    began = time.monotonic()
    about = f", about {duration(before)}" if before is not None else ""
    with st.spinner(f"{doing}{about} …", show_time=True):
        yield
    seconds = time.monotonic() - began
    if seconds >= _SHOWN_AFTER:
        took[kind or doing] = seconds


@st.cache_resource(show_spinner=False)
def _seconds() -> dict[str, float]:
    """Returns how long each kind of work took the last time, for all sessions."""
    return {}
