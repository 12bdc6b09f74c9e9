"""The curves of runs, read once for all sessions: a second look reads what was appended alone."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

import streamlit as st

from training.runs.curves import Curves
from training.runs.listing import CurveReader

_KEPT = 48
"""Runs whose curves stay in memory."""


class Readers:
    """The readers of the runs that were looked at last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_run: OrderedDict[Path, CurveReader] = OrderedDict()

    def curves(self, run: Path) -> Curves:
        """Returns a run's curves as they are now.

        Raises:
            RunError: The run is gone, or its log can't be read.
        """
        place = run.absolute()
        with self._lock:
            reader = self._by_run.pop(place, None) or CurveReader(place)
            self._by_run[place] = reader
            while len(self._by_run) > _KEPT:
                self._by_run.popitem(last=False)
            return reader.read()


@st.cache_resource(show_spinner=False)
def readers() -> Readers:
    """Returns the readers of all sessions."""
    return Readers()
