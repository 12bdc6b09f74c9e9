"""Which runs the table lists, and in what order; every choice is in the URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.metric_table import HEADLINE, Metric
from dashboard.runs.listed import Listed

ANY_STATUS, ANY_TAG = "Any status", "Any tag"
NEWEST = "Newest"


def _best(metric: Metric) -> Callable[[Listed], float | None]:
    """Returns what finds a run's best figure; none of one that saw its validation cars."""

    def found(run: Listed) -> float | None:
        summary = run.summary
        if summary.best is None or summary.verdict.kind == "leaky":
            return None
        return summary.best.get(metric.name)

    return found


ORDERS: dict[str, Callable[[Listed], Any]] = {
    NEWEST: lambda run: run.summary.started.timestamp() if run.summary.started else None,
    "Name": lambda run: run.title.casefold(),
    **{metric.label: _best(metric) for metric in HEADLINE},
    "Duration": lambda run: run.summary.seconds,
    "Parameters": lambda run: run.summary.parameters,
}
"""What runs can be sorted by; the largest stands first, names from A to Z."""


def ask_runs(runs: Sequence[Listed]) -> list[Listed]:
    """Draws search, filters and order, and returns the wanted runs."""
    with st.container(key="filters", horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Find",
            key="find",
            bind="query-params",
            placeholder="Name, tag, note, data, device",
            icon=":material/search:",
            width=260,
        )
        statuses = [ANY_STATUS, *sorted({run.summary.status for run in runs})]
        status = _ask_one("Status", "status", statuses)
        tags = sorted({tag for run in runs for tag in run.notes.tags}, key=str.casefold)
        tag = _ask_one("Tag", "tag", [ANY_TAG, *tags]) if tags else ANY_TAG
        order = st.selectbox("Sort by", list(ORDERS), key="order", bind="query-params", width=150)
        backwards = st.toggle("Reverse", key="backwards", bind="query-params")
        archived = False
        if any(run.notes.archived for run in runs):
            archived = st.toggle("Archived", key="archived", bind="query-params")
    wanted = [
        run
        for run in runs
        if (archived or not run.notes.archived)
        and status in (ANY_STATUS, run.summary.status)
        and (tag == ANY_TAG or tag in run.notes.tags)
        and has(run, text)
    ]
    return sort(wanted, order, backwards=backwards)


def has(run: Listed, text: str) -> bool:
    """Tells whether every word of a text stands somewhere in what is known of a run."""
    summary, notes = run.summary, run.notes
    parts = (run.name, notes.title, *notes.tags, notes.notes, *summary.data, summary.device)
    parts += (summary.device_name, summary.verdict.sentence(), summary.written_by)
    known = "\n".join(parts).casefold()
    return all(word in known for word in text.casefold().split())


def sort(runs: Sequence[Listed], order: str, *, backwards: bool) -> list[Listed]:
    """Returns runs by one of ORDERS; what is not known stands last either way."""
    key = ORDERS.get(order, ORDERS[NEWEST])
    known = [run for run in runs if key(run) is not None]
    unknown = [run for run in runs if key(run) is None]
    largest_first = order != "Name"
    return sorted(known, key=key, reverse=largest_first != backwards) + unknown


def _ask_one(label: str, key: str, options: Sequence[str]) -> str:
    if st.session_state.get(key, options[0]) not in options:
        st.session_state[key] = options[0]
    return st.selectbox(label, options, key=key, bind="query-params", width=150)
