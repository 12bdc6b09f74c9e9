"""Photos at which a training would stop, passed over at one press and taken in again at another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.names import counted, first_few
from dashboard.ui.text import plain
from training.data.folder import Dataset

if TYPE_CHECKING:
    from training.health.check import Report

MOST = 200
"""Photos that a link can name."""
_WORD = "leave_out"


def show_leave_out(dataset: Dataset, report: Report | None) -> None:
    """Draws the way to leave out a folder's bad photos, and to take in those that were."""
    bad = report.stopping if report is not None else ()
    if bad and len(bad) <= MOST and len(bad) < len(dataset.samples):
        st.button(
            f"Leave out {counted(len(bad), 'bad file')}",
            key=f"leave_out_{dataset.name}",
            icon=":material/playlist_remove:",
            help=plain(f"{first_few(bad, 5)}. The files stay where they are."),
            on_click=_leave_out,
            args=([f"{dataset.name}/{name}" for name in bad],),
        )
    if dataset.left_out:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            count = counted(len(dataset.left_out), "photo")
            st.caption(
                f"{count} left out", help=plain(first_few(dataset.left_out, 5)), width="content"
            )
            st.button(
                "Take in again",
                key=f"take_in_{dataset.name}",
                type="tertiary",
                on_click=_take_in,
                args=(dataset.name, dataset.left_out),
            )


def _leave_out(names: list[str]) -> None:
    st.query_params[_WORD] = list(dict.fromkeys([*st.query_params.get_all(_WORD), *names]))


def _take_in(folder: str, names: tuple[str, ...]) -> None:
    here = {*names, *(f"{folder}/{name}" for name in names)}
    left = [name for name in st.query_params.get_all(_WORD) if name not in here]
    if left:
        st.query_params[_WORD] = left
    else:
        del st.query_params[_WORD]
