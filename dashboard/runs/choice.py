"""The runs whose curves are drawn: their names are in the URL, in the order they were chosen."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.runs.listed import Listed

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
