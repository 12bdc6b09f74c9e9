"""The runs that there are with their notes and curves, and those that are chosen in the URL."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import streamlit as st

from dashboard.ui.folders import runs_folder
from training.runs.curves import Curves
from training.runs.listing import EXPERIMENT, CurveReader, list_runs
from training.runs.notes import RunNotes, notes_with_error
from training.runs.summary import ALIVE, RunSummary


@dataclass(frozen=True)
class Listed:
    """One run of the list."""

    summary: RunSummary
    notes: RunNotes

    @property
    def name(self) -> str:
        """Its folder, which the URL names."""
        return self.summary.name

    @property
    def title(self) -> str:
        """How a person calls it."""
        return self.notes.title or self.summary.name

    @property
    def alive(self) -> bool:
        """Whether a trainer works on it now."""
        return self.summary.status in ALIVE

    @property
    def ships(self) -> bool:
        """Whether it came with Carmask."""
        return self.name.startswith(("carmask-", EXPERIMENT))


def listed_runs() -> list[Listed]:
    """Returns all runs, the one that started last first.

    Raises:
        RunError: The folder of runs can't be read.
    """
    return [_listed(each) for each in list_runs(runs_folder())]


def _listed(summary: RunSummary) -> Listed:
    notes, error = notes_with_error(summary.folder)
    errors = " ".join(filter(None, (summary.error, error)))
    return Listed(replace(summary, error=errors), notes)


def progress(summary: RunSummary) -> str:
    """Returns how far a run came: "epoch 3 of 10", "step 40"."""
    if summary.epoch or summary.epochs:
        of = f" of {summary.epochs}" if summary.epochs else ""
        return f"epoch {summary.epoch}{of}"
    return f"step {summary.step:,}" if summary.step else ""


USUAL = 3
"""Runs that are chosen before anybody chose: the first ones of the list that have figures."""


def chosen_runs(runs: Sequence[Listed], listed: Sequence[Listed]) -> list[Listed]:
    """Returns the chosen runs; one that is gone is left out.

    Args:
        runs: All runs.
        listed: Those that the table lists.
    """
    if "show" not in st.query_params:
        return [run for run in listed if run.summary.step or run.summary.epoch][:USUAL]
    by_name = {run.name: run for run in runs}
    names = dict.fromkeys(st.query_params.get_all("show"))
    return [by_name[name] for name in names if name in by_name]


def choose(names: Sequence[str]) -> None:
    """Writes the chosen runs to the URL. A callback."""
    st.query_params["show"] = list(names) or ""


def open_run(name: str) -> None:
    """Goes to one run. A callback."""
    st.query_params["run"] = name


def close_run() -> None:
    """Goes back to the list. A callback."""
    for word in ("run", "at"):
        st.query_params.pop(word, None)
    for key in ("part", "probe_look", "at_choice"):  # those in the URL leave it with their widget
        st.session_state.pop(key, None)


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
